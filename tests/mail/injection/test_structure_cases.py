"""Numbered corner cases A: the structure of a message."""

from __future__ import annotations

from .cases import assert_injected, assert_untouched, leaf, mail, multipart

TEXT = "Dear Taro,\n\nthank you for your time. We decided for someone else.\n"
PLAIN = leaf("text/plain; charset=utf-8", TEXT, encoding="quoted-printable")
HTML = leaf(
    "text/html; charset=utf-8", "<html><body><p>Dear Taro,</p></body></html>\n",
    encoding="quoted-printable",
)  # fmt: skip
PDF = leaf(
    "application/pdf", b"%PDF-1.4 \x00\xff not really" * 20, encoding="base64",
    fields='Content-Disposition: attachment; filename="result.pdf"\n',
)  # fmt: skip


def test_case_001_lone_plain_text() -> None:
    after, _ = assert_injected(mail(PLAIN))
    assert after.count(b"\n") == after.count(b"\r\n")


def test_case_004_alternative() -> None:
    assert_injected(mail(multipart("alternative", PLAIN, HTML)))


def test_case_016_forwarded_message_only() -> None:
    assert_untouched(mail(b"Content-Type: message/rfc822\r\n\r\n" + mail(PLAIN)), "no_text_part")
