"""What is proved of every result before it is used: the invariants I1 to I5.

What is told to change is compared with what was planned; all other bytes are the original's.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import charsets, encodings, quoted_printable
from .encodings import Change
from .html_limits import refuse_explosive
from .leaf import Leaf
from .placeholder import url_forms
from .same_structure import touched_parts
from .structure import Part
from .values import Edit, Paragraph, Policy, Refusal, SelfCheckError, spliced
from .visibility import shown, shown_once
from .writing import Plan


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
    is_marked = paragraph is not None
    parts = [plan.leaf.part for plan in plans]
    after = touched_parts(message, root, parts, edits, policy=policy, is_marked=is_marked)
    for plan, part in zip(plans, after, strict=True):
        _same_text(message, plan, part, edits)
        if paragraph is not None:
            _linked(plan, paragraph)


def _ascending(edits: Sequence[Edit], length: int) -> None:
    """I1: the edits are spans that do not overlap; all else is taken from the original."""
    at = 0
    for start, end, _ in edits:
        if not at <= start <= end <= length:
            raise SelfCheckError("I1")
        at = end


def _same_text(message: bytes, plan: Plan, after: Part, edits: Sequence[Edit]) -> None:
    """I2: undone as now announced, the leaf is the old text with exactly the changes."""
    if plan.charset:
        label = charsets.lookup(after.content_type.params.get("charset", ""))
        if label != plan.charset:
            raise SelfCheckError("I2")
    body, end = plan.leaf.part.body, plan.leaf.part.end
    inner = [edit for edit in edits if body <= edit.start and edit.end <= end]
    try:
        is_same = _is_undone(message, plan, inner, after.encoding)
    except Refusal as refusal:
        raise SelfCheckError("I2") from refusal
    if not is_same:
        raise SelfCheckError("I2")


def _is_undone(message: bytes, plan: Plan, inner: Sequence[Edit], encoding: str) -> bool:
    """Only what is new is undone where the rest is the same for sure. Raises Refusal."""
    part = plan.leaf.part
    if encoding == part.encoding and encoding in encodings.CHANGELESS:
        # The bytes are the text, so to change the one is to change the other.
        return [(e.start - part.body, e.end - part.body, e.replacement) for e in inner] == [
            *plan.changes
        ]
    if encoding == part.encoding == "quoted-printable" and inner:
        return are_same_lines(plan.leaf, inner, plan.changes)
    return encodings.decode(spliced(message, inner, part.body, part.end), encoding) == plan.text


def are_same_lines(leaf: Leaf, inner: Sequence[Edit], changes: Sequence[Change]) -> bool:
    """Quoted-printable is undone line by line: those without an edit give what they gave before."""
    raw, body = leaf.raw, leaf.part.body
    begin = raw.rfind(b"\n", 0, inner[0].start - body) + 1
    stop = raw.find(b"\n", inner[-1].end - body) + 1 or len(raw)
    old = quoted_printable.decode(raw[begin:stop])
    if begin < len(raw) - stop:
        at = len(quoted_printable.decode(raw[:begin]))
    else:
        at = len(leaf.data) - len(quoted_printable.decode(raw[stop:])) - len(old)
    if not at <= changes[0].start <= changes[-1].end <= at + len(old):
        return False
    moved = [Edit(e.start - body, e.end - body, e.replacement) for e in inner]
    new = quoted_printable.decode(spliced(raw, moved, begin, stop))
    return leaf.data.startswith(old, at) and new == spliced(leaf.data, changes, at, at + len(old))


def _formatting(plan: Plan) -> int | None:
    """How many such elements begin, if that is known: what is put in has none, and no text in
    another charset is read with other tags."""
    leaf, (first, *more) = plan.leaf, plan.changes
    is_same = first.start == first.end and not more and leaf.charset.codec in ("utf-8", "ascii")
    return leaf.page().formatting if is_same else None


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
    refuse_explosive(html, formatting=_formatting(plan))
    if not (shown(html, forms=forms) if replaced else shown_once(html, url=url)):
        raise Refusal("html_not_visible")
