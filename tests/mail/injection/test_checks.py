"""The invariants: each kind of damage that a fault of ours could do is seen before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from careerrelay.mail.injection import (
    MARKER,
    Edit,
    Result,
    Status,
    engine,
    erase_marker,
    inject,
    marker_in,
)
from careerrelay.mail.injection.checks import check
from careerrelay.mail.injection.encodings import Change
from careerrelay.mail.injection.leaf import Leaf
from careerrelay.mail.injection.mark import mark
from careerrelay.mail.injection.structure import Part, Reader
from careerrelay.mail.injection.values import Refusal, SelfCheckError
from careerrelay.mail.injection.writing import Plan, plan_html, plan_text

from .cases import CRLF, PARAGRAPH, POLICY, leaf, mail, multipart

TEXT = leaf("text/plain; charset=utf-8", "Dear Taro,\n\nGoodbye.\n", encoding="8bit")
PAGE = leaf("text/html; charset=utf-8", "<p>Dear Taro,</p>\n", encoding="8bit")
PDF = leaf("application/pdf", b"%PDF" * 20, encoding="base64")
EOL = CRLF.encode()
TWO = mail(multipart("mixed", TEXT, PDF))


@dataclass
class Attempt:
    """An injection that is right until a test spoils it."""

    message: bytes
    root: Part
    plan: Plan
    edits: list[Edit]

    def check(self, *, is_erasure: bool = False) -> None:
        check(
            self.message, self.root, [self.plan], self.edits,
            paragraph=None if is_erasure else PARAGRAPH, policy=POLICY,
        )  # fmt: skip

    def broken(self) -> str:
        with pytest.raises(SelfCheckError) as found:
            self.check()
        return found.value.invariant


def attempt(message: bytes) -> Attempt:
    root = Reader(message).read()
    part = root.children[0] if root.children else root
    opened = Leaf(message, part, eol=EOL, is_top=part is root)
    plan = plan_html(opened, PARAGRAPH, at=0) if opened.is_html else plan_text(opened, PARAGRAPH)
    header = mark(
        root, POLICY, status=Status.INJECTED, code="append", link_id=PARAGRAPH.link_id, eol=EOL
    )
    return Attempt(message, root, plan, [Edit(root.start, root.start, header), *plan.edits()])


def changed(plan: Plan, change: Change) -> Plan:
    return Plan(plan.leaf, (change,), plan.charset, plan.encoding)


@pytest.mark.parametrize("message", [mail(TEXT), mail(PAGE), TWO], ids=["text", "page", "parts"])
def test_right_one_passes(message: bytes) -> None:
    attempt(message).check()


def test_i1_edits_overlap_or_lie_outside() -> None:
    for edits in (
        [Edit(0, 4, b""), Edit(3, 5, b"")],
        [Edit(5, 4, b"")],
        [Edit(-1, 4, b"")],
        [Edit(0, 10**6, b"")],
        [Edit(9, 9, b""), Edit(4, 4, b"")],
    ):
        tried = attempt(mail(TEXT))
        tried.edits = edits
        assert tried.broken() == "I1"


def test_i2_text_is_not_what_was_planned() -> None:
    tried = attempt(mail(TEXT))
    spoilt = tried.edits[-1]
    for new in (spoilt.replacement + b"x", spoilt.replacement[:-3], b""):
        tried.edits[-1] = spoilt._replace(replacement=new)
        assert tried.broken() == "I2"


def test_i2_old_text_is_lost() -> None:
    tried = attempt(mail(TEXT))
    spoilt = tried.edits[-1]
    tried.edits[-1] = spoilt._replace(start=spoilt.start - 3)
    assert tried.broken() == "I2"


def test_i2_label_is_not_what_was_planned() -> None:
    tried = attempt(mail(TEXT))
    tried.plan = Plan(tried.plan.leaf, tried.plan.changes, "euc_jp", tried.plan.encoding)
    assert tried.broken() == "I2"


def test_i2_leaf_does_not_decode_any_more() -> None:
    tried = attempt(mail(leaf("text/plain; charset=utf-8", "Dear Taro,\n", encoding="base64")))
    spoilt = tried.edits[-1]
    tried.edits[-1] = spoilt._replace(replacement=b"*" + spoilt.replacement)
    assert tried.broken() == "I2"


@pytest.mark.parametrize(
    "new",
    [
        b"\r\n--=_b1\r\n\r\nanother part\r\n",
        b"\r\n--=_b1--\r\n",
        b"\r\n--=_b1",
        b"\r--=_b1\r\n",
    ],
)
def test_i3_parts_are_others(new: bytes) -> None:
    tried = attempt(TWO)
    spoilt = tried.edits[-1]
    tried.edits[-1] = spoilt._replace(replacement=spoilt.replacement + new)
    assert tried.broken() == "I3"


@pytest.mark.parametrize("name", [b"multipart/mixed", b'"=_b1"\r\n\r\n', b"X-CareerRelay: "])
def test_i3_header_is_another(name: bytes) -> None:
    tried = attempt(TWO)
    at = max(TWO.find(name), 0)
    tried.edits[0] = Edit(at, at + len(name), b"multipart/mixes; ")
    assert tried.broken() == "I3"


def test_i3_untouched_part_is_touched() -> None:
    message = mail(multipart("mixed", PDF, TEXT))
    root = Reader(message).read()
    part = root.children[1]
    plan = plan_text(Leaf(message, part, eol=EOL), PARAGRAPH)
    at = message.index(b"JVBERi")
    header = attempt(mail(TEXT)).edits[0]
    tried = Attempt(message, root, plan, [header, Edit(at, at + 1, b"K"), *plan.edits()])
    assert tried.broken() == "I3"


def test_i4_link_is_not_in_the_text() -> None:
    tried = attempt(mail(TEXT))
    (change,) = tried.plan.changes
    for new in (b"no link\r\n", change.new * 2):
        tried.plan = changed(tried.plan, change._replace(new=new))
        tried.edits[1:] = tried.plan.edits()
        assert tried.broken() == "I4"


@pytest.mark.parametrize(
    "spoil", [b"<p>no link</p>", b"<div hidden>%b</div>", b"%b%b", b"<!--%b-->"]
)
def test_i4_link_is_not_seen_on_the_page(spoil: bytes) -> None:
    tried = attempt(mail(PAGE))
    (change,) = tried.plan.changes
    new = spoil.replace(b"%b", change.new)
    tried.plan = changed(tried.plan, change._replace(new=new))
    tried.edits[1:] = tried.plan.edits()
    with pytest.raises(Refusal) as found:
        tried.check()
    assert found.value.code == "html_not_visible"


def test_i5_header_is_missing_forged_or_not_on_top() -> None:
    tried = attempt(mail(TEXT))
    ours = tried.edits[0]
    behind_from = tried.message.index(b"To:")
    for edits in (
        [],
        [ours._replace(replacement=ours.replacement * 2)],
        [ours._replace(start=behind_from, end=behind_from)],
        [ours._replace(replacement=ours.replacement.replace(b" m=", b" m=0"))],
    ):
        tried.edits[:-1] = edits
        assert tried.broken() == "I5"
        tried.edits = [ours, tried.edits[-1]]


def test_erasure_needs_neither_link_nor_header() -> None:
    tried = attempt(mail(TEXT))
    tried.plan = changed(tried.plan, Change(0, 4, b""))
    tried.edits = tried.plan.edits()
    tried.check(is_erasure=True)


Spoil = Callable[[pytest.MonkeyPatch], None]


def _unsound(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SelfCheckError("I2")

    monkeypatch.setattr(engine, "check", fail)


def _buggy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a text that must not be told")

    monkeypatch.setattr(engine, "find_targets", fail)


@pytest.mark.parametrize(
    ("spoil", "code", "note"),
    [(_unsound, "self_check", "I2"), (_buggy, "internal", "ZeroDivisionError")],
)
def test_fault_of_ours_leaves_the_mail_as_it_came(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoil, code: str, note: str
) -> None:
    spoil(monkeypatch)
    message = mail(TEXT)
    result = inject(message, PARAGRAPH, POLICY)
    assert result == Result(Status.FAILED, code, notes=(note,))
    assert result.assemble(message) is message
    assert not result.hold


@pytest.mark.parametrize(("spoil", "code"), [(_unsound, "self_check"), (_buggy, "internal")])
def test_fault_of_ours_holds_a_mail_with_a_marker(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoil, code: str
) -> None:
    spoil(monkeypatch)
    message = mail(leaf("text/plain", f"Dear Taro\n{MARKER}\n"))
    for result in (inject(message, PARAGRAPH, POLICY), erase_marker(message, POLICY)):
        assert (result.status, result.code, result.hold) == (Status.FAILED, "token_left", True)
        assert result.notes[0] == code
        assert result.assemble(message) is message


def test_too_large_a_mail_is_left_alone() -> None:
    policy = replace(POLICY, max_bytes=100)
    assert inject(mail(TEXT), PARAGRAPH, policy).code == "too_large"
    held = inject(mail(leaf("text/plain", MARKER)), PARAGRAPH, policy)
    assert (held.code, held.notes) == ("token_left", ("too_large",))


def test_leaf_of_more_than_ten_megabytes_is_too_complex() -> None:
    page = "<p>" + "x" * (10 << 20) + "</p>"
    assert inject(mail(leaf("text/html", page)), PARAGRAPH, POLICY).code == "too_complex"


@pytest.mark.parametrize("count", [200, 201])
def test_more_than_200_markers_are_too_complex(count: int) -> None:
    result = inject(mail(leaf("text/plain", f"{MARKER}\n" * count)), PARAGRAPH, POLICY)
    assert (result.code == "marker") == (count == 200)
    assert result.hold == (count == 201)


@pytest.mark.parametrize("eol", [CRLF, "\n"])
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_erased_marker_takes_its_line_along(eol: str, encoding: str) -> None:
    text = f"Dear Taro,\n\n{MARKER}\nGoodbye, {MARKER} Taro.\n"
    message = mail(leaf("text/plain", text, encoding=encoding, eol=eol), eol=eol)
    result = erase_marker(message, POLICY)
    assert (result.status, result.code) == (Status.REPLACED, "erased")
    after = result.assemble(message)
    assert not marker_in(after, POLICY)
    root = Reader(after).read()
    text = Leaf(after, root, eol=eol.encode()).data.decode().replace(eol, "\n")
    assert text == "Dear Taro,\n\nGoodbye,  Taro.\n"


def test_nothing_to_erase() -> None:
    result = erase_marker(mail(TEXT), POLICY)
    assert (result.status, result.code) == (Status.SKIPPED, "no_marker")


@pytest.mark.parametrize("written", ["{{career_=\r\nrelay_link}}", "=7B{career_relay_link}}"])
def test_marker_is_seen_in_quoted_printable_whose_structure_cannot_be_trusted(written: str) -> None:
    message = b"no field\r\n" + mail(leaf("text/plain", written))
    result = inject(message, PARAGRAPH, POLICY)
    assert (result.code, result.notes, result.hold) == ("token_left", ("malformed_header",), True)
