"""Another parser looks at a sample of what was changed, and can only keep a mail as it came."""

from __future__ import annotations

from base64 import encodebytes
from dataclasses import replace

import pytest

from careerrelay.mail import second_opinion
from careerrelay.mail.injection import Edit, Result, Status, erase_marker, inject
from careerrelay.mail.relay.decisions import changed
from careerrelay.mail.relay.desk import Passing, Treatment
from careerrelay.mail.second_opinion import ONE_IN, agreed, doubts, is_asked
from tests.mail.injection.cases import PARAGRAPH, POLICY, URL, leaf, mail, multipart
from tests.mail.injection.japanese_samples import Sample, samples
from tests.mail.relay.relays import account

TEXT = leaf("text/plain; charset=utf-8", "Dear Taro,\nGoodbye.\n", encoding="8bit")
PAGE = leaf("text/html; charset=utf-8", "<p>Dear Taro,</p>\n", encoding="quoted-printable")
PDF = leaf("application/pdf", b"%PDF-1.4 \x00\xff" * 30, encoding="base64")
MESSAGE = mail(multipart("mixed", multipart("alternative", TEXT, PAGE, boundary="=_alt"), PDF))
MARKED = MESSAGE.replace(b"Goodbye.", POLICY.marker.encode())


@pytest.mark.parametrize("sample", list(samples()), ids=lambda sample: sample.name)
def test_it_agrees_with_what_is_done_to_japanese_mail(sample: Sample) -> None:
    result = inject(sample.message, PARAGRAPH, POLICY)
    assert result.edits
    assert doubts(sample.message, result, url=URL) == ""


def test_it_agrees_with_all_that_may_be_done() -> None:
    tracker = MARKED.replace(b"{{", b"https://t.example.com/?u=%7B%7B").replace(b"}}", b"%7D%7D")
    plain = mail(leaf("text/plain", "Dear Taro,\n"))
    soft = mail(b"Content-Transfer-Encoding: quoted-printable\r\n\r\nDear Taro=0D=0A=\r\nBye=\r\n")
    for message in (MESSAGE, MARKED, tracker, plain, soft):
        assert doubts(message, inject(message, PARAGRAPH, POLICY), url=URL) == ""
    assert doubts(MARKED, erase_marker(MARKED, POLICY)) == ""


@pytest.mark.parametrize(
    ("old", "new", "doubt"),
    [
        (b"\r\n--=_b1--", b"\r\n--=_b1\r\n\r\nx\r\n--=_b1--", "structure"),
        (b"application/pdf", b"application/zip", "structure"),
        (b"From: Example", b"From: Another", "structure"),
        (encodebytes(b"%PDF")[:4], b"JVBE", "attachment"),
        (b"Dear Taro,\r\nGood", b"Dear Taro,\r\n", "old_text"),
        (b"Goodbye.", b"Goodbye. " + URL.encode(), ""),
        (b"Goodbye.", b"Goodbye. https://other.example/", "link"),
    ],
)
def test_each_kind_of_damage_is_doubted(old: bytes, new: bytes, doubt: str) -> None:
    at = MESSAGE.index(old)
    harm = Result(Status.INJECTED, edits=(Edit(at, at + len(old), new),))
    if doubt == "attachment":
        harm = replace(harm, edits=(Edit(at, at + 4, b"AAAA"),))
    assert doubts(MESSAGE, harm, url=URL) == doubt


def test_nothing_seen_is_a_missing_link() -> None:
    at = MESSAGE.index(b"MIME-Version")
    assert doubts(MESSAGE, Result(Status.INJECTED, edits=(Edit(at, at, b""),)), url=URL) == "link"


def test_what_it_cannot_read_it_says_nothing_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicError(BaseException):
        """As a panic in Rust comes to Python."""

    def panics(message: bytes) -> object:
        if message != MESSAGE:
            raise PanicError
        return read(message)

    read = second_opinion.parse_email_tree
    result = inject(MESSAGE, PARAGRAPH, POLICY)
    monkeypatch.setattr(second_opinion, "parse_email_tree", panics)
    assert doubts(MESSAGE, result, url=URL) == "unreadable"
    assert doubts(MARKED, inject(MARKED, PARAGRAPH, POLICY), url=URL) == ""


def numbered(message: bytes, number: int) -> bytes:
    return message.replace(b"<1.2@", b"<%d@" % number)


def test_it_is_asked_of_a_sample_and_always_of_the_same_mails() -> None:
    mails = [numbered(MESSAGE, number) for number in range(ONE_IN * 40)]
    asked = [is_asked(message) for message in mails]
    assert 20 < sum(asked) < 60
    assert asked == [is_asked(message) for message in mails]
    assert not any(is_asked(message + b"x" * (1 << 20)) for message in mails[:100])


def test_doubt_leaves_the_mail_as_it_came_and_holds_a_marker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second_opinion, "doubts", lambda *_, **__: "structure")
    outcomes: set[tuple[str, str, bool]] = set()
    for message in (MESSAGE, MARKED):
        for number in range(ONE_IN * 10):
            one = numbered(message, number)
            result = agreed(one, inject(one, PARAGRAPH, POLICY), POLICY, url=URL)
            assert bool(result.edits) is not is_asked(one)
            outcomes.add((result.status.value, result.code, result.hold))
    assert outcomes == {
        ("injected", "append", False), ("replaced", "marker", False),
        ("failed", "self_check", False), ("failed", "token_left", True),
    }  # fmt: skip


@pytest.mark.parametrize(
    "treatment", [Treatment(PARAGRAPH, POLICY), Treatment(None, POLICY, erase=True)]
)
def test_every_way_in_asks_it(monkeypatch: pytest.MonkeyPatch, treatment: Treatment) -> None:
    monkeypatch.setattr(second_opinion, "ONE_IN", 1)
    monkeypatch.setattr(second_opinion, "doubts", lambda *_, **__: "structure")
    result = changed(Passing(account(1), "hr@example.com", "taro@example.jp", MARKED), treatment)
    assert (result.status, result.code) == (Status.FAILED, "token_left")
    assert result.notes == ("self_check", "second_opinion", "structure")


def test_what_it_agrees_with_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "ONE_IN", 1)
    result = inject(MARKED, PARAGRAPH, POLICY)
    assert agreed(MARKED, result, POLICY, url=URL) is result
