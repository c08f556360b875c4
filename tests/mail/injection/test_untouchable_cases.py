"""Numbered corner cases G: mails that must arrive as they were sent, byte for byte.

That two of the three readers see the reason as well keeps us from refusing what nobody sealed.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from careerrelay.mail.injection import inject
from tests.mail.judges import is_sealed, read_all, require_judges

from .cases import (
    HEADER,
    PARAGRAPH,
    POLICY,
    assert_injected,
    assert_untouched,
    leaf,
    mail,
    multipart,
)

TEXT = leaf("text/plain; charset=utf-8", "山田様\n選考の結果です。\n", encoding="8bit")
PAGE = leaf("text/html; charset=utf-8", "<p>山田様</p>\n", encoding="8bit")
BOTH = multipart("alternative", TEXT, PAGE, boundary="=_alt")
BLOB = b"\x30\x82\x01\x02" * 60


def attached(kind: str, name: str, content: bytes | str = BLOB) -> bytes:
    named = f'Content-Disposition: attachment; filename="{name}"\n'
    return leaf(f'{kind}; name="{name}"', content, encoding="base64", fields=named)


def assert_sealed(message: bytes, code: str, *, seen: str = "") -> None:
    """Untouched for that reason, which readers see too: in the types and names of the parts."""
    assert_untouched(message, code)
    require_judges()
    agreeing = [
        reading.judge
        for reading in read_all(message)
        if (is_sealed(reading) if not seen else _shows(reading, seen))
    ]
    assert len(agreeing) >= 2, agreeing


def _shows(reading, seen: str) -> bool:
    told = [f"{part.type} {part.filename}" for part in reading.parts]
    told += [f"{name}: {value.strip()}" for name, value in reading.headers]
    return any(re.search(seen, one, re.IGNORECASE) for one in told)


SIGNATURES = {
    "S/MIME": ("pkcs7-signature", attached("application/pkcs7-signature", "smime.p7s")),
    "S/MIME, old": ("x-pkcs7-signature", attached("application/x-pkcs7-signature", "smime.p7s")),
    "PGP": ("pgp-signature", leaf("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\n")),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_case_130_132_clear_signed(name: str) -> None:
    protocol, signature = SIGNATURES[name]
    kind = f'signed; protocol="application/{protocol}"; micalg=sha-256'
    assert_sealed(mail(multipart(kind, BOTH, signature)), "signed")


@pytest.mark.parametrize("type_", ["application/pkcs7-mime", "application/x-pkcs7-mime"])
@pytest.mark.parametrize("kind", ["signed-data", "enveloped-data", "compressed-data"])
def test_case_130_131_opaque(type_: str, kind: str) -> None:
    part = attached(f"{type_}; smime-type={kind}", "smime.p7m")
    assert_sealed(mail(part), "smime")
    assert_sealed(mail(multipart("mixed", TEXT, part)), "smime")


@pytest.mark.parametrize("name", ["smime.p7m", "SMIME.P7M", "smime.p7s", "smime.p7z"])
def test_case_130_opaque_as_octet_stream(name: str) -> None:
    part = attached("application/octet-stream", name)
    assert_sealed(mail(part), "smime", seen=name)
    assert_sealed(mail(multipart("mixed", TEXT, part)), "smime", seen=name)


def test_case_132_pgp_encrypted() -> None:
    version = leaf("application/pgp-encrypted", "Version: 1\n")
    data = attached("application/octet-stream", "encrypted.asc")
    kind = 'encrypted; protocol="application/pgp-encrypted"'
    assert_sealed(mail(multipart(kind, version, data)), "encrypted")
    assert_sealed(mail(multipart("mixed", TEXT, version, data)), "encrypted")


ARMOUR = "-----BEGIN PGP {}-----\n\nhQEMA0\n-----END PGP {}-----\n"


@pytest.mark.parametrize("what", ["MESSAGE", "SIGNED MESSAGE"])
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_case_133_inline_armour(what: str, encoding: str) -> None:
    armour = ARMOUR.format(what, what)
    for kind, body in (("plain", armour), ("html", f"<p>山田様</p>\n<pre>\n{armour}</pre>\n")):
        message = mail(leaf(f"text/{kind}; charset=utf-8", body, encoding=encoding))
        assert_sealed(message, "pgp_inline")


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_case_133_armour_in_an_attached_text(encoding: str) -> None:
    """Some readers show it below the text, and open it there."""
    armour = ARMOUR.format("MESSAGE", "MESSAGE")
    file = leaf('text/plain; name="plan.png.asc"', armour, encoding=encoding)
    assert_sealed(mail(multipart("mixed", TEXT, file)), "pgp_inline")


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "-----BEGIN CERTIFICATE-----\nMIIB\n"])
def test_other_attached_texts_stay_as_they_are(content: str) -> None:
    file = leaf('text/csv; name="plan.csv"', content, encoding="7bit")
    damaged = file.replace(b"7bit", b"base64")
    assert_injected(mail(multipart("mixed", TEXT, file)))
    assert inject(mail(multipart("mixed", TEXT, damaged)), PARAGRAPH, POLICY).edits


def test_case_133_armour_of_other_kinds() -> None:
    pkcs7 = "-----BEGIN PKCS7-----\nMIIB\n-----END PKCS7-----\n"
    assert_untouched(mail(leaf("text/plain", pkcs7)), "pgp_inline")
    assert_untouched(mail(multipart("mixed", leaf("application/pgp", pkcs7))), "pgp_inline")
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    assert_injected(mail(leaf("text/plain; charset=utf-8", certificate, encoding="8bit")))


def test_case_134_signed_part_in_mixed_with_a_footer() -> None:
    signed = multipart("signed", BOTH, SIGNATURES["S/MIME"][1], boundary="=_sig")
    footer = leaf("text/plain", "A footer of the list.\n")
    assert_sealed(mail(multipart("mixed", signed, footer)), "signed")
    assert_sealed(mail(multipart("mixed", footer, signed)), "signed")


def test_case_135_signed_message_attached() -> None:
    signed = mail(multipart("signed", BOTH, SIGNATURES["PGP"][1], boundary="=_sig"))
    passed_on = b"Content-Type: message/rfc822\r\n\r\n" + signed
    after, _ = assert_injected(mail(multipart("mixed", TEXT, passed_on)))
    assert signed in after


CALENDAR = "BEGIN:VCALENDAR\nMETHOD:{0}\nEND:VCALENDAR\n"


@pytest.mark.parametrize("method", ["REQUEST", "REPLY", "CANCEL"])
def test_case_136_calendar(method: str) -> None:
    event = leaf(f"text/calendar; charset=utf-8; method={method}", CALENDAR.format(method))
    assert_sealed(mail(multipart("alternative", TEXT, PAGE, event)), "calendar")
    assert_sealed(mail(event), "calendar")
    file = attached("application/ics", "invite.ics", CALENDAR.format(method))
    assert_sealed(mail(multipart("mixed", BOTH, file)), "calendar")
    unnamed = attached("application/octet-stream", "invite.ICS", CALENDAR.format(method))
    assert_sealed(mail(multipart("mixed", BOTH, unnamed)), "calendar", seen=r"invite\.ics")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/ms-tnef", "winmail.dat"),
        ("application/vnd.ms-tnef", "x.dat"),
        ("application/octet-stream", "winmail.dat"),
    ],
)
def test_case_137_tnef(kind: str, name: str) -> None:
    part = attached(kind, name)
    assert_sealed(mail(part), "tnef", seen=f"tnef|{name}")
    assert_sealed(mail(multipart("mixed", TEXT, part)), "tnef", seen=f"tnef|{name}")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("delivery-status", "report"),
        ("disposition-notification", "report"),
        ("feedback-report", "report"),
    ],
)
def test_case_138_reports(kind: str, code: str) -> None:
    said = leaf(f"message/{kind}", "Reporting-MTA: dns; mx.example.com\n")
    report = multipart(f"report; report-type={kind}", TEXT, said)
    assert_sealed(mail(report), code, seen="multipart/report")
    assert_sealed(mail(multipart("mixed", TEXT, said)), code, seen=f"message/{kind}")


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("multipart/digest; boundary=d", "digest"),
        ("message/partial; id=a; number=1; total=2", "partial"),
        ("message/external-body; access-type=url", "partial"),
    ],
)
def test_case_138_other_kinds_with_a_meaning(kind: str, code: str) -> None:
    inner = (
        b"--d\r\n\r\nSubject: x\r\n\r\ny\r\n--d--\r\n"
        if code == "digest"
        else b"Subject: x\r\n\r\n"
    )
    assert_sealed(mail(leaf(kind, inner)), code, seen=kind.partition(";")[0])


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Replied (vacation); owner-email=a@example.com",
        "Auto-Submitted: auto-notified",
        "Auto-Submitted: (?)",
        "X-Autoreply: yes",
        "X-Autorespond: out of office",
        "X-AutoReply-From: hr@example.com",
        "X-Mail-Autoreply: qmail",
        "Precedence: auto_reply",
        "Return-Path: <>",
    ],
)
def test_case_139_automatic_replies(field: str) -> None:
    for header in (f"{HEADER}{field}\n", f"{field}\n{HEADER}"):
        assert_sealed(mail(TEXT, header=header), "auto_reply", seen=re.escape(field))


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: no",
        "Auto-Submitted: auto-generated",
        "Auto-Submitted: Auto-Generated (by the ATS); type=rejection",
        "X-Auto-Response-Suppress: All",
        "Precedence: bulk",
        "Return-Path: <hr@example.com>",
    ],
)
def test_case_139_a_system_s_own_mails_are_no_replies(field: str) -> None:
    assert_injected(mail(TEXT, header=f"{HEADER}{field}\n"))


def test_case_140_rights_managed() -> None:
    typed = attached("application/x-microsoft-rpmsg-message", "x.bin")
    named = attached("application/octet-stream", "message.rpmsg")
    assert_sealed(mail(multipart("mixed", TEXT, typed)), "encrypted", seen="rpmsg")
    assert_sealed(mail(multipart("mixed", TEXT, named)), "encrypted", seen="rpmsg")


def test_case_141_amp() -> None:
    """It would be shown instead of the text that has the paragraph."""
    amp = leaf("text/x-amp-html; charset=utf-8", "<html amp4email></html>\n")
    message = mail(multipart("alternative", TEXT, amp, PAGE))
    assert_sealed(message, "amp", seen="text/x-amp-html")


SIGNED_BY_ATS = f"{HEADER}DKIM-Signature: v=1; a=rsa-sha256;\n d=Ats.example; s=a; h=from; b=x\n"


def test_case_143_foreign_dkim_that_nobody_renews() -> None:
    message = mail(TEXT, header=SIGNED_BY_ATS)
    alone = replace(POLICY, next_hop_signs=False)
    assert_untouched(message, "dkim_foreign", policy=alone)
    ours = replace(alone, signing_domains=frozenset({"ats.example"}))
    assert_injected(message, policy=ours)
    assert_injected(message)
    assert_injected(mail(TEXT), policy=alone)


def test_case_143_a_signature_without_a_domain_is_somebody_else_s() -> None:
    message = mail(TEXT, header=f"{HEADER}DKIM-Signature: v=1; b=x\n")
    ours = replace(POLICY, next_hop_signs=False, signing_domains=frozenset({"ats.example"}))
    assert_untouched(message, "dkim_foreign", policy=ours)


BEGIN = "begin 644 result.txt\n#0V%T\n`\nend\n"


def test_uuencoded_and_yenc_blocks() -> None:
    for body in (f"山田様\n{BEGIN}", BEGIN, "=ybegin line=128 size=3 name=x\nabc\n=yend size=3\n"):
        message = mail(leaf("text/plain; charset=utf-8", body, encoding="8bit"))
        assert_untouched(message, "uuencode")


@pytest.mark.parametrize(
    "body", ["begin 644 of the results\nand end\n", "begin 644 x\n#0V%T\n", "=ybegin of a line\n"]
)
def test_texts_that_only_begin_like_that(body: str) -> None:
    assert_injected(mail(leaf("text/plain; charset=utf-8", body, encoding="8bit")))


def test_an_attached_key_seals_nothing() -> None:
    key = attached("application/pgp-keys", "0x1234.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    assert_injected(mail(multipart("mixed", TEXT, key)))


def test_the_reason_is_told_and_nothing_else() -> None:
    result = inject(mail(multipart("signed", BOTH, SIGNATURES["PGP"][1])), PARAGRAPH, POLICY)
    assert (result.code, result.notes, result.edits, result.hold) == ("signed", (), (), False)
