"""The structure of a message as spans of its bytes: fields of headers, and the tree of parts.

Nothing is decoded or copied. What two readers could take for different things is a Refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .parameters import Value, read_value
from .values import Refusal

MAX_DEPTH = 20
MAX_PARTS = 500
MAX_HEADER = 1 << 20

MAX_DELIMITERS = 5000
"""Places that look like one, in one multipart."""

_FIELD = re.compile(rb"([!-9;-~]++):([^\n]*+\n(?:[ \t][^\n]*+\n)*+)")
_BLANK_FOLD = re.compile(rb"\n[ \t]++\r?\n")
_END_OF_DELIMITER = re.compile(rb"(--)?[ \t]*+(?:(\r?\n|\Z)|(\r))")
_CR, _LF = b"\r\n"
_TYPE = re.compile(r"[!#$&^_.+a-z0-9-]+/[!#$&^_.+a-z0-9-]+")
_SINGLE = ("content-type", "content-transfer-encoding", "content-disposition")
_CHANGELESS = ("7bit", "8bit", "binary")
_ENCODINGS = ("quoted-printable", "base64")


@dataclass(slots=True)
class Field:
    """One header field; ``end`` is behind its line end, ``value`` raw with its folds."""

    name: str
    start: int
    end: int
    value: bytes


@dataclass(slots=True)
class Part:
    """A message or a part of one.

    ``start``: its header; ``body`` to ``end``: its content, without the line end that belongs to
    the delimiter behind it. ``closed``: a delimiter stands behind it (of a multipart: its own
    closing one was found).
    """

    start: int
    body: int
    end: int
    fields: list[Field]
    content_type: Value
    encoding: str
    disposition: Value
    closed: bool = True
    children: list[Part] = field(default_factory=list)

    @property
    def type(self) -> str:
        """Lower-case type/subtype."""
        return self.content_type.text

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/")

    @property
    def boundary(self) -> bytes:
        return self.content_type.params.get("boundary", "").encode("latin-1")

    @property
    def has_name(self) -> bool:
        """Somebody gave it a file name."""
        names = {*self.content_type.params, *self.disposition.params}
        return any(n.partition("*")[0] in ("name", "filename") for n in names)

    @property
    def is_attachment(self) -> bool:
        return self.disposition.text not in ("", "inline") or self.has_name

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in their order; attached messages are leaves."""
        yield self
        for child in self.children:
            yield from child.walk()

    def get(self, name: str) -> bytes | None:
        """The raw value of the first field of that (lower-case) name."""
        return next((f.value for f in self.fields if f.name == name), None)


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
        fields, body = read_fields(self._message, start, end, is_top=not ancestors)
        part = _part_of(fields, start, body, end, closed=closed)
        if part.is_multipart:
            self._read_children(part, ancestors)
        return part

    def _read_children(self, part: Part, ancestors: tuple[bytes, ...]) -> None:
        boundary = part.boundary
        if not boundary or _is_like(boundary, ancestors):
            raise Refusal("structure_ambiguous")
        if part.encoding in _ENCODINGS:
            raise Refusal("encoded_multipart")
        spans, part.closed = self._spans(part, boundary)
        if not spans:
            raise Refusal("structure_ambiguous")
        for start, end, closed in spans:
            if start >= end:
                raise Refusal("structure_ambiguous")
            inner = (*ancestors, boundary)
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
            if before == _CR:
                # A lone CR ends a line for some readers.
                raise Refusal("structure_ambiguous")
            if before == _LF:
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
    return any(like in ancestors for like in likes)


def read_fields(
    message: bytes, start: int, end: int, *, is_top: bool = True
) -> tuple[list[Field], int]:
    """The fields of a header, and where the body begins. Raises Refusal."""
    stop, body = _header_end(message, start, end, is_top=is_top)
    if stop - start > MAX_HEADER:
        raise Refusal("too_complex")
    if message.count(b"\r", start, stop) != message.count(b"\r\n", start, stop):
        # A lone CR ends a line for some readers.
        raise Refusal("malformed_header")
    fields: list[Field] = []
    at = start
    while at < stop:
        found = _FIELD.match(message, at, stop)
        if not found or _BLANK_FOLD.search(found[2]):
            raise Refusal("malformed_header")
        fields.append(Field(found[1].decode("ascii").lower(), at, found.end(), found[2]))
        at = found.end()
    return fields, body


def _header_end(message: bytes, start: int, end: int, *, is_top: bool) -> tuple[int, int]:
    """Where the fields end and where the body begins."""
    for blank in (b"\r\n", b"\n"):
        if message.startswith(blank, start, end):
            if is_top:
                raise Refusal("no_header_end")
            return start, start + len(blank)
    limit = min(end, start + MAX_HEADER + 4)
    crlf = message.find(b"\n\r\n", start, limit)
    lf = message.find(b"\n\n", start, limit if crlf < 0 else crlf)
    if crlf < 0 and lf < 0:
        raise Refusal("no_header_end" if limit == end else "too_complex")
    if lf >= 0:
        return lf + 1, lf + 2
    return crlf + 1, crlf + 3


def _part_of(fields: list[Field], start: int, body: int, end: int, *, closed: bool) -> Part:
    """A part as its own header describes it."""
    kind, encoding, disposition = (_single(fields, name) for name in _SINGLE)
    content_type = Value("text/plain", {}) if kind is None else read_value(kind)
    if not _TYPE.fullmatch(content_type.text):
        raise Refusal("malformed_header")
    return Part(
        start=start,
        body=body,
        end=end,
        fields=fields,
        content_type=content_type,
        encoding=_encoding(encoding),
        disposition=read_value(disposition or b""),
        closed=closed,
    )


def _encoding(raw: bytes | None) -> str:
    """The announced transfer encoding; none is 7bit."""
    if raw is None:
        return "7bit"
    said = raw.decode("latin-1").rstrip("\r\n").lstrip(" \t").lower()
    encoding = said.rstrip()
    if encoding in _CHANGELESS or said in _ENCODINGS:
        return encoding
    # With a comment, a semicolon, even a blank behind it, it counts for some readers only.
    raise Refusal("unknown_cte")


def _single(fields: list[Field], name: str) -> bytes | None:
    """The one value of a field that says what a part is. Two that agree are one."""
    found = [f.value for f in fields if f.name == name]
    if len(found) > 1 and (name == "content-disposition" or len({v.strip() for v in found}) > 1):
        raise Refusal("duplicate_field")
    return found[0] if found else None
