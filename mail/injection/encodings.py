"""Transfer encodings: undone strictly, and changed at one place while all other lines stay.

A ``Change`` is in decoded bytes, an ``Edit`` in the bytes of the message.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, NamedTuple

from . import quoted_printable
from .quoted_printable import LONGEST_LINE, Splicer
from .values import Edit, Refusal, spliced

CHANGELESS: Final = ("7bit", "8bit", "binary")
QUANTUM: Final = 3

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


class Change(NamedTuple):
    """``decoded[start:end]`` becomes ``new``."""

    start: int
    end: int
    new: bytes


def decode(raw: bytes, encoding: str) -> bytes:
    """Undo the announced encoding. Raises Refusal."""
    if encoding == "quoted-printable":
        return quoted_printable.decode(raw)
    if encoding == "base64":
        return binascii.a2b_base64(_compact(raw))
    return raw


def edits(
    raw: bytes, encoding: str, decoded: bytes, changes: Sequence[Change], *, at: int, eol: bytes
) -> list[Edit]:
    """The same changes in the message, where ``raw`` begins at ``at``. Raises Refusal."""
    if encoding == "quoted-printable":
        splicer = Splicer(raw, eol, decoded=decoded)
        found = [edit for c in changes for edit in splicer.edits(c.start, c.end, c.new)]
    elif encoding == "base64":
        found = [_base64_edit(raw, decoded, changes, eol)]
    else:
        return [Edit(at + start, at + end, new) for start, end, new in changes]
    return [Edit(at + e.start, at + e.end, e.replacement) for e in found]


def base64_lines(data: bytes, eol: bytes) -> bytes:
    """Base64 in lines of 76 signs, each with its line end."""
    text = binascii.b2a_base64(data, newline=False)
    lines = [text[i : i + LONGEST_LINE] for i in range(0, len(text), LONGEST_LINE)]
    return eol.join([*lines, b""])


def _compact(raw: bytes) -> bytes:
    compact = raw.translate(None, b"\r\n")
    if len(compact) % 4 or not _BASE64.fullmatch(compact):
        raise Refusal("bad_base64")
    return compact


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
        end = start if ends == begins else min(_raw_place(raw, -(-ends // QUANTUM) * 4), last)
        new = decoded[begins : first.start] + first.new + decoded[first.start : ends]
        text = base64_lines(new, eol)
        if raw[end : end + 1] in (b"\r", b"\n", b""):
            text = text.removesuffix(eol)
        return Edit(start, end, lead + text)
    tail = spliced(decoded, changes, begins, len(decoded))
    return Edit(start, last, lead + base64_lines(tail, eol).removesuffix(eol))


def _raw_place(raw: bytes, wanted: int) -> int:
    """Where the ``wanted``-th base64 sign stands; at the start of a line, not behind another."""

    def signs(at: int) -> int:
        return at - raw.count(b"\n", 0, at) - raw.count(b"\r", 0, at)

    line = raw.find(b"\n") + 1
    if line:
        # As a rule all lines are as long as the first one.
        number, rest = divmod(wanted, signs(line) or 1)
        at = number * line + rest
        is_start = not number or raw[number * line - 1 : number * line] == b"\n"
        if is_start and signs(at) == wanted:
            return at
    starts = [0, *(found.end() for found in re.finditer(b"\n", raw))]
    line = starts[bisect_right(starts, wanted, key=signs) - 1]
    return line + wanted - signs(line)
