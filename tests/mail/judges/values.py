"""What a reader tells of a message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One node of the tree, in the order of the message.

    ``depth`` 0 is the message itself. ``digest``: SHA-256 of the decoded bytes, or of the text
    where a reader gives no bytes; empty for what has children. ``text``: decoded, or None.
    """

    depth: int
    type: str
    filename: str
    disposition: str
    digest: str
    text: str | None
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader's view of a message."""

    judge: str
    parts: tuple[Part, ...]
    errors: tuple[str, ...] = ()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The fields of the message itself, raw."""
        return self.parts[0].headers if self.parts else ()

    def texts(self, kind: str) -> tuple[str, ...]:
        """The decoded texts of all parts of one type, such as text/plain."""
        return tuple(p.text for p in self.parts if p.type == kind and p.text is not None)
