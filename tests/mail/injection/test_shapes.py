"""Numbered corner cases A, first half: which text of a message gets the paragraph."""

from __future__ import annotations

from base64 import encodebytes

import pytest

from careerrelay.mail.injection import inject

from .cases import (
    CRLF,
    PARAGRAPH,
    POLICY,
    URL,
    assert_injected,
    assert_untouched,
    leaf,
    mail,
    multipart,
)

TEXT = "Dear Taro,\n\nthank you for your time. We decided for someone else.\n"
PAGE = "<html><body><p>Dear Taro,</p></body></html>\n"
PLAIN = leaf("text/plain; charset=utf-8", TEXT, encoding="quoted-printable")
HTML = leaf("text/html; charset=utf-8", PAGE, encoding="quoted-printable")
BOTH = multipart("alternative", PLAIN, HTML, boundary="=_alt")
ATTACHED = 'Content-Disposition: attachment; filename="result.pdf"\n'
PDF = leaf("application/pdf", b"%PDF-1.4 \x00\xff" * 200, encoding="base64", fields=ATTACHED)
IMAGES = [
    leaf("image/png", bytes([number]) * 300, encoding="base64", fields=f"Content-ID: <{number}>\n")
    for number in range(3)
]
ROOM = 80
"""Bytes of one line that has to be cut open."""


def linked_parts(after: bytes, boundary: str) -> list[bool]:
    """For each part of the multipart: whether the link is in it, as QP or plain text has it."""
    pieces = after.split(b"\r\n--" + boundary.encode())[1:-1]
    return [URL.encode() in piece.replace(b"=\r\n", b"") for piece in pieces]


def test_case_001_lone_plain_text() -> None:
    after, result = assert_injected(mail(leaf("text/plain; charset=utf-8", TEXT, encoding="8bit")))
    assert after.count(b"\n") == after.count(b"\r\n")
    assert result.code == "append"
    assert result.notes == ()


def test_case_002_line_feeds_stay_line_feeds() -> None:
    for encoding in ("8bit", "quoted-printable", "base64"):
        text = leaf("text/plain; charset=utf-8", TEXT, encoding=encoding, eol="\n")
        page = leaf("text/html; charset=utf-8", PAGE, encoding=encoding, eol="\n")
        both = multipart("alternative", text, page, eol="\n")
        for content in (text, page, both):
            after, _ = assert_injected(mail(content, eol="\n"), rewritten=2 * ROOM)
            assert b"\r" not in after


@pytest.mark.parametrize("eol", [CRLF, "\n"])
def test_case_003_no_mime_at_all(eol: str) -> None:
    header = "From: hr@example.com\nTo: taro@example.jp\nSubject: Hello\n"
    message = mail(f"\n{TEXT}", header=header, eol=eol)
    after, result = assert_injected(message, rewritten=len(TEXT) + 10)
    assert result.notes == ("relabel", "cte_upgrade")
    assert after.count(b"MIME-Version: 1.0") == 1


def test_case_003_no_mime_and_an_ascii_paragraph_changes_no_label() -> None:
    from .cases import ENGLISH

    header = "From: hr@example.com\nTo: taro@example.jp\nSubject: Hello\n"
    after, result = assert_injected(mail(f"\n{TEXT}", header=header), paragraph=ENGLISH)
    assert result.notes == ()
    assert b"MIME-Version" not in after


def test_case_004_alternative() -> None:
    after, _ = assert_injected(mail(BOTH))
    assert linked_parts(after, "=_alt") == [True, True]


def test_case_005_alternative_with_related_html() -> None:
    related = multipart("related", HTML, *IMAGES, boundary="=_rel")
    message = mail(multipart("alternative", PLAIN, related, boundary="=_alt"))
    after, _ = assert_injected(message)
    assert linked_parts(after, "=_rel") == [True, False, False, False]
    assert all(image in after for image in IMAGES)


def test_case_006_related_with_alternative_root() -> None:
    after, _ = assert_injected(mail(multipart("related", BOTH, IMAGES[0], boundary="=_rel")))
    assert linked_parts(after, "=_alt") == [True, True]
    assert IMAGES[0] in after


def test_case_007_related_whose_start_is_the_second_part() -> None:
    other = leaf("text/html; charset=utf-8", "<p>A frame.</p>\n", fields="Content-ID: <a@x>\n")
    root = leaf("text/html; charset=utf-8", PAGE, fields="Content-ID: <b@x>\n")
    message = mail(multipart('related; start="<b@x>"', other, root, boundary="=_rel"))
    after, _ = assert_injected(message)
    assert linked_parts(after, "=_rel") == [False, True]


def test_case_007_related_whose_start_leads_nowhere_has_its_first_part_as_root() -> None:
    message = mail(multipart('related; start="<c@x>"', HTML, IMAGES[0], boundary="=_rel"))
    after, _ = assert_injected(message)
    assert linked_parts(after, "=_rel") == [True, False]


def test_case_008_five_megabytes_attached() -> None:
    content = bytes(range(256)) * 20_000
    big = leaf("application/pdf", content, encoding="base64", fields=ATTACHED)
    message = mail(multipart("mixed", BOTH, big, boundary="=_mix"))
    after, result = assert_injected(message)
    assert encodebytes(content).replace(b"\n", b"\r\n") in after
    pieces = list(result.pieces(message))
    assert max(map(len, pieces)) > len(content)
    assert all(p.obj is message or len(p) < 5000 for p in pieces), "an attachment was copied"


def test_case_009_text_image_text() -> None:
    message = mail(multipart("mixed", PLAIN, IMAGES[0], PLAIN, boundary="=_mix"))
    after, result = assert_injected(message)
    assert linked_parts(after, "=_mix") == [True, False, False]
    assert result.notes == ("multi_text",)


def test_case_010_alternative_with_mixed_html_pdf_html() -> None:
    mixed = multipart("mixed", HTML, PDF, HTML, boundary="=_mix")
    message = mail(multipart("alternative", PLAIN, mixed, boundary="=_alt"))
    after, _ = assert_injected(message)
    assert linked_parts(after, "=_mix") == [True, False, False]
    assert PDF in after


def test_case_011_mixed_plain_and_html() -> None:
    after, _ = assert_injected(mail(multipart("mixed", PLAIN, HTML, boundary="=_mix")))
    assert linked_parts(after, "=_mix") == [True, False]


def test_case_012_attachment_first() -> None:
    after, _ = assert_injected(mail(multipart("mixed", PDF, PLAIN, boundary="=_mix")))
    assert linked_parts(after, "=_mix") == [False, True]
    assert PDF in after


def test_case_013_attached_text_first() -> None:
    attached = leaf("text/plain", TEXT, fields="Content-Disposition: attachment\n")
    after, _ = assert_injected(mail(multipart("mixed", attached, PLAIN, boundary="=_mix")))
    assert linked_parts(after, "=_mix") == [False, True]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("text/plain", 'Content-Disposition: inline; filename="notes.txt"\n'),
        ('text/plain; name="notes.txt"', ""),
        ("text/plain", "Content-Disposition: inline; filename*=utf-8''%E5%B1%A5.txt\n"),
        ('text/plain; name*0="no"; name*1="tes.txt"', ""),
    ],
)
def test_case_014_inline_text_with_a_file_name(kind: str, fields: str) -> None:
    named = leaf(kind, TEXT, fields=fields)
    after, _ = assert_injected(mail(multipart("mixed", named, PLAIN, boundary="=_mix")))
    assert linked_parts(after, "=_mix") == [False, True]
    assert_untouched(mail(named), "no_text_part")


def test_case_015_attached_message_that_holds_our_link() -> None:
    inner = mail(leaf("text/plain; charset=utf-8", TEXT, encoding="8bit"))
    inner = inject(inner, PARAGRAPH, POLICY).assemble(inner)
    attached = b"Content-Type: message/rfc822\r\n\r\n" + inner
    after, _ = assert_injected(mail(multipart("mixed", PLAIN, attached, boundary="=_mix")))
    assert inner in after
    assert linked_parts(after, "=_mix")[0]


def test_case_016_forwarded_message_only() -> None:
    forwarded = b"Content-Type: message/rfc822\r\n\r\n" + mail(PLAIN)
    assert_untouched(mail(forwarded), "no_text_part")
    assert_untouched(mail(multipart("mixed", forwarded, PDF)), "no_text_part")


def test_message_among_alternatives_is_shown_instead_by_some() -> None:
    attached = b"Content-Type: message/rfc822\r\n\r\n" + mail(PLAIN)
    assert_untouched(mail(multipart("alternative", PLAIN, attached)), "structure_ambiguous")
