"""Puts one paragraph with a link into a message, and changes nothing else.

A pure function on bytes: no clock, no network, no randomness. It splices; no code path prints a
parsed message. What could be read in two ways is refused, what fails its own checks is dropped,
and then the original goes on as it came.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from .checks import check
from .header import MAX_HEADER
from .html_quotes import containers, quotes
from .leaf import Leaf
from .mark import is_genuine, link_in, mark, marks
from .placeholder import MAX_TOKENS, Token, marker_spelled, url_forms
from .refusals import refuse_armoured_files, refuse_behind_messages, refuse_untouchable
from .spellings import misspelt
from .structure import Part, Reader
from .targets import READ, find_targets
from .text_quotes import is_quoted, quote_in
from .values import Edit, Paragraph, Policy, Refusal, Result, SelfCheckError, Status
from .words import may_hold
from .writing import Plan, plan_erasure, plan_html, plan_text, plan_tokens

_BASE64_RUN: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4,}={0,2}\r?\n?)+")
ROOM: Final = 512
"""Bytes of header that an injection may add."""
TOKEN_LEFT: Final = "token_left"  # noqa: S105 - a code, no secret
_SELDOM: Final = b"bkvjxqzQXZJKVYWU_"
"""Bytes that few mails hold often, the rarest last; others count as more frequent."""
_SAME_IN_ALL_FORMS: Final = re.compile(r"[A-Za-z0-9._~-]+")
"""Of an address, percent-encoded or not."""
ONLY_A_PART: Final = "token_in_one_part"
IN_SUBJECT: Final = "token_in_subject"
MISSPELT: Final = "token_misspelt"


def inject(message: bytes, paragraph: Paragraph, policy: Policy = Policy()) -> Result:  # noqa: B008
    """What is to be done to ``message``. Never raises, whatever the bytes."""
    return _guarded(message, paragraph, policy)


def erase_marker(message: bytes, policy: Policy = Policy()) -> Result:  # noqa: B008
    """The same where nobody is to be linked: each marker goes, and nothing comes."""
    return _guarded(message, None, policy)


def _guarded(message: bytes, paragraph: Paragraph | None, policy: Policy) -> Result:
    opened: list[Leaf] = []
    try:
        return _Injection(message, paragraph, policy, opened).run()
    except Refusal as refusal:
        return _refused(message, refusal.code, policy, opened)
    except SelfCheckError as error:
        return _failed(message, "self_check", policy, note=error.invariant)
    except Exception as error:  # whatever it is, the company's mail goes on as it came
        return _failed(message, "internal", policy, note=type(error).__name__)


def _refused(message: bytes, code: str, policy: Policy, opened: Sequence[Leaf]) -> Result:
    without = [leaf.part.body for leaf in opened if not leaf.spells(policy.marker)]
    if _is_marked(message, policy, without):
        return Result(Status.REFUSED, TOKEN_LEFT, notes=(code,))
    return Result(Status.REFUSED, code)


def _failed(message: bytes, code: str, policy: Policy, *, note: str) -> Result:
    if marker_in(message, policy):
        return Result(Status.FAILED, TOKEN_LEFT, notes=(code, note))
    return Result(Status.FAILED, code, notes=(note,))


class _Injection:
    """One message on its way through."""

    def __init__(
        self, message: bytes, paragraph: Paragraph | None, policy: Policy, opened: list[Leaf]
    ) -> None:
        """``opened``: is given the texts that have been read."""
        if len(message) > policy.max_bytes:
            raise Refusal("too_large")
        self._message = message
        self._paragraph = paragraph
        self._policy = policy
        self._opened = opened
        self._root = Reader(message).read()
        self._parts = self._root.walk()
        self._marks = marks(self._root)
        self._notes: list[str] = []
        self._eol = b"\r\n" if message.find(b"\r\n", 0, self._root.body) >= 0 else b"\n"

    def run(self) -> Result:
        found = self._marks
        if found and any(is_genuine(field.value, self._root, self._policy) for field in found):
            return Result(Status.ALREADY, "marked")
        refuse_untouchable(self._root, self._parts, self._policy)
        targets = find_targets(self._root, self._notes)
        refuse_behind_messages(self._message, self._parts, targets[0])
        _refuse_full_headers(self._root, *targets)
        leaves = self._opened
        leaves += [self._open(part) for part in targets]
        files = [p for p in self._parts if p.type.startswith("text/") and p not in targets]
        refuse_armoured_files(self._message, files)
        tokens = [leaf.tokens(self._policy.marker) for leaf in leaves]
        if sum(map(len, tokens)) > MAX_TOKENS:
            raise Refusal("too_complex")
        self._note_subject()
        if self._paragraph is None:
            return self._erase(leaves, tokens)
        if not any(tokens):
            return self._append(leaves, self._paragraph)
        if not all(tokens):
            self._notes.append(ONLY_A_PART)
        return self._result(Status.REPLACED, "marker", leaves, tokens, self._paragraph)

    def _open(self, part: Part) -> Leaf:
        return Leaf(self._message, part, eol=self._eol, is_top=part is self._root)

    def _note_subject(self) -> None:
        marker = self._policy.marker.encode().lower()
        is_near = self._root.header.holds(marker)  # Seldom, and looking a field up takes longer.
        if is_near and marker in (self._root.get(b"subject") or b"").lower():
            self._notes.append(IN_SUBJECT)

    def _erase(self, leaves: Sequence[Leaf], tokens: Sequence[Sequence[Token]]) -> Result:
        plans = [plan_erasure(x, found) for x, found in zip(leaves, tokens, strict=True) if found]
        if not plans:
            return Result(Status.SKIPPED, "no_marker", notes=tuple(self._notes))
        edits = _edits_of(plans)
        check(self._message, self._root, plans, edits, paragraph=None, policy=self._policy)
        return Result(Status.REPLACED, "erased", tuple(edits), tuple(self._notes))

    def _append(self, leaves: Sequence[Leaf], paragraph: Paragraph) -> Result:
        prefix = self._policy.url_prefix or paragraph.url
        core, rarest = _core(prefix)
        suspect = [leaf for leaf in leaves if may_hold(leaf.data, core, rarest)]
        if suspect and any(_is_linked(leaf, f) for leaf in suspect for f in url_forms(prefix)):
            return Result(Status.ALREADY, "linked")
        if any(_is_misspelt(leaf, self._policy.marker) for leaf in leaves):
            self._notes.append(MISSPELT)
        if not self._policy.append:
            return Result(Status.SKIPPED, "no_marker", notes=tuple(self._notes))
        none: list[list[Token]] = [[] for _ in leaves]
        return self._result(Status.INJECTED, "append", leaves, none, paragraph)

    def _result(
        self,
        status: Status,
        code: str,
        leaves: Sequence[Leaf],
        tokens: Sequence[Sequence[Token]],
        paragraph: Paragraph,
    ) -> Result:
        """With the best place; where nobody would see it there, with the end of the text."""
        header = mark(
            self._root, self._policy, status=status, code=code, link_id=paragraph.link_id,
            eol=self._eol,
        )  # fmt: skip
        try:
            edits = self._proved(header, leaves, tokens, paragraph, is_last=False)
        except Refusal:
            if not any(_has_other_place(*pair) for pair in zip(leaves, tokens, strict=True)):
                raise
            edits = self._proved(header, leaves, tokens, paragraph, is_last=True)
        notes = dict.fromkeys(chain(self._notes, *[leaf.notes for leaf in leaves]))
        return Result(status, code, tuple(edits), tuple(notes))

    def _proved(
        self,
        header: bytes,
        leaves: Sequence[Leaf],
        tokens: Sequence[Sequence[Token]],
        paragraph: Paragraph,
        *,
        is_last: bool,
    ) -> list[Edit]:
        plans = [
            _plan(leaf, paragraph, found, is_last=is_last)
            for leaf, found in zip(leaves, tokens, strict=True)
        ]
        edits = self._marked(header, plans)
        check(self._message, self._root, plans, edits, paragraph=paragraph, policy=self._policy)
        return edits

    def _marked(self, header: bytes, plans: Sequence[Plan]) -> list[Edit]:
        """With our header on top; one that somebody else wrote goes."""
        top = Edit(self._root.start, self._root.start, header)
        forged = [Edit(f.start, f.end, b"") for f in self._marks]
        edits = _edits_of(plans)
        return [top, *(sorted([*forged, *edits], key=lambda e: e.start) if forged else edits)]


@lru_cache(maxsize=256)
def _core(prefix: str) -> tuple[bytes, bytes]:
    """The longest piece of an address that is the same however it is percent-encoded, and the byte
    of it that mails seldom hold."""
    core = max(_SAME_IN_ALL_FORMS.findall(prefix), key=len, default="").encode()
    return core, bytes([max(core, key=_SELDOM.find)]) if core else core


def _is_misspelt(leaf: Leaf, marker: str) -> bool:
    """A marker where nobody sees it, or something like one."""
    return leaf.spells(marker) or misspelt(leaf.low, marker=marker)


def _refuse_full_headers(*parts: Part) -> None:
    """Ours has to have room, or the result would be too complex for us."""
    for part in parts:
        if part.body - part.start > MAX_HEADER - ROOM:
            raise Refusal("too_complex")


def _plan(leaf: Leaf, paragraph: Paragraph, tokens: Sequence[Token], *, is_last: bool) -> Plan:
    if tokens:
        return plan_tokens(leaf, paragraph, tokens)
    if leaf.is_html:
        return plan_html(leaf, paragraph, at=leaf.places[-1 if is_last else 0])
    return plan_text(leaf, paragraph)


def _has_other_place(leaf: Leaf, tokens: Sequence[Token]) -> bool:
    return leaf.is_html and not tokens and len(leaf.places) > 1


def _edits_of(plans: Sequence[Plan]) -> list[Edit]:
    """Each plan's edits are in order, and so are the leaves."""
    return [edit for plan in plans for edit in plan.edits()]


def _is_linked(leaf: Leaf, prefix: str) -> bool:
    """One of our links stands in the text, outside what is quoted."""
    if prefix.encode() not in leaf.data:
        return False
    if leaf.is_html:
        others = quotes(containers(leaf.page()))
        found = re.finditer(re.escape(prefix.encode()), leaf.data)
        return any(not any(q.start <= f.start() < q.end for q in others) for f in found)
    text = leaf.text()
    return any(prefix in line for line in text.all[: quote_in(text)] if not is_quoted(line))


def marker_in(message: bytes, policy: Policy) -> bool:
    """Whether a person may see the raw marker somewhere; rather once too often. Never raises."""
    return _is_marked(message, policy, ())


def marked_link(message: bytes, policy: Policy) -> str:
    """The id of the link that a header of ours says is in it; "" where none does. Never raises."""
    try:
        root = Reader(message).read()
        found = (link_in(field.value, root, policy) for field in marks(root))
        return next((link for link in found if link), "")
    except Exception:  # a Refusal, or a fault of ours
        return ""


def nearly_marked(message: bytes, policy: Policy) -> bool:
    """Whether a marker with a typing mistake stands in a text that can be read. Never raises."""
    try:
        parts = Reader(message).read().walk()
        texts = [part for part in parts if part.type in READ and not part.is_attachment]
        leaves = (Leaf(message, part, eol=b"\n") for part in texts)
        return any(misspelt(leaf.low, marker=policy.marker) for leaf in leaves)
    except Exception:  # a Refusal, or a fault of ours: then it is no hint
        return False


def _is_marked(message: bytes, policy: Policy, without: Sequence[int]) -> bool:
    """``without``: where the texts begin that are known to hold none."""
    try:
        root = Reader(message).read()
        leaves = [part for part in root.walk() if part.type.startswith("text/")]
        others = [part for part in leaves if part.body not in without]
        return any(_sees(message, part, policy.marker) for part in others)
    except Exception:  # a Refusal, or a fault of ours: then by its bytes alone
        return _may_hold(message, policy.marker)


def _sees(message: bytes, part: Part, marker: str) -> bool:
    raw = message[part.body : part.end]
    try:
        leaf = Leaf(message, part, eol=b"\n")
        return bool(leaf.tokens(marker))
    except Refusal:
        return _may_hold(raw, marker)


def _may_hold(data: bytes, marker: str) -> bool:
    """In bytes whose structure cannot be trusted: as they are, and with any encoding undone."""
    if marker_spelled(data, marker):
        return True
    if marker_spelled(binascii.a2b_qp(data), marker):
        return True
    return any(
        marker_spelled(_undone(found[0]), marker)
        for found in _BASE64_RUN.finditer(data)
        if len(found[0]) >= len(marker)
    )


def _undone(run: bytes) -> bytes:
    compact = run.translate(None, b"\r\n")
    try:
        return binascii.a2b_base64(compact[: len(compact) // 4 * 4])
    except binascii.Error:
        return b""
