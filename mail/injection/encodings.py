"""Transfer encodings: undone strictly, and changed at one place while all other lines stay.

A ``Change`` is in decoded bytes, an ``Edit`` in the bytes of the message.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from .values import Edit, Refusal

LONGEST_LINE = 76
QUANTUM = 3

_BASE64 = re.compile(rb"[A-Za-z0-9+/]*={0,2}")
_HEX = frozenset(b"0123456789ABCDEFabcdef")


@dataclass(frozen=True, slots=True)
class Change:
    """``decoded[start:end]`` becomes ``new``."""

    start: int
    end: int
    new: bytes


def apply(decoded: bytes, changes: Sequence[Change]) -> bytes:
    """The decoded bytes after all changes, which are ascending and do not overlap."""
    pieces, at = [], 0
    for change in changes:
        pieces += [decoded[at : change.start], change.new]
        at = change.end
    return b"".join([*pieces, decoded[at:]])


def decode(raw: bytes, encoding: str) -> bytes:
    """Undo the announced encoding. Raises Refusal."""
    if encoding == "quoted-printable":
        return binascii.a2b_qp(raw)
    if encoding == "base64":
        return binascii.a2b_base64(_compact(raw))
    return raw


def edits(
    raw: bytes, encoding: str, decoded: bytes, changes: Sequence[Change], *, at: int, eol: bytes
) -> list[Edit]:
    """The same changes in the message, where ``raw`` begins at ``at``. Raises Refusal."""
    if encoding == "quoted-printable":
        found = _QuotedPrintable(raw, decoded, eol).edits(changes)
    elif encoding == "base64":
        found = [_base64_edit(raw, decoded, changes, eol)]
    else:
        found = [Edit(c.start, c.end, c.new) for c in changes]
    return [Edit(at + e.start, at + e.end, e.replacement) for e in found]


def encode(data: bytes, encoding: str, eol: bytes) -> bytes:
    """``data`` as a whole leaf."""
    if encoding == "base64":
        return base64_lines(data, eol)
    return quoted(data, eol)


def quoted(data: bytes, eol: bytes) -> bytes:
    """Quoted-printable with line ends of ``eol``; others in ``data`` are encoded.

    https://www.rfc-editor.org/rfc/rfc2045#section-6.7
    """
    if eol == b"\n" and b"\r" not in data:
        return binascii.b2a_qp(data, istext=True)
    if eol == b"\r\n" and data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
        return binascii.b2a_qp(data.replace(b"\r\n", b"\n"), istext=True).replace(b"\n", eol)
    return binascii.b2a_qp(data, istext=False).replace(b"\n", eol)


def base64_lines(data: bytes, eol: bytes) -> bytes:
    """Base64 in lines of 76 signs, each with its line end."""
    text = binascii.b2a_base64(data, newline=False)
    lines = (text[i : i + LONGEST_LINE] for i in range(0, len(text), LONGEST_LINE))
    return b"".join(line + eol for line in lines)


def _compact(raw: bytes) -> bytes:
    compact = raw.translate(None, b"\r\n")
    if len(compact) % 4 or not _BASE64.fullmatch(compact):
        raise Refusal("bad_base64")
    return compact


class _QuotedPrintable:
    """Finds decoded places in quoted-printable bytes."""

    def __init__(self, raw: bytes, decoded: bytes, eol: bytes) -> None:
        self._raw = raw
        self._decoded = decoded
        self._eol = eol
        self._starts = [0, *(found.end() for found in re.finditer(b"\n", raw))]

    def edits(self, changes: Sequence[Change]) -> list[Edit]:
        found: list[Edit] = []
        for change in changes:
            start = self._place(change.start)
            end = start if change.end == change.start else self._place(change.end)
            found += self._edit(start, max(start, end), change.new)
        return found

    def _length(self, at: int) -> int:
        """Decoded length of what stands before ``at``, the start of a line."""
        raw = self._raw
        return at - 2 * raw.count(b"=", 0, at) - raw.count(b"=\r\n", 0, at)

    def _place(self, wanted: int) -> int:
        """The raw offset of a decoded one. Raises Refusal where readers may disagree."""
        line = bisect_right(self._starts, wanted, key=self._length) - 1
        at = self._starts[max(line, 0)]
        length = self._length(at)
        while length < wanted or self._soft_break(at):
            step, counts = self._step(at)
            at, length = at + step, length + counts
        if len(binascii.a2b_qp(self._raw[:at])) != wanted:
            raise Refusal("bad_qp")
        return at

    def _soft_break(self, at: int) -> int:
        """Length of the soft break that stands here, else 0."""
        for mark in (b"=\r\n", b"=\n"):
            if self._raw.startswith(mark, at):
                return len(mark)
        return 0

    def _step(self, at: int) -> tuple[int, int]:
        """How many bytes the next sign takes, and how many it stands for."""
        raw = self._raw
        if soft := self._soft_break(at):
            return soft, 0
        if at >= len(raw):
            raise Refusal("bad_qp")
        if raw[at] != ord("="):
            return 1, 1
        if not _HEX.issuperset(raw[at + 1 : at + 3]) or len(raw) < at + 3:
            raise Refusal("bad_qp")
        return 3, 1

    def _edit(self, start: int, end: int, new: bytes) -> list[Edit]:
        raw, soft = self._raw, b"=" + self._eol
        line = raw.rfind(b"\n", 0, start) + 1
        text = quoted(new, self._eol)
        found: list[Edit] = []
        if start > line:
            text = soft + text
            if start - line >= LONGEST_LINE:
                found.append(self._broken(line, soft))
        ends_line = text.endswith(self._eol) and not text.endswith(soft)
        if not ends_line and raw[end : end + 1] not in (b"\r", b"\n", b""):
            text += soft
        return [*found, Edit(start, end, text)]

    def _broken(self, line: int, soft: bytes) -> Edit:
        """A soft break earlier in a full line, which has no room for one at its end."""
        at = line + LONGEST_LINE - 6
        escape = self._raw.rfind(b"=", at - 2, at)
        at = at if escape < 0 else escape
        return Edit(at, at, soft)


def _base64_edit(raw: bytes, decoded: bytes, changes: Sequence[Change], eol: bytes) -> Edit:
    """One insertion keeps all other lines; anything else is encoded anew from there to the end."""
    first = changes[0]
    begins = first.start // QUANTUM * QUANTUM
    last = len(raw.rstrip(b"\r\n"))
    start = min(_raw_place(raw, begins // QUANTUM * 4), last)
    lead = b"" if start == 0 or raw[start - 1 : start] == b"\n" else eol
    keeps = len(changes) == 1 and first.start == first.end and not len(first.new) % QUANTUM
    if keeps and first.start < len(decoded):
        ends = first.start if first.start == begins else min(begins + QUANTUM, len(decoded))
        end = _raw_place(raw, -(-ends // QUANTUM) * 4)
        new = decoded[begins : first.start] + first.new + decoded[first.start : ends]
        text = base64_lines(new, eol)
        if raw[end : end + 1] in (b"\r", b"\n", b""):
            text = text.removesuffix(eol)
        return Edit(start, end, lead + text)
    tail = apply(decoded, changes)[begins:]
    return Edit(start, last, lead + base64_lines(tail, eol).removesuffix(eol))


def _raw_place(raw: bytes, wanted: int) -> int:
    """Where the ``wanted``-th base64 sign stands."""
    starts = [0, *(found.end() for found in re.finditer(b"\n", raw))]

    def signs(at: int) -> int:
        return at - raw.count(b"\n", 0, at) - raw.count(b"\r", 0, at)

    line = starts[bisect_right(starts, wanted, key=signs) - 1]
    return line + wanted - signs(line)
