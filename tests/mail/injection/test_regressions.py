"""What real mails broke once: one small mail of our own making for each cause."""

from __future__ import annotations

from base64 import b64encode

import pytest

from careerrelay.mail.injection import Paragraph, Policy, Result, Status, inject
from tests.mail.judges import compare, read_all, require_judges

URL = "https://relay.example.jp/r/1.aZ9"
PARAGRAPH = Paragraph(
    text=f"登録はこちらから\n{URL}\nご検討ください。", url=URL, link_id="aZ9",
    ascii_text=f"Register here:\n{URL}",
)  # fmt: skip
HEADER = b"From: hr@example.jp\r\nTo: taro@example.com\r\nSubject: Result\r\nMIME-Version: 1.0\r\n"


def mail(fields: str, body: bytes) -> bytes:
    """One in wire form; ``fields``: further ones, as lines."""
    return HEADER + fields.replace("\n", "\r\n").encode() + b"\r\n" + body


def injected(message: bytes, *, paragraph: Paragraph = PARAGRAPH) -> tuple[bytes, Result]:
    """The mail with the paragraph, in which no reader sees anything else that is new."""
    result = inject(message, paragraph)
    assert result.status is Status.INJECTED, (result.code, result.notes)
    after = result.assemble(message)
    require_judges()
    assert not compare(read_all(message), read_all(after), paragraph=paragraph, result=result)
    return after, result


BASE64_TEXT = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n"


@pytest.mark.parametrize("behind", [b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"])
@pytest.mark.parametrize("text", ["選考の結果", "選考の結果\r\n", "選考の結果\r\n\r\n"])
def test_base64_may_end_in_blank_lines_behind_a_whole_last_quantum(
    behind: bytes, text: str
) -> None:
    """The place was looked for behind the blank lines, the end in front of them."""
    for extra in range(3):
        message = mail(BASE64_TEXT, b64encode(text.encode() + b" " * extra) + behind)
        after, _ = injected(message)
        assert after.endswith(behind)


def test_a_quote_below_a_table_is_looked_at() -> None:
    html = b"<table><tr><td>Result</td></tr></table><blockquote type=cite>Old mail</blockquote>"
    after, _ = injected(mail("Content-Type: text/html\n", html))
    assert after.index(URL.encode()) < after.index(b"<blockquote")


@pytest.mark.parametrize("label", ["utf-16le", "UTF-16BE", "utf_16_le", "utf-32le"])
def test_wide_charsets_are_known_by_all_their_names(label: str) -> None:
    message = mail(f"Content-Type: text/plain; charset={label}\n", "Result".encode("utf-16-le"))
    result = inject(message, PARAGRAPH, Policy())
    assert (result.status, result.code) == (Status.REFUSED, "wide_charset")


def test_blanks_at_the_ends_of_quoted_printable_lines_stay_when_the_text_is_called_utf_8() -> None:
    """Two readers drop such blanks, so a leaf encoded anew had another text for them."""
    body = b"Result  \r\nof the selection \t\r\nis below.\r\n"
    fields = "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n"
    after, result = injected(mail(fields, body))
    assert body in after
    assert "relabel" in result.notes


def test_a_lone_carriage_return_in_a_text_that_is_encoded_anew() -> None:
    """The library's soft breaks had one carriage return too many."""
    body = b"Result: C\rR and no more, in a line that is long enough to be broken softly once.\r\n"
    after, result = injected(mail("Content-Type: text/plain\n", body * 3))
    assert b"\r\r" not in after
    assert "cte_upgrade" in result.notes


def test_a_text_behind_a_message_that_is_only_a_message_is_left_alone() -> None:
    """Node's reader took the text for that of the innermost one, HTML and all."""
    inner = b"Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n"
    text = b"Content-Type: text/html\r\n\r\n<p>Result</p>"
    for depth, code in ((1, ""), (2, "structure_ambiguous"), (3, "structure_ambiguous")):
        attached = inner + (HEADER + inner) * (depth - 1) + HEADER + b"\r\nOld\r\n"
        for parts, expected in (((attached, text), code), ((text, attached), "")):
            body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
            message = mail("Content-Type: multipart/mixed; boundary=b\n", body)
            if expected:
                assert inject(message, PARAGRAPH).code == expected
            else:
                injected(message)


def test_a_soft_quoted_line_before_the_signature_is_joined_with_it_by_one_reader() -> None:
    """Node's reader joins a soft line with the next one that is not empty, even a signature's
    dashes: of ``> -- Hanako`` only the beginning would be above the paragraph."""
    body = b"> Dear Taro,\r\n> \r\n\r\n-- \r\nHanako\r\n"
    flowed = mail("Content-Type: text/plain; format=flowed\n", body)
    assert inject(flowed, PARAGRAPH).code == "structure_ambiguous"
    injected(mail("Content-Type: text/plain\n", body))


def test_a_text_with_a_public_key_is_not_touched() -> None:
    key = b"My key:\r\n-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\nabcd\r\n"
    result = inject(mail("", key), PARAGRAPH)
    assert (result.status, result.code) == (Status.REFUSED, "pgp_inline")
