"""I3 and I5: the result has the parts it had before, and our header once, on top.

As a rule that follows from what the edits are, so the result need not be read again. Outside them
all bytes are the same (I1), and what the structure is read from is then the same too:

- On top comes one line of a fixed form: a whole field more, that says nothing about parts.
- An edited header is that of a touched text. It alone is read again; ours is not in it, and what
  ours is made for is as it was.
- A part is cut by the delimiter lines of the multiparts around it, and by nothing else: they are
  looked for in what they enclose. A line that is not edited is a delimiter line, or looks like one,
  where it was before; in the edited ones no boundary stands at all.

Where one of these does not hold, the result is read again, whole up to the last touched text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from .header import MAX_HEADER, read_header
from .mark import NAME, is_genuine, is_line, marks
from .structure import Part, Reader, part_of
from .values import Edit, Policy, Refusal, SelfCheckError, spliced
from .words import holds

_COVERED: Final = b"message-id"
"""The field that our header is made for."""


def touched_parts(
    message: bytes, root: Part, parts: Sequence[Part], edits: Sequence[Edit], *, policy: Policy,
    is_marked: bool,
) -> Sequence[Part]:  # fmt: skip
    """``parts``, which the edits touch, as their headers describe them afterwards.

    ``is_marked``: with our header on top. Raises SelfCheckError where anything else is another.
    """
    if is_marked and not _is_marked(root, edits, policy):
        return _read_again(message, root, parts, edits, policy=policy, is_marked=True)
    top, rest = (edits[0].replacement, edits[1:]) if is_marked else (b"", edits)
    found: list[Part] = []
    seen = 0
    for part in parts:
        own = [e for e in rest if part.start <= e.start and e.end <= part.end]
        kept = _kept(message, part, own, room=MAX_HEADER - len(top))
        if kept is None:
            break
        found.append(kept)
        seen += len(own)
    if len(found) == len(parts) and seen == len(rest):
        return found
    return _read_again(message, root, parts, edits, policy=policy, is_marked=is_marked)


def _is_marked(root: Part, edits: Sequence[Edit], policy: Policy) -> bool:
    """The first edit is our header, and there is no other one."""
    if not edits or not edits[0].start == edits[0].end == root.start or marks(root):
        return False
    line = edits[0].replacement
    return is_line(line) and (
        not policy.mark_key or is_genuine(line[len(NAME) + 1 :], root, policy)
    )


def _kept(message: bytes, part: Part, own: Sequence[Edit], *, room: int) -> Part | None:
    """The part after its own edits; None where that has to be found out by reading it all again."""
    header = [edit for edit in own if edit.start < part.body]
    if header and header[-1].end >= part.body:
        return None
    if part.around and own and _may_delimit(message, part, own):
        return None
    if header:
        return _described_again(message, part, header, room=room)
    return part if part.body - part.start <= room else None


def _may_delimit(message: bytes, part: Part, own: Sequence[Edit]) -> bool:
    """A boundary stands in an edited line. Raises SelfCheckError where the delimiter line behind
    the part would take a CR of it along."""
    begin = message.rfind(b"\n", part.start, own[0].start) + 1 or part.start
    stop = message.find(b"\n", own[-1].end, part.end)
    is_last = stop < 0
    edited = spliced(message, own, begin, part.end if is_last else stop)
    if is_last and edited.endswith(b"\r") and message.startswith(b"\n", part.end):
        raise SelfCheckError("I2")
    return any(holds(edited, b"--" + boundary) for boundary in part.around)


def _described_again(
    message: bytes, part: Part, edits: Sequence[Edit], *, room: int
) -> Part | None:
    again = spliced(message, edits, part.start, part.body)
    try:
        header, body = read_header(again, 0, min(len(again), room), is_top=not part.around)
        found = part_of(header, body, len(again))
    except Refusal:
        return None
    is_same = body == len(again) and found.type == part.type and not marks(found)
    return found if is_same and found.get(_COVERED) == part.get(_COVERED) else None


def _read_again(
    message: bytes, root: Part, parts: Sequence[Part], edits: Sequence[Edit], *, policy: Policy,
    is_marked: bool,
) -> Sequence[Part]:  # fmt: skip
    """By the reader that has read the original: up to the end of the last touched part, since what
    stands behind it is the very same bytes."""
    cut = max(part.end for part in parts)
    head = spliced(message, edits, 0, cut)
    try:
        found = Reader(head).read()
    except Refusal as refusal:
        raise SelfCheckError("I3") from refusal
    pairs = _same_tree(message, root, head, found, parts, cut)
    touched = [pairs[id(part)] for part in parts]
    if not any(part.end == len(head) for part in touched):
        # A text that closed its own part would hide what stands behind it.
        raise SelfCheckError("I3")
    for old, new in zip(parts, touched, strict=True):
        inner = [e for e in edits if old.body <= e.start and e.end <= old.end]
        if head[new.body : new.end] != spliced(message, inner, old.body, old.end):
            raise SelfCheckError("I2")
    if is_marked:
        _known_again(found, policy)
    return touched


def _same_tree(
    message: bytes, root: Part, head: bytes, found: Part, parts: Sequence[Part], cut: int
) -> dict[int, Part]:
    """The same parts as before, the untouched ones byte for byte. Old part's id to new."""
    touched = {id(part) for part in parts}
    before = [part for part in root.walk() if part.start < cut]
    pairs: dict[int, Part] = {}
    for old, new in zip_longest(before, found.walk()):
        if old is None or new is None:
            raise SelfCheckError("I3")
        if (old.type, old.boundary) != (new.type, new.boundary):
            raise SelfCheckError("I3")
        whole = old.is_multipart or id(old) in touched
        if not whole and message[old.start : old.end] != head[new.start : new.end]:
            raise SelfCheckError("I3")
        pairs[id(old)] = new
    return pairs


def _known_again(found: Part, policy: Policy) -> None:
    """I5: our header is on top, and the only one."""
    ours = marks(found)
    if len(ours) != 1 or ours[0].start != found.start:
        raise SelfCheckError("I5")
    if policy.mark_key and not is_genuine(ours[0].value, found, policy):
        raise SelfCheckError("I5")
