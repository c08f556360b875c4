"""One message as an MTA tells it to a milter: envelope, headers one by one, body in chunks."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINE_END = re.compile(rb"\r?\n")
_EACH = 64
"""What an entry of a list costs beside its text, so that many empty ones are not free."""


@dataclass(slots=True)
class Gathering:
    """What has come of one message so far, and its bytes as they will go out.

    ``leading_blank``: header values come with the blank after their colon. ``max_bytes``: of
    everything that is kept; ``overflowed`` says that there was more.
    """

    leading_blank: bool
    max_bytes: int
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    queue_id: str = ""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    size: int = 0
    overflowed: bool = False

    def add_recipient(self, address: str) -> None:
        if self._has_room(len(address) + _EACH):
            self.recipients.append(address)

    def add_header(self, name: bytes, value: bytes) -> None:
        if self._has_room(len(name) + len(value) + _EACH):
            self.headers.append((name, value))

    def add_body(self, chunk: bytes) -> None:
        if self._has_room(len(chunk)):
            self.body += chunk

    def _has_room(self, more: int) -> bool:
        """Once something was left out, nothing more is kept."""
        self.overflowed = self.overflowed or self.size + more > self.max_bytes
        if not self.overflowed:
            self.size += more
        return not self.overflowed

    def header_spans(self) -> list[tuple[int, int]]:
        """Where each header stands in ``message()``, its line end included."""
        spans: list[tuple[int, int]] = []
        end = 0
        for name, value in self.headers:
            start, end = end, end + len(self._line(name, value))
            spans.append((start, end))
        return spans

    def message(self) -> bytes:
        """The message in wire form. An MTA gives folds as LF and everything else as CRLF."""
        lines = (self._line(name, value) for name, value in self.headers)
        return b"".join((*lines, b"\r\n", self.body))

    def _line(self, name: bytes, value: bytes) -> bytes:
        blank = b"" if self.leading_blank or not value else b" "
        return name + b":" + blank + _LINE_END.sub(b"\r\n", value) + b"\r\n"
