"""Quoted-printable, changed at certain places while all other lines stay as they are.

https://www.rfc-editor.org/rfc/rfc2045#section-6.7
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import Final

from .values import Edit, Refusal
from .words import CR

LONGEST_LINE: Final = 76
_EQUALS: Final = ord("=")

_SIGNS: Final = re.compile(rb"(?:[^=]|=[0-9A-Fa-f]{2})*+")
"""What all readers undo in the same way."""
_TOO_LONG: Final = re.compile(rb"^([^\n]{74,75})(=20|=09)$", re.MULTILINE)
_SOME_LINES: Final = 1 << 14
_TAILS: Final = (1 << 8, 1 << 11, _SOME_LINES)
"""Bytes of raw text from the end: most places are before the last tags, or the signature."""
_MOST_LINES: Final = 100
_KNOWN_BY: Final = 6
"""Signs by which a place is recognised, as ``</body``."""
_CUT: Final = 6
"""About so many bytes go to the next line where there is no room for a soft break."""


def decode(raw: bytes) -> bytes:
    """Undone; what is no escape stays."""
    return binascii.a2b_qp(raw)


def quoted(data: bytes, eol: bytes) -> bytes:
    """``data`` with line ends of ``eol``; others in it are encoded."""
    even = _even(data, eol)
    if even is not None:
        encoded = _encoded(even, istext=True)
        return encoded if eol == b"\n" else encoded.replace(b"\n", eol)
    # Its soft breaks have the line ends that it finds first in the data.
    return _encoded(data, istext=False).replace(b"\r\n", b"\n").replace(b"\n", eol)


def quoted_around(data: bytes, at: int, new: bytes, eol: bytes) -> bytes:
    """The same of ``data`` with ``new`` at ``at``; line by line where ``new`` is whole lines."""
    is_lines = new.endswith(eol) and (not at or data.endswith(eol, 0, at))
    even = _even(data, eol) if is_lines else None
    if even is None or _even(new, eol) is None:
        return quoted(data[:at] + new + data[at:], eol)
    cut = at if eol == b"\n" else at - data.count(b"\n", 0, at)
    above, below = _encoded(even[:cut], istext=True), _encoded(even[cut:], istext=True)
    if eol != b"\n":
        above, below = above.replace(b"\n", eol), below.replace(b"\n", eol)
    return above + _line_by_line(new, eol) + below


def _even(data: bytes, eol: bytes) -> bytes | None:
    """``data`` with line ends of LF, where all its line ends are ``eol`` and no CR or LF stands
    elsewhere; else None."""
    if eol == b"\n":
        return None if CR in data else data
    even = data.replace(eol, b"\n")
    ends = len(data) - len(even)
    return even if CR not in even and even.count(b"\n") == ends else None


def quoted_words(new: bytes, eol: bytes) -> bytes:
    """The same line by line: all but that with the link are the same in a company's mails."""
    return quoted(new, eol) if _even(new, eol) is None else _line_by_line(new, eol)


def _line_by_line(new: bytes, eol: bytes) -> bytes:
    lines = new.split(eol)
    if len(lines) > _MOST_LINES:
        return quoted(new, eol)
    last = lines.pop()
    written = [_quoted_line(line, eol) for line in lines]
    if last:
        written.append(quoted(last, eol))
    return b"".join(written)


@lru_cache(maxsize=1024)
def _quoted_line(line: bytes, eol: bytes) -> bytes:
    return quoted(line + eol, eol)


def _encoded(data: bytes, *, istext: bool) -> bytes:
    """The library forgets the length of a line when it encodes the blank at its end."""
    encoded = binascii.b2a_qp(data, istext=istext)
    return _TOO_LONG.sub(rb"\1=\n\2", encoded) if _has_too_long(encoded) else encoded


def _has_too_long(encoded: bytes) -> bool:
    """A line that ends in an encoded blank, or the last one behind it."""
    has_blank = False
    for blank in (b"=20\n", b"=09\n"):
        at = encoded.find(blank)
        has_blank = has_blank or at >= 0
        while at >= 0:
            if at + 2 - encoded.rfind(b"\n", 0, at) > LONGEST_LINE:
                return True
            at = encoded.find(blank, at + 1)
    return has_blank and len(encoded) - 1 - encoded.rfind(b"\n") > LONGEST_LINE


class Places:
    """Where decoded offsets are in the raw bytes; asked for in ascending order, so that all
    together take linear time."""

    def __init__(self, raw: bytes, length: int) -> None:
        """``length``: of all that is decoded."""
        self._raw = raw
        self._whole = length
        self._at = self._length = 0
        """A raw offset, and the decoded one that it stands for."""
        self._stop = self._stop_length = 0
        """The same of a line's start, not before."""

    def find(self, wanted: int) -> int:
        """The raw offset, behind a soft break. Raises Refusal where readers may disagree."""
        self._near_end(wanted)
        while self._stop_length <= wanted and self._stop < len(self._raw):
            self._move(self._stop, self._stop_length)
            self._stop = self._raw.find(b"\n", self._at + _SOME_LINES) + 1 or len(self._raw)
            self._stop_length = self._length_at(self._stop)
        self._narrow(wanted)
        if self._stop_length <= wanted:
            self._move(self._stop, self._stop_length)
        self._step(wanted - self._length)
        return self._at

    def _near_end(self, wanted: int) -> None:
        """To the start of a line not far from the end, if the place is behind it."""
        for size in _TAILS:
            if wanted - self._stop_length <= size:
                return
            line = self._raw.find(b"\n", max(self._stop, len(self._raw) - size)) + 1
            length = self._whole - len(decode(self._raw[line:]))
            if line and length <= wanted:
                self._stop, self._stop_length = line, length
                return

    def _move(self, at: int, length: int) -> None:
        self._at, self._length = at, length

    def _length_at(self, line: int) -> int:
        return self._length + len(decode(self._raw[self._at : line]))

    def _narrow(self, wanted: int) -> None:
        """To the line in which it is."""
        while middle := self._line_within():
            length = self._length_at(middle)
            if length <= wanted:
                self._move(middle, length)
            else:
                self._stop, self._stop_length = middle, length

    def _line_within(self) -> int:
        """The start of a line, about in the middle; 0 where none starts."""
        middle = (self._at + self._stop) // 2
        before = self._raw.rfind(b"\n", self._at, middle) + 1
        return before or self._raw.find(b"\n", middle, self._stop - 1) + 1

    def _step(self, length: int) -> None:
        """So many decoded bytes further in the line."""
        raw, start = self._raw, self._at
        at = start + length
        seen, escapes = start, raw.count(b"=", start, at)
        while seen < at:
            seen, at = at, start + length + 2 * escapes
            escapes += raw.count(b"=", seen, at)
        if at > len(raw) or not _SIGNS.fullmatch(raw, start, at):
            raise Refusal("bad_qp")
        self._move(at, self._length + length)


class Splicer:
    """Makes edits of changes, which are ascending and do not overlap."""

    def __init__(self, raw: bytes, eol: bytes, *, decoded: bytes) -> None:
        self._raw = raw
        self._eol = eol
        self._decoded = decoded
        self._places = Places(raw, len(decoded))
        self._line = 0
        """Where the last edit began a new line."""

    def edits(self, start: int, end: int, new: bytes) -> list[Edit]:
        """``new`` in place of what is decoded ``[start:end]``. Raises Refusal."""
        raw, soft = self._raw, b"=" + self._eol
        first = self._find(start)
        last = self._find(end) if end > start else first
        line = max(self._line, raw.rfind(b"\n", 0, first) + 1)
        text = quoted_words(new, self._eol)
        if not text.endswith(self._eol) and raw[last : last + 1] not in (b"\r", b"\n", b""):
            text = self._soft_at_end(text)
        found: list[Edit] = []
        if first > line:
            text = soft + text
            if first - line >= LONGEST_LINE:
                at = _before(raw, first)
                found.append(Edit(at, at, soft))
        if text.endswith(self._eol):
            self._line = last
        return [*found, Edit(first, last, text)]

    def _find(self, wanted: int) -> int:
        """The raw offset; what stands behind a last sign would make it another one."""
        at = self._by_signs(wanted)
        if at < 0:
            at = self._places.find(wanted)
        if at < len(self._raw) or not self._raw.endswith(b"="):
            return at
        if self._raw.endswith(b"=="):
            raise Refusal("bad_qp")
        return at - 1

    def _by_signs(self, wanted: int) -> int:
        """The same for a place near the end before signs that stand there as they are, as a tag
        does; else -1. It is the one behind which so much is decoded as has to be."""
        raw, signs = self._raw, self._decoded[wanted : wanted + _KNOWN_BY]
        tail = max(len(raw) - _TAILS[1], 0)
        at = raw.rfind(signs, tail) if len(signs) == _KNOWN_BY else -1
        if at < 0 or _EQUALS in signs or len(decode(raw[at:])) != len(self._decoded) - wanted:
            return -1
        return at if _SIGNS.fullmatch(raw, raw.rfind(b"\n", 0, at) + 1, at) else -1

    def _soft_at_end(self, text: bytes) -> bytes:
        soft = b"=" + self._eol
        if len(text) - text.rfind(b"\n") > LONGEST_LINE:
            at = _before(text, len(text))
            text = text[:at] + soft + text[at:]
        return text + soft


def _before(raw: bytes, end: int) -> int:
    """A little before the end of a full line, which has no room for a soft break behind it."""
    at = end - _CUT
    escape = raw.rfind(b"=", at - 2, at)
    return at if escape < 0 else escape
