"""The header of a message or of a part of one: fields as spans of its bytes, found by their names.

A header is proved well-formed in one go. Its fields are looked for only when somebody asks: of the
thirty or more that a mail carries, most are never looked at.
"""

from __future__ import annotations

import re
from typing import Final

from .values import Refusal
from .words import holds

MAX_HEADER: Final = 1 << 20
_SHORT: Final = 250

_FIELDS: Final = re.compile(rb"(?:[!-9;-~]++:[^\n]*+\n(?:[ \t]++(?!\r?\n)[^\n]*+\n)*+)*+")
"""Without a way back, so that time is linear whatever stands there; no fold is blank."""
_VALUE: Final = re.compile(rb"[^\n]*+\n(?:[ \t][^\n]*+\n)*+")
_SAID: Final = re.compile(
    rb"\ncontent-(type|transfer-encoding|disposition):([^\n]*+(?:\n[ \t][^\n]*+)*+)"
)

_CONTENT: Final = b"\ncontent-"


class Field:
    """One field; ``end`` is behind its line end, ``value`` raw with its folds."""

    __slots__ = ("end", "start", "value")

    def __init__(self, start: int, end: int, value: bytes) -> None:
        self.start = start
        self.end = end
        self.value = value


class Header:
    """Fields in their order, from ``start`` to ``end``; asked for by name, in lower case."""

    __slots__ = ("_asked", "_lowered", "_message", "end", "start")

    def __init__(self, message: bytes, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self._message = message
        self._lowered = b""
        self._asked: dict[bytes, bytes | None] = {}

    @property
    def _low(self) -> bytes:
        """In lower case, with a line end in front."""
        if not self._lowered:
            self._lowered = b"\n" + self._message[self.start : self.end].lower()
        return self._lowered

    def short(self) -> bytes:
        """All of it, where it is no longer than that of most parts."""
        return self._message[self.start : self.end] if self.end - self.start <= _SHORT else b""

    def __contains__(self, name: bytes) -> bool:
        return self.get(name) is not None

    def holds(self, low: bytes) -> bool:
        """Whether that stands somewhere, in either case."""
        return holds(self._low, low)

    def finds(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether it stands somewhere; of a header in lower case, with a line end in front."""
        return pattern.search(self._low) is not None

    def said(self) -> dict[bytes, bytes]:
        """The raw values of the fields that say what a part is, by the ends of their names.

        Two that agree are one. Raises Refusal.
        """
        said: dict[bytes, bytes] = {}
        low = self._low
        at = low.find(_CONTENT)
        while at >= 0:
            found = _SAID.match(low, at)
            at = low.find(_CONTENT, at + 1)
            if not found:
                continue
            name = found[1]
            begin, end = found.span(2)
            value = self._message[self.start + begin - 1 : self.start + end]
            if name not in said:
                said[name] = value
            elif name == b"disposition" or said[name].strip() != value.strip():
                raise Refusal("duplicate_field")
        return said

    def get(self, name: bytes) -> bytes | None:
        """The raw value of the first field of that name."""
        if name not in self._asked:
            self._asked[name] = self._first(name)
        return self._asked[name]

    def _first(self, name: bytes) -> bytes | None:
        key = b"\n" + name + b":"
        at = self._low.find(key)
        found = self._value(at + len(key)) if at >= 0 else None
        return found[0] if found else None

    def all(self, name: bytes) -> list[Field]:
        """Every field of that name."""
        key = b"\n" + name + b":"
        fields: list[Field] = []
        at = self._low.find(key)
        while at >= 0 and (found := self._value(at + len(key))):
            fields.append(Field(self.start + at, found.end(), found[0]))
            at = self._low.find(key, at + 1)
        return fields

    def _value(self, at: int) -> re.Match[bytes] | None:
        """What stands behind a name that ends there in ``_low``, which begins one byte sooner."""
        return _VALUE.match(self._message, self.start + at - 1, self.end)


def read_header(message: bytes, start: int, end: int, *, is_top: bool = True) -> tuple[Header, int]:
    """The fields, and where the body begins. Raises Refusal."""
    stop, body = _header_end(message, start, end, is_top=is_top)
    # A CR that stands alone ends a line for some readers.
    has_lone = message.count(b"\r", start, stop) != message.count(b"\r\n", start, stop)
    if has_lone or not _FIELDS.fullmatch(message, start, stop):
        raise Refusal("malformed_header")
    return Header(message, start, stop), body


def _header_end(message: bytes, start: int, end: int, *, is_top: bool) -> tuple[int, int]:
    """Where the fields end and where the body begins."""
    if message.startswith((b"\r\n", b"\n"), start, end):
        if is_top:
            raise Refusal("no_header_end")
        return start, message.index(b"\n", start) + 1
    limit = min(end, start + MAX_HEADER)
    crlf = message.find(b"\n\r\n", start, limit)
    lf = message.find(b"\n\n", start, limit if crlf < 0 else crlf)
    if crlf < 0 and lf < 0:
        raise Refusal("no_header_end" if limit == end else "too_complex")
    if lf >= 0:
        return lf + 1, lf + 2
    return crlf + 1, crlf + 3
