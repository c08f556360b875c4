"""What goes into an injection and what comes out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from ...models.errors import ConfigurationError

MARKER: Final = "{{career_relay_link}}"
MEGABYTE: Final = 1 << 20
_SOME: Final = 1 << 13
"""Bytes that it takes longer to copy than to look at in their place."""

_URL: Final = re.compile(r"https?://[A-Za-z0-9:/?=&._~%-]{1,92}")
_LINK_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MARKER: Final = re.compile(r"[!-~]{6,60}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029]")


class Status(StrEnum):
    """What became of a message."""

    INJECTED = "injected"
    REPLACED = "replaced"
    ALREADY = "already"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"


class Refusal(Exception):  # noqa: N818 - not an error: a decision, told by its code
    """This message is not to be changed. Never leaves the package."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SelfCheckError(Exception):
    """A result that must not be used. ``invariant``: I1 to I5. Never leaves the package."""

    def __init__(self, invariant: str) -> None:
        super().__init__(invariant)
        self.invariant = invariant


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What is put in, in the company's words.

    ``text``: lines joined by LF, the URL alone on one of them. ``ascii_text``: the same for
    charsets that hold no Japanese. ``link_id``: a token, for our header. Raises
    ConfigurationError naming the field.
    """

    text: str
    url: str
    link_id: str
    ascii_text: str
    language: str = "ja"

    def __post_init__(self) -> None:
        if not _URL.fullmatch(self.url):
            raise ConfigurationError("url: must be an http(s) address of at most 100 ASCII signs")
        if not _LINK_ID.fullmatch(self.link_id):
            raise ConfigurationError("link_id: must be 1 to 64 letters, digits, '.', '_' or '-'")
        if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})?", self.language):
            raise ConfigurationError("language: must be a tag such as ja or en")
        for name in ("text", "ascii_text"):
            _check_text(name, getattr(self, name), url=self.url)
        if not self.ascii_text.isascii():
            raise ConfigurationError("ascii_text: must be plain ASCII")


def _check_text(name: str, text: str, *, url: str) -> None:
    if _UNPRINTABLE.search(text):
        raise ConfigurationError(f"{name}: holds a control character")
    if text.count(url) != 1 or url not in text.split("\n"):
        raise ConfigurationError(f"{name}: the URL must stand once, alone on a line")
    if text != text.strip("\n"):
        raise ConfigurationError(f"{name}: must not begin or end with an empty line")
    for line in text.split("\n"):
        # mbox readers and quote detection would take such a line for something else.
        if line.startswith((">", "From ")):
            raise ConfigurationError(f"{name}: a line must not begin with '>' or 'From '")


@dataclass(frozen=True, slots=True)
class Policy:
    """What a company, or the way a mail takes, allows.

    ``mark_key`` signs our header; empty: none is believed. ``append`` False: only a marker is
    replaced. ``next_hop_signs`` False: nobody signs after us but for ``signing_domains``.
    ``url_prefix``: what all our links begin with, so that one already there is found.
    """

    marker: str = MARKER
    mark_key: bytes = b""
    append: bool = True
    next_hop_signs: bool = True
    signing_domains: frozenset[str] = frozenset()
    url_prefix: str = ""
    max_bytes: int = 30 * MEGABYTE

    def __post_init__(self) -> None:
        if not _MARKER.fullmatch(self.marker):
            raise ConfigurationError("marker: must be 6 to 60 printable ASCII signs without blanks")


class Edit(NamedTuple):
    """``message[start:end]`` becomes ``replacement``."""

    start: int
    end: int
    replacement: bytes


def spliced(data: bytes, edits: Sequence[tuple[int, int, bytes]], start: int, stop: int) -> bytes:
    """``data[start:stop]`` after the edits in it, which are ascending and do not overlap."""
    pieces: list[bytes | memoryview] = []
    at = start
    for begin, end, new in edits:
        pieces.append(memoryview(data)[at:begin] if begin - at > _SOME else data[at:begin])
        pieces.append(new)
        at = end
    pieces.append(memoryview(data)[at:stop] if stop - at > _SOME else data[at:stop])
    return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Result:
    """What was done, as edits of the original in ascending order; none: it goes on as it is.

    ``code`` says why, ``notes`` what else an administrator may want to know.
    """

    status: Status
    code: str = ""
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def hold(self) -> bool:
        """A raw marker would be seen: the message must not go on as it is."""
        return self.code == "token_left"

    def spans(self) -> list[tuple[int, int, int]]:
        """Where each edit begins and ends in the original, and how long what it puts there is."""
        return [(edit.start, edit.end, len(edit.replacement)) for edit in self.edits]

    def pieces(self, message: bytes) -> Iterator[memoryview]:
        """The result for a gathered write; attachments are not copied."""
        view, at = memoryview(message), 0
        for edit in self.edits:
            yield view[at : edit.start]
            yield memoryview(edit.replacement)
            at = edit.end
        yield view[at:]

    def assemble(self, message: bytes) -> bytes:
        """The result in one piece; the very same object where nothing is edited."""
        return spliced(message, self.edits, 0, len(message)) if self.edits else message
