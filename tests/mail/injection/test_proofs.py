"""What is proved of a result without reading it again, and what makes that necessary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careerrelay.mail.injection import Edit, quoted_printable, same_structure
from careerrelay.mail.injection.charsets import lookup
from careerrelay.mail.injection.checks import are_same_lines
from careerrelay.mail.injection.encodings import Change
from careerrelay.mail.injection.leaf import Leaf
from careerrelay.mail.injection.structure import Part, Reader
from careerrelay.mail.injection.values import Refusal
from careerrelay.mail.injection.writing import Plan

from .cases import ENGLISH, PARAGRAPH, leaf, mail, multipart
from .test_checks import EOL, PAGE, PDF, TEXT, Attempt, attempt, changed

SOFT = leaf(
    "text/plain; charset=utf-8", "Dear Taro,\n\n-- \nGoodbye.\n", encoding="quoted-printable"
)
CODED = leaf("text/plain; charset=utf-8", "Dear Taro,\n\nGoodbye.\n", encoding="base64")
PLAIN = leaf("text/plain", "Dear Taro,\n\n-- \nGoodbye.\n")
JIS = leaf(
    "text/plain; charset=iso-2022-jp", "山田 太郎 様\n", encoding="7bit", charset="iso-2022-jp"
)
SHAPES = [
    mail(TEXT), mail(PAGE), mail(SOFT), mail(CODED), mail(PLAIN), mail(JIS),
    mail(multipart("mixed", TEXT, PDF)), mail(multipart("mixed", PLAIN, PDF)),
    mail(multipart("mixed", SOFT, PDF)), mail(multipart("mixed", CODED, PDF)),
]  # fmt: skip


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes) -> Reader:
        raise AssertionError("the result was to be read again")

    monkeypatch.setattr(same_structure, "Reader", refuse)


def inserted(message: bytes, at: int, new: bytes, *, gone: int = 0) -> Attempt:
    """Changed at one place of an 8bit text just as planned, with our header on top."""
    tried = attempt(message)
    part = tried.plan.leaf.part
    start = at - part.body
    tried.plan = changed(tried.plan, Change(start, start + gone, new))
    tried.edits[1:] = [Edit(at, at + gone, new)]
    return tried


@pytest.mark.parametrize("message", SHAPES)
def test_result_is_not_read_again_as_a_rule(
    message: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = attempt(message)
    forbid_reading(monkeypatch)
    tried.check()


@pytest.mark.parametrize("message", SHAPES)
def test_whatever_is_lost_of_an_edit_is_seen(message: bytes) -> None:
    """Each of its bytes on its own: also the escape that returns to ASCII, and each label."""
    right = attempt(message)
    for number, edit in enumerate(right.edits[1:], start=1):
        for at in range(0, len(edit.replacement), 1 if len(edit.replacement) < 200 else 7):
            tried = attempt(message)
            new = edit.replacement[:at] + edit.replacement[at + 1 :]
            tried.edits[number] = edit._replace(replacement=new)
            if not is_harmless(message, right, tried):
                assert tried.broken() in ("I2", "I3")


def is_harmless(message: bytes, right: Attempt, tried: Attempt) -> bool:
    """The line ends of encoded lines, and much in a header, mean nothing."""
    after = [joined(message, of.edits) for of in (right, tried)]
    read = [Reader(one).read() for one in after if not is_refused(one)]
    if len(read) < 2 or len({len(part.walk()) for part in read}) > 1:
        return False
    found = [meant(one, root) for one, root in zip(after, read, strict=True)]
    return found[0] == found[1]


def is_refused(message: bytes) -> bool:
    try:
        Reader(message).read()
    except Refusal:
        return True
    return False


def meant(message: bytes, root: Part) -> object:
    parts = root.walk()
    try:
        texts = [
            Leaf(message, part, eol=EOL).data if part.type.startswith("text/")
            else message[part.start : part.end]
            for part in parts if not part.children
        ]  # fmt: skip
    except Refusal:
        return message
    said = [(part.type, charset_of(part), part.encoding, part.boundary) for part in parts]
    return said, texts


def charset_of(part: Part) -> str:
    return lookup(part.content_type.params.get("charset", ""))


def joined(message: bytes, edits: list[Edit]) -> bytes:
    for edit in reversed(edits):
        message = message[: edit.start] + edit.replacement + message[edit.end :]
    return message


def test_escape_that_returns_to_ascii_is_missed() -> None:
    tried = attempt(mail(JIS))
    edit = tried.edits[-1]
    assert edit.replacement.count(b"\x1b(B")
    tried.edits[-1] = edit._replace(replacement=edit.replacement.replace(b"\x1b(B", b""))
    assert tried.broken() == "I2"


def test_base64_that_ends_within_the_text_is_seen() -> None:
    tried = attempt(mail(CODED))
    edit = tried.edits[-1]
    tried.edits[-1] = edit._replace(replacement=b"QQ==\r\n" + edit.replacement)
    assert tried.broken() == "I2"


def test_boundary_in_the_middle_of_a_line_is_none_but_looked_at() -> None:
    text = leaf("text/plain; charset=utf-8", "Dear Taro,\n", encoding="8bit")
    message = mail(multipart("mixed", text, PDF))
    at = message.index(b"Taro,")
    tried = inserted(message, at, b"see --=_b1\r\n and " + PARAGRAPH.url.encode())
    tried.check()
    erased = changed(tried.plan, Change(5, 5, b"--=_b1 "))
    tried.plan, tried.edits = erased, [Edit(at, at, b"--=_b1 ")]
    tried.check(is_erasure=True)


@pytest.mark.parametrize("lead", ["x", "xyz", "x\n"])
def test_delimiter_line_that_arises_across_an_edge_is_seen(lead: str) -> None:
    """The text held something like one, and what stood before it is taken away."""
    text = leaf("text/plain; charset=utf-8", f"Dear Taro,\n{lead}--=_b1\n", encoding="8bit")
    message = mail(multipart("mixed", text, PDF)).replace(b"x\r\n--=_b1", b"x--=_b1")
    at = message.index(b"x--=_b1") if b"x--=_b1" in message else message.index(b"xyz--=_b1")
    tried = inserted(message, at, b"", gone=message.index(b"--=_b1", at) - at)
    assert tried.broken() == "I3"


def test_delimiter_line_that_blanks_had_kept_from_being_one_is_seen() -> None:
    text = leaf("text/plain; charset=utf-8", "Dear Taro,\n--=_b1  \t  x\n", encoding="8bit")
    message = mail(multipart("mixed", text, PDF))
    at = message.index(b"\t  x") + 3
    assert inserted(message, at, b"", gone=1).broken() == "I3"


def test_cr_that_the_line_end_before_a_delimiter_would_take_along_is_seen() -> None:
    text = leaf("text/plain; charset=utf-8", "Dear Taro,", encoding="8bit", eol="\n")
    message = mail(multipart("mixed", text, PDF, eol="\n"), eol="\n")
    part = Reader(message).read().children[0]
    tried = inserted(message, part.end, b"\nsee " + PARAGRAPH.url.encode() + b"\r")
    assert tried.broken() == "I2"


def test_edit_across_header_and_text_is_seen() -> None:
    for message in (mail(TEXT), mail(multipart("mixed", TEXT, PDF))):
        tried = attempt(message)
        at = tried.plan.leaf.part.body
        tried.edits[-1] = Edit(at - 2, at, b"\r\n" + tried.edits[-1].replacement)
        assert tried.broken() == "I2"


@pytest.mark.parametrize(
    ("gone", "new"),
    [(b"Content-Type: ", b"Content-Type "), (b"text/plain", b"text/html"), (b"\r\n\r\n", b"\r\n")],
)
def test_edited_header_is_read_again(gone: bytes, new: bytes) -> None:
    message = mail(multipart("mixed", TEXT, PDF))
    at = message.index(gone, message.index(b"--=_b1\r\n"))
    tried = attempt(message)
    tried.edits.insert(1, Edit(at, at + len(gone), new))
    assert tried.broken() == "I3"


@pytest.mark.parametrize("new", [b"", b"X-CareerRelay: y\r\n"])
def test_header_that_ours_is_not_made_for_is_seen(new: bytes) -> None:
    """Its Message-ID is lost on the way, or another mark comes in."""
    message = mail(PLAIN)
    tried = attempt(message)
    at = message.index(b"Message-ID")
    end = message.index(b"MIME-Version") if not new else at
    tried.edits.insert(1, Edit(at, end, new))
    assert tried.broken() == "I5"


def test_line_of_ours_that_says_more_is_seen() -> None:
    for more in (b"Content-Type: text/html\r\n", b"\r\n", b" x\r\n", b"X-CareerRelay: y\r\n"):
        tried = attempt(mail(leaf("text/plain", "Dear Taro,\n", encoding="8bit")))
        ours = tried.edits[0]
        tried.edits[0] = ours._replace(replacement=ours.replacement + more)
        assert tried.broken() in ("I2", "I3", "I5")


def test_changes_at_another_line_of_quoted_printable_are_seen() -> None:
    tried = attempt(mail(SOFT))
    part = tried.plan.leaf.part
    for at in (part.body, part.end):
        tried.edits[-1] = tried.edits[-1]._replace(start=at, end=at)
        assert tried.broken() == "I2"


def test_plan_of_another_text_is_seen() -> None:
    tried = attempt(mail(SOFT))
    opened = tried.plan.leaf
    opened.data = opened.data.replace(b"Taro", b"Jiro")
    moved = [edit._replace(start=edit.start - 1) for edit in tried.edits[1:]]
    tried.edits[1:] = moved
    assert tried.broken() == "I2"
    assert ENGLISH.url


PIECES = (b"=", b"=\n", b"=\r\n", b"\n", b"\r\n", b"=E3", b"=0", b"\r", b"a b", b" ", b"==")
LINES = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


@given(LINES, LINES, LINES, LINES, LINES, st.integers(0, 4), st.integers(0, 4))
def test_lines_without_an_edit_need_not_be_undone_again(
    before: bytes, gone: bytes, new: bytes, planned: bytes, behind: bytes, early: int, late: int
) -> None:
    """What is taken for the same text is the same text once all of it is undone."""
    raw = before + gone + behind
    message = b"X: y\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + raw
    part = Reader(message).read()
    opened = Leaf(message, part, eol=b"\n")
    start = max(len(before) - early, 0)
    edit = Edit(part.body + start, part.body + len(before + gone), new)
    at = min(len(quoted_printable.decode(raw[:start])) + late % 2, len(opened.data))
    gone_text = quoted_printable.decode(raw[start : len(before + gone)])
    change = Change(at, min(at + len(gone_text), len(opened.data)), planned)
    whole = quoted_printable.decode(raw[:start] + new + behind)
    is_right = whole == Plan(opened, (change,)).text
    assert is_right or not are_same_lines(opened, [edit], [change])


@given(LINES, LINES, LINES)
def test_right_changes_of_quoted_printable_are_taken_for_right(
    before: bytes, new: bytes, behind: bytes
) -> None:
    before, new = before + b"\n", new + b"\n"
    raw = before + behind
    message = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + raw
    part = Reader(message).read()
    opened = Leaf(message, part, eol=b"\n")
    at = len(quoted_printable.decode(before))
    change = Change(at, at, quoted_printable.decode(new))
    edit = Edit(part.body + len(before), part.body + len(before), new)
    assert are_same_lines(opened, [edit], [change])
