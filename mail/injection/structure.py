"""The structure of a message as spans of its bytes: the tree of its parts.

Nothing is decoded or copied. What two readers could take for different things is a Refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from .encodings import CHANGELESS
from .header import Header, read_header
from .parameters import Value, read_type, read_value
from .values import Refusal
from .words import CR, LF

MAX_DEPTH: Final = 20
MAX_PARTS: Final = 500
MAX_DELIMITERS: Final = 5000
"""Places that look like one, in one multipart."""

_END_OF_DELIMITER: Final = re.compile(rb"(--)?[ \t]*+(?:(\r?\n|\Z)|(\r))")
_ENCODINGS: Final = ("quoted-printable", "base64")
_TEXT: Final = Value("text/plain", {})
_NOTHING: Final = Value("", {})


class Part:
    """A message or a part of one.

    ``start``: its header; ``body`` to ``end``: its content, without the line end that belongs to
    the delimiter behind it. ``type``: lower-case type/subtype. ``closed``: a delimiter stands
    behind it (of a multipart: its own closing one was found). ``around``: the boundaries of the
    multiparts it is in.
    """

    __slots__ = (
        "around", "body", "children", "closed", "content_type", "disposition", "encoding", "end",
        "header", "start", "type",
    )  # fmt: skip

    def __init__(
        self,
        header: Header,
        described: tuple[Value, str, Value],
        *,
        body: int,
        end: int,
        closed: bool,
        around: tuple[bytes, ...],
    ) -> None:
        """``described``: what ``_described`` says of the header."""
        self.header = header
        self.content_type, self.encoding, self.disposition = described
        self.type = self.content_type.text
        self.start = header.start
        self.body = body
        self.end = end
        self.closed = closed
        self.around = around
        self.children: list[Part] = []

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/")

    @property
    def boundary(self) -> bytes:
        return self.content_type.params.get("boundary", "").encode("latin-1")

    @property
    def has_name(self) -> bool:
        """Somebody gave it a file name."""
        return self.content_type.is_named or self.disposition.is_named

    @property
    def is_attachment(self) -> bool:
        return self.disposition.text not in ("", "inline") or self.has_name

    def walk(self) -> Sequence[Part]:
        """This part and all below it, in their order; attached messages are leaves."""
        if not self.children:
            return (self,)
        return [self, *(part for child in self.children for part in child.walk())]

    def get(self, name: bytes) -> bytes | None:
        """The raw value of the first field of that (lower-case) name."""
        return self.header.get(name)


class Reader:
    """Reads one message; counts its parts."""

    def __init__(self, message: bytes) -> None:
        self._message = message
        self._parts = 0

    def read(self) -> Part:
        """The whole tree. Raises Refusal."""
        start = 0
        if self._message.startswith(b"From "):
            start = self._message.find(b"\n") + 1
        return self._part(start, len(self._message), ancestors=(), closed=True)

    def _part(self, start: int, end: int, *, ancestors: tuple[bytes, ...], closed: bool) -> Part:
        self._parts += 1
        if self._parts > MAX_PARTS or len(ancestors) > MAX_DEPTH:
            raise Refusal("too_complex")
        header, body = read_header(self._message, start, end, is_top=not ancestors)
        part = part_of(header, body, end, closed=closed, around=ancestors)
        if part.is_multipart:
            self._read_children(part)
        return part

    def _read_children(self, part: Part) -> None:
        boundary, ancestors = part.boundary, part.around
        if not boundary or _is_like(boundary, ancestors):
            raise Refusal("structure_ambiguous")
        if part.encoding in _ENCODINGS:
            raise Refusal("encoded_multipart")
        spans, part.closed = self._spans(part, boundary)
        if not spans:
            raise Refusal("structure_ambiguous")
        inner = (*ancestors, boundary)
        for start, end, closed in spans:
            if start >= end:
                raise Refusal("structure_ambiguous")
            part.children.append(self._part(start, end, ancestors=inner, closed=closed))

    def _spans(self, part: Part, boundary: bytes) -> tuple[list[tuple[int, int, bool]], bool]:
        """Where the parts between the delimiter lines begin and end; whether one closes them."""
        spans: list[tuple[int, int, bool]] = []
        opened: int | None = None
        lines = self._lines_like(part, boundary)
        for at in lines:
            found = self._end_of_delimiter(at + 2 + len(boundary), part.end)
            if found is None:
                continue
            if opened is not None:
                spans.append((opened, self._before_line_end(at, opened), True))
            if found[1]:
                if any(True for _ in lines):
                    # Behind the closing delimiter nothing may look like another part.
                    raise Refusal("structure_ambiguous")
                return spans, True
            opened = found.end()
            if len(spans) > MAX_PARTS:
                raise Refusal("too_complex")
        if opened is not None:
            spans.append((opened, part.end, False))
        return spans, False

    def _lines_like(self, part: Part, boundary: bytes) -> Iterator[int]:
        """Where lines begin that begin like a delimiter. Raises Refusal."""
        message, mark = self._message, b"--" + boundary
        at = message.find(mark, part.body, part.end)
        seen = 0
        while at >= 0:
            seen += 1
            if seen > MAX_DELIMITERS:
                raise Refusal("too_complex")
            before = message[at - 1]
            if before == CR:
                # A lone CR ends a line for some readers.
                raise Refusal("structure_ambiguous")
            if before == LF:
                yield at
            at = message.find(mark, at + len(mark), part.end)

    def _end_of_delimiter(self, at: int, end: int) -> re.Match[bytes] | None:
        """What stands behind the boundary of a delimiter line. None in any other line."""
        found = _END_OF_DELIMITER.match(self._message, at, end)
        if found and found[3]:
            raise Refusal("structure_ambiguous")
        return found

    def _before_line_end(self, at: int, opened: int) -> int:
        """The content before a delimiter line ends before the line end in front of it."""
        end = at - 1
        if end > opened and self._message[end - 1 : end] == b"\r":
            end -= 1
        return max(end, opened)


def _is_like(boundary: bytes, ancestors: tuple[bytes, ...]) -> bool:
    """What closes the one would be the other."""
    likes = (boundary, boundary + b"--", boundary.removesuffix(b"--"))
    return bool(ancestors) and any(like in ancestors for like in likes)


def part_of(
    header: Header, body: int, end: int, *, closed: bool = True, around: tuple[bytes, ...] = ()
) -> Part:
    """A part as its own header describes it; what is in it is not looked at. Raises Refusal."""
    block = header.short()
    described = _described_as(block) if block else _described(header)
    return Part(header, described, body=body, end=end, closed=closed, around=around)


def _described(header: Header) -> tuple[Value, str, Value]:
    """Type, transfer encoding and disposition. Raises Refusal."""
    said = header.said()
    kind, encoding = said.get(b"type"), said.get(b"transfer-encoding")
    disposition = said.get(b"disposition")
    return (
        _TEXT if kind is None else read_type(kind),
        "7bit" if encoding is None else _encoding(encoding),
        _NOTHING if disposition is None else read_value(disposition),
    )


@lru_cache(maxsize=256)
def _described_as(block: bytes) -> tuple[Value, str, Value]:
    """The same of a part's header: those of a company's mails are the same few."""
    return _described(Header(block, 0, len(block)))


@lru_cache(maxsize=64)
def _encoding(raw: bytes) -> str:
    """The announced transfer encoding."""
    said = raw.decode("latin-1").rstrip("\r\n").lstrip(" \t").lower()
    encoding = said.rstrip()
    if encoding in CHANGELESS or said in _ENCODINGS:
        return encoding
    # With a comment, a semicolon, even a blank behind it, it counts for some readers only.
    raise Refusal("unknown_cte")
