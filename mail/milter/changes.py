"""Edits of a message, as what a milter may ask of an MTA: header by header, and the whole body.

The MTA keeps its own header block, so each edit is traced to the one header it falls into. Those
are asked for from the bottom up, before any header is put in: so the number that tells equally
named headers apart is the same whether or not an MTA still counts one it has removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..injection.values import Edit
from .codec import Packet, add_header, change_header, insert_header, replace_body
from .gathering import Gathering

_FIELD = re.compile(rb"([!-9;-~]++)(?:[ \t]*+):([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)\r\n")


class _Header(NamedTuple):
    """As the MTA has it: folds are LF, the blank after the colon where that was agreed on."""

    name: bytes
    value: bytes


class _Slot(NamedTuple):
    """What is put in above one of the MTA's headers, and what that one becomes (None: nothing)."""

    above: list[_Header]
    kept: _Header | None


def requests(
    gathering: Gathering, *, message: bytes, edits: Sequence[Edit]
) -> tuple[Packet, ...] | None:
    """What to ask the MTA for, so that ``message`` becomes what ``edits`` make of it.

    ``message`` is the gathering's; ``edits`` are sorted and do not overlap. None where they
    cannot be said in header changes: the message must then go on as it is.
    """
    body = len(message) - len(gathering.body)
    in_header = [edit for edit in edits if edit.end <= body - 2]
    in_body = [edit for edit in edits if edit.start >= body]
    slots = _slots(gathering, message, in_header)
    if slots is None or len(in_header) + len(in_body) < len(edits):
        return None
    asked = [*_changes(gathering, slots), *_insertions(slots)]
    if in_body:
        asked += replace_body(memoryview(_applied(message, in_body, body, len(message))))
    return tuple(asked)


def _applied(message: bytes, edits: Sequence[Edit], start: int, end: int) -> bytes:
    """The stretch of ``message`` from ``start`` to ``end`` as the edits in it leave it."""
    pieces: list[bytes | memoryview] = []
    view = memoryview(message)
    for edit in edits:
        pieces += (view[start : edit.start], edit.replacement)
        start = edit.end
    return b"".join((*pieces, view[start:end]))


def _slots(gathering: Gathering, message: bytes, edits: Sequence[Edit]) -> list[_Slot] | None:
    """One for each header, and one for the end; None where an edit leaves no headers behind."""
    slots: list[_Slot] = []
    end = 0
    for span, header in zip(gathering.header_spans(), gathering.headers, strict=True):
        start, end = span
        here = [edit for edit in edits if start <= edit.start < end]
        after = _headers(gathering, _applied(message, here, start, end)) if here else [header]
        if after is None or (here and here[-1].end > end):
            return None
        slots.append(_slot([_Header(*found) for found in after], _Header(*header)))
    last = _headers(gathering, b"".join(edit.replacement for edit in edits if edit.start >= end))
    return None if last is None else [*slots, _Slot(last, None)]


def _headers(gathering: Gathering, text: bytes) -> list[_Header] | None:
    """``text`` as headers; None where it is something else."""
    found: list[_Header] = []
    position = 0
    while match := _FIELD.match(text, position):
        value = match[2] if gathering.leading_blank else match[2].removeprefix(b" ")
        found.append(_Header(match[1], value.replace(b"\r\n", b"\n")))
        position = match.end()
    return found if position == len(text) else None


def _slot(after: list[_Header], before: _Header) -> _Slot:
    """The last one takes the place of the header that was there, if it has the same name."""
    if after and after[-1].name.lower() == before.name.lower():
        return _Slot(after[:-1], after[-1])
    return _Slot(after, None)


def _changes(gathering: Gathering, slots: Sequence[_Slot]) -> Iterator[Packet]:
    """From the bottom up."""
    names = [name.lower() for name, _ in gathering.headers]
    for number in range(len(names) - 1, -1, -1):
        name, value = gathering.headers[number]
        kept = slots[number].kept
        if kept != (name, value):
            occurrence = names[: number + 1].count(names[number])
            yield change_header(occurrence, *(kept or _Header(name, b"")))


def _insertions(slots: Sequence[_Slot]) -> Iterator[Packet]:
    """From the top down, each numbered as the header block is by then."""
    position = 0
    for slot in slots[:-1]:
        for header in slot.above:
            yield insert_header(position, *header)
            position += 1
        position += slot.kept is not None
    for header in slots[-1].above:
        yield add_header(*header)
