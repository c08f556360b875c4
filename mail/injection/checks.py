"""What is proved of every result before it is used: the invariants I1 to I5.

Only the head of the message is looked at again, up to the end of the last touched leaf: what
stands behind it is the very same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from . import charsets, encodings, quoted_printable
from .html_limits import refuse_explosive
from .leaf import Leaf
from .mark import is_genuine, marks
from .placeholder import url_forms
from .structure import Part, Reader
from .values import Edit, Paragraph, Policy, Refusal
from .visibility import shown, shown_once
from .writing import Plan


class SelfCheckError(Exception):
    """A result that must not be used. ``invariant``: I1 to I5."""

    def __init__(self, invariant: str) -> None:
        super().__init__(invariant)
        self.invariant = invariant


def check(
    message: bytes,
    root: Part,
    plans: Sequence[Plan],
    edits: Sequence[Edit],
    *,
    paragraph: Paragraph | None,
    policy: Policy,
) -> None:
    """Raise SelfCheckError. ``paragraph`` None: markers were taken out."""
    _ascending(edits, len(message))
    cut = max(plan.leaf.part.end for plan in plans)
    head = _head(message, edits, cut)
    found = _read_again(head)
    pairs = _same_tree(message, root, head, found, plans, cut)
    if not any(pairs[id(plan.leaf.part)].end == len(head) for plan in plans):
        # A text that closed its own part would hide what stands behind it.
        raise SelfCheckError("I3")
    for plan in plans:
        _same_text(head, pairs[id(plan.leaf.part)], plan, edits)
        if paragraph is not None:
            _linked(plan, paragraph)
    if paragraph is not None:
        _known_again(found, policy)


def _ascending(edits: Sequence[Edit], length: int) -> None:
    """I1: the edits are spans that do not overlap; all else is taken from the original."""
    at = 0
    for edit in edits:
        if not at <= edit.start <= edit.end <= length:
            raise SelfCheckError("I1")
        at = edit.end


def _head(message: bytes, edits: Sequence[Edit], cut: int) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for edit in edits:
        pieces += [message[at : edit.start], edit.replacement]
        at = edit.end
    return b"".join([*pieces, message[at:cut]])


def _read_again(head: bytes) -> Part:
    try:
        return Reader(head).read()
    except Refusal as refusal:
        raise SelfCheckError("I3") from refusal


def _same_tree(
    message: bytes, root: Part, head: bytes, found: Part, plans: Sequence[Plan], cut: int
) -> dict[int, Part]:
    """I3: the same parts as before, the untouched ones byte for byte. Old part's id to new."""
    touched = {id(plan.leaf.part) for plan in plans}
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


def _same_text(head: bytes, new: Part, plan: Plan, edits: Sequence[Edit]) -> None:
    """I2: undone as now announced, the leaf is the old text with exactly the changes."""
    try:
        data = _undone(head[new.body : new.end], new.encoding, plan.leaf, edits)
    except Refusal as refusal:
        raise SelfCheckError("I2") from refusal
    if data != plan.text:
        raise SelfCheckError("I2")
    if plan.charset:
        label = charsets.lookup(new.content_type.params.get("charset", ""))
        if label != plan.charset:
            raise SelfCheckError("I2")


def _undone(raw: bytes, encoding: str, leaf: Leaf, edits: Sequence[Edit]) -> bytes:
    """Decoded; of quoted-printable only the lines that are new. Raises Refusal."""
    body, old = leaf.part.body, leaf.part.encoding
    within = [edit for edit in edits if body <= edit.start and edit.end <= leaf.part.end]
    if not within or encoding != old or encoding != "quoted-printable":
        return encodings.decode(raw, encoding)
    start, end = within[0].start - body, within[-1].end - body
    return quoted_printable.decode_changed(raw, leaf.raw, leaf.data, start=start, end=end)


def _linked(plan: Plan, paragraph: Paragraph) -> None:
    """I4: the link is there, once where it was appended, and a person sees it."""
    url = paragraph.url
    replaced = any(change.end > change.start for change in plan.changes)
    forms = url_forms(url) if replaced else (url,)
    if not plan.leaf.is_html:
        if not all(sum(c.new.count(f.encode()) for f in forms) == 1 for c in plan.changes):
            raise SelfCheckError("I4")
        return
    html = charsets.utf8(plan.text, plan.leaf.charset)
    refuse_explosive(html)
    if not (shown(html, forms=forms) if replaced else shown_once(html, url=url)):
        raise Refusal("html_not_visible")


def _known_again(found: Part, policy: Policy) -> None:
    """I5: our header is on top, and the only one."""
    ours = marks(found)
    if len(ours) != 1 or ours[0].start != found.start:
        raise SelfCheckError("I5")
    if policy.mark_key and not is_genuine(ours[0], found, policy):
        raise SelfCheckError("I5")
