"""The judges see what is in a message, and tell every kind of damage from an injection."""

from __future__ import annotations

import hashlib
from base64 import encodebytes
from collections.abc import Callable

import pytest

from careerrelay.mail.injection.values import Edit, Paragraph, Result, Status
from tests.mail.judges import Reading, compare, is_sealed, panel, why_no_judges

URL = "https://relay.example.jp/r/abc"
PARAGRAPH = Paragraph(
    text=f"登録はこちらから\n{URL}", url=URL, link_id="abc", ascii_text=f"Register here:\n{URL}"
)
WORDS = "".join(f"&#{ord(sign)};" for sign in "登録はこちらから")
HTML = f'<p>{WORDS}<br><a href="{URL}">{URL}</a></p>'
PDF = b"%PDF-1.4 \x00\xff not really"

MESSAGE = (
    "From: hr@example.jp\r\nTo: taro@example.com\r\nSubject: =?utf-8?q?r=C3=A9sultat?=\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n"
    "--outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n"
    "--inner\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "選考の結果\r\nPLAIN--inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    "<p>Result</p>\r\nHTML--inner--\r\n"
    '--outer\r\nContent-Type: application/pdf; name="result.pdf"\r\n'
    'Content-Disposition: attachment; filename="result.pdf"\r\n'
    "Content-Transfer-Encoding: base64\r\n\r\n" + encodebytes(PDF).decode() + "\r\n--outer--\r\n"
).encode()
BEFORE = MESSAGE.replace(b"PLAIN", b"").replace(b"HTML", b"")
TEXT = PARAGRAPH.text.replace("\n", "\r\n").encode() + b"\r\n"
AFTER = MESSAGE.replace(b"PLAIN", TEXT).replace(b"HTML", HTML.encode() + b"\r\n")
INJECTED = Result(Status.INJECTED, edits=(Edit(0, 0, b""),))

Readers = Callable[[bytes], list[Reading]]


def findings(judges: Readers, *, after: bytes, before: bytes = BEFORE) -> set[str]:
    """What is said by every one of the readers."""
    told = compare(judges(before), judges(after), paragraph=PARAGRAPH, result=INJECTED)
    by_judge = {j: {t.partition(": ")[2] for t in told if t.startswith(f"{j}:")} for j in JUDGES}
    return set.intersection(*by_judge.values())


JUDGES = ("python", "node", "perl")


def test_all_three_see_the_same_parts(judges: Readers) -> None:
    readings = judges(BEFORE)
    assert [r.judge for r in readings] == list(JUDGES)
    for reading in readings:
        assert [(p.depth, p.type) for p in reading.parts] == [
            (0, "multipart/mixed"),
            (1, "multipart/alternative"),
            (2, "text/plain"),
            (2, "text/html"),
            (1, "application/pdf"),
        ]
        assert reading.texts("text/plain")[0].strip() == "選考の結果"
        assert reading.parts[4].digest == hashlib.sha256(PDF).hexdigest()
        assert (reading.parts[4].filename, reading.parts[4].disposition) == (
            "result.pdf",
            "attachment",
        )
        assert "Subject" in dict(reading.headers)
        assert reading.errors == ()


@pytest.mark.parametrize("stored", ["utf-8", "euc_jp", "cp932"])
def test_all_three_read_on_behind_bytes_that_are_no_iso_2022_jp(
    judges: Readers, stored: str
) -> None:
    """Perl's Encode stops at the first one where it is given a CHECK, whatever CHECK it is."""
    header = b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
    for reading in judges(header + "Taro,\r\n選考の結果\r\nbehind it\r\n".encode(stored)):
        (text,) = reading.texts("text/plain")
        assert text.startswith("Taro,")
        assert text.rstrip().endswith("behind it")


def test_a_good_injection_finds_nobody_against_it(judges: Readers) -> None:
    assert compare(judges(BEFORE), judges(AFTER), paragraph=PARAGRAPH, result=INJECTED) == []


def test_our_own_header_is_no_change(judges: Readers) -> None:
    marked = b"X-CareerRelay: v=1; s=injected\r\n" + AFTER
    assert compare(judges(BEFORE), judges(marked), paragraph=PARAGRAPH, result=INJECTED) == []


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        ((b"\r\n--outer--", b"\r\n--outer\r\n\r\n\r\n--outer--"), "structure changed"),
        ((b"application/pdf", b"application/zip"), "structure changed"),
        ((encodebytes(PDF), encodebytes(PDF[:-1])), "attachment changed (application/pdf)"),
        (("選考の結果".encode(), "選考の".encode()), "old text damaged (text/plain)"),
        ((b"<p>Result</p>", b"<p>R</p>"), "old text damaged (text/html)"),
        ((b"From: hr@", b"From: hr2@"), "header value changed (part 0)"),
        ((b'pdf"\r\nContent-T', b'pdf"\r\nX-A: b\r\nContent-T'), "header value changed (part 4)"),
        ((TEXT, b""), "link missing (in an alternative, part 2)"),
        ((TEXT, TEXT + TEXT), "link double (text/plain)"),
        ((HTML.encode(), HTML.encode() * 2), "link double (text/html)"),
        ((b"<a href", b"<b title"), "link missing (text/html)"),
        (("登録は".encode(), b"???"), "paragraph unreadable (text/plain)"),
    ],
)
def test_each_kind_of_damage_is_seen_by_all(
    judges: Readers, harm: tuple[bytes, bytes], finding: str
) -> None:
    assert harm[0] in AFTER
    told = findings(judges, after=AFTER.replace(*harm))
    assert any(one.startswith(finding) for one in told)


def test_a_link_in_two_texts_that_follow_each_other_is_double(judges: Readers) -> None:
    before, after = (
        m.replace(b"multipart/alternative", b"multipart/mixed") for m in (BEFORE, AFTER)
    )
    told = findings(judges, before=before, after=after)
    assert "link double (in texts that are shown one after the other)" in told


def test_nothing_changed_is_a_missing_link(judges: Readers) -> None:
    assert findings(judges, after=BEFORE) == {"link missing (no text was changed)"}


@pytest.mark.parametrize(
    "sealed",
    [
        BEFORE.replace(b"multipart/mixed", b"multipart/signed"),
        BEFORE.replace(b"application/pdf", b"text/calendar"),
        BEFORE.replace("選考の結果".encode(), b"-----BEGIN PGP SIGNED MESSAGE-----"),
    ],
)
def test_sealed_messages_are_known_as_such(judges: Readers, sealed: bytes) -> None:
    assert all(is_sealed(reading) for reading in judges(sealed))
    told = compare(judges(sealed), judges(sealed), paragraph=PARAGRAPH, result=INJECTED)
    assert "python: signed or encrypted touched" in told


def test_a_sealed_message_that_is_attached_seals_nothing(judges: Readers) -> None:
    attached = b"Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nHello\r\n--s--\r\n"
    message = BEFORE.replace(
        b"--outer--", b"--outer\r\nContent-Type: message/rfc822\r\n\r\n" + attached + b"--outer--"
    )
    assert not any(is_sealed(reading) for reading in judges(message))


def test_no_bytes_stop_a_reader(judges: Readers) -> None:
    for message in (
        b"",
        b"\x00",
        b"\r\n\r\n",
        b"Content-Type: multipart/mixed\r\n\r\n--x",
        MESSAGE[:200],
    ):
        assert len(judges(message)) == len(JUDGES)
    assert judges(BEFORE) == judges(BEFORE)


def test_in_ci_missing_judges_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "MIME_TOOLS", panel.HERE / "no such file")
    monkeypatch.setattr(panel, "NODE_MODULES", panel.HERE / "no such folder")
    assert why_no_judges()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception):
        panel.require_judges()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception):
        panel.require_judges()
