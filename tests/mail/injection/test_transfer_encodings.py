"""Numbered corner cases B: transfer encodings, undone and changed at one place."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from email import message_from_bytes, policy

import pytest

from careerrelay.mail.injection import Paragraph, Status
from careerrelay.models.errors import ConfigurationError

from .cases import (
    CRLF,
    ENGLISH,
    PARAGRAPH,
    URL,
    assert_injected,
    assert_untouched,
    encoded,
    leaf,
    lines,
    mail,
    multipart,
)

JAPANESE = "山田 太郎 様\n\nこのたびはご応募いただき、誠にありがとうございました。\n"
UTF8 = "text/plain; charset=utf-8"
ONE_LINE = 80
QUOTE = "\nOn Sun, 22 Nov 2026 at 10:00, Taro <taro@example.jp> wrote:\n> When?\n"
"""Below the paragraph, so that its place is in the middle."""


def raw_leaf(kind: str, encoding: str, raw: bytes) -> bytes:
    """A part whose body is ``raw``, as it is on the wire."""
    return lines(f"Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n") + raw


def body(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


def decoded(message: bytes) -> bytes:
    found = message_from_bytes(message, policy=policy.default).get_payload(decode=True)
    assert isinstance(found, bytes)
    return found


def old_lines_kept(before: bytes, after: bytes) -> int:
    """How many lines of the body before are not in the one after."""
    return len(set(body(before).split(b"\r\n")) - set(body(after).split(b"\r\n")))


def longest_line(message: bytes) -> int:
    return max(map(len, body(message).split(b"\r\n")))


def test_case_042_place_in_a_soft_broken_line() -> None:
    page = "<p>" + "あいうえお" * 30 + "</p></body></html>\n"
    message = mail(leaf("text/html; charset=utf-8", page, encoding="quoted-printable"))
    after, _ = assert_injected(message)
    assert old_lines_kept(message, after) == 1
    assert longest_line(after) <= 76


@pytest.mark.parametrize("filled", range(60, 80))
def test_case_042_place_in_a_line_that_is_full_or_nearly(filled: int) -> None:
    page = "<p>" + "x" * (filled - 3) + "</body></html>\n"
    message = mail(leaf("text/html; charset=utf-8", page, encoding="quoted-printable"))
    after, _ = assert_injected(message)
    assert longest_line(after) <= 76


@pytest.mark.parametrize("signs", range(20, 27))
def test_case_042_no_escape_is_cut_apart(signs: int) -> None:
    raw = b"=E3=81=82" * 8 + b"x" * (signs - 20) + b"</body>\r\n"
    after, _ = assert_injected(mail(raw_leaf("text/html; charset=utf-8", "quoted-printable", raw)))
    assert longest_line(after) <= 80


def test_case_042_marker_over_a_soft_break() -> None:
    raw = b"Register here: {{career_re=\r\nlay_link}} and nowhere else, =\r\nplease.\r\n"
    message = mail(raw_leaf(UTF8, "quoted-printable", raw))
    after, _ = assert_injected(message, status=Status.REPLACED, rewritten=24)
    assert decoded(after) == f"Register here: {URL} and nowhere else, please.\r\n".encode()


@pytest.mark.parametrize("below", [0, 40_000, 400_000])
def test_case_042_place_far_from_either_end(below: int) -> None:
    text = "選考の結果をお知らせします。\n" * 800 + QUOTE + "> When?\n" * (below // 9)
    message = mail(leaf(UTF8, text, encoding="quoted-printable"))
    after, _ = assert_injected(message)
    assert old_lines_kept(message, after) == 0


def test_case_043_what_is_lax_is_left_as_it_is() -> None:
    raw = b"M=c3=bcller  \r\nUe=C3=9Cberraschung\t\r\nan end without a line=\r\n" + b"end="
    message = mail(raw_leaf(UTF8, "quoted-printable", raw))
    after, _ = assert_injected(message, paragraph=ENGLISH)
    assert body(after).startswith(raw[:-1])
    assert body(after).endswith(b"=")


@pytest.mark.parametrize("broken", [b"=XY", b"= ", b"=3", b"=\xe3\x81", b"100 = 100"])
def test_case_043_what_is_no_escape_is_kept_in_another_line(broken: bytes) -> None:
    raw = b"Dear " + broken + b",\r\n\r\nGoodbye.\r\n"
    message = mail(raw_leaf(UTF8, "quoted-printable", raw))
    after, _ = assert_injected(message, paragraph=ENGLISH)
    assert raw in after


@pytest.mark.parametrize("broken", [b"=XY", b"=3", b"= x"])
def test_case_043_what_is_no_escape_is_refused_in_the_line_to_be_cut(broken: bytes) -> None:
    raw = b"<p>Dear " + broken + b"</p></body>\r\n"
    assert_untouched(mail(raw_leaf("text/html", "quoted-printable", raw)), "bad_qp")
    raw = b"Goodbye " + broken
    assert_injected(mail(raw_leaf(UTF8, "quoted-printable", raw + b"\r\n")))
    assert_untouched(mail(raw_leaf(UTF8, "quoted-printable", raw + b"==")), "bad_qp")


def test_case_044_line_ends_that_are_encoded() -> None:
    raw = b"Dear Taro,=0D=0A=0D=0AGoodbye.=0D=0A=0D=0AOn Sun, 22 Nov 2026, Taro wrote:=\r\n"
    raw += b"=0D=0A> When?=0D=0A"
    after, _ = assert_injected(mail(raw_leaf(UTF8, "quoted-printable", raw)), paragraph=ENGLISH)
    old = decoded(raw_leaf(UTF8, "quoted-printable", raw))
    above, quote = old.split(b"\r\nOn Sun")
    assert decoded(after) == above + b"\r\n" + lines(ENGLISH.text) + b"\r\n\r\nOn Sun" + quote


@pytest.mark.parametrize("width", [76, 60, 72])
@pytest.mark.parametrize("tail", ["", QUOTE], ids=["end", "middle"])
@pytest.mark.parametrize("spare", range(3))
def test_case_045_base64_of_regular_lines(width: int, tail: str, spare: int) -> None:
    text = b64encode(lines(JAPANESE * 5 + "x" * spare + "\n" + tail))
    raw = b"".join(text[at : at + width] + b"\r\n" for at in range(0, len(text), width))
    message = mail(raw_leaf(UTF8, "base64", raw))
    after, _ = assert_injected(message, rewritten=ONE_LINE if tail else 8)
    assert old_lines_kept(message, after) <= 1
    assert longest_line(after) <= 76


@pytest.mark.parametrize("width", [75, 61, 1, 998])
@pytest.mark.parametrize("tail", ["", QUOTE], ids=["end", "middle"])
def test_case_046_base64_of_lines_that_are_no_quanta(width: int, tail: str) -> None:
    old = lines(JAPANESE * 3 + tail)
    text = b64encode(old)
    raw = b"".join(text[at : at + width] + b"\r\n" for at in range(0, len(text), width))
    after, _ = assert_injected(mail(raw_leaf(UTF8, "base64", raw)), rewritten=len(raw))
    new = decoded(after)
    assert new.startswith(lines(JAPANESE * 3))
    assert new.endswith(lines(tail))


def test_case_046_base64_of_lines_of_all_lengths() -> None:
    text = b64encode(lines(JAPANESE * 3 + QUOTE))
    raw = text[:10] + b"\n" + text[10:77] + b"\r\n\r\n" + text[77:78] + b"\r\n" + text[78:]
    after, _ = assert_injected(mail(raw_leaf(UTF8, "base64", raw)), rewritten=len(raw))
    assert decoded(after).endswith(lines(QUOTE))


@pytest.mark.parametrize("spare", range(3))
def test_case_047_place_in_the_last_quantum(spare: int) -> None:
    """Behind the place stands less than a quantum, which must not be lost."""
    for end in ("</p>", "\n", ""):
        page = "<p>" + "x" * (15 + spare) + "</body>" + end
        after, _ = assert_injected(
            mail(leaf("text/html; charset=utf-8", page, encoding="base64")), rewritten=ONE_LINE
        )
        assert decoded(after).endswith(lines("</body>" + end))


@pytest.mark.parametrize("behind", ["", " ", "\n", "  ", "\n\n", " \n \n"])
@pytest.mark.parametrize("spare", range(3))
def test_case_047_text_that_ends_in_blanks(behind: str, spare: int) -> None:
    text = f"Goodbye.{'x' * spare}\n{behind}"
    message = mail(leaf(UTF8, text, encoding="base64"))
    after, _ = assert_injected(message, rewritten=ONE_LINE)
    assert decoded(after).endswith(lines(behind))


@pytest.mark.parametrize("spare", range(3))
@pytest.mark.parametrize("tail", ["", QUOTE], ids=["end", "middle"])
def test_case_048_line_feeds_inside_base64(spare: int, tail: str) -> None:
    old = f"{JAPANESE}{'x' * spare}\n{tail}"
    message = mail(raw_leaf(UTF8, "base64", encoded(old.encode(), "base64")))
    after, _ = assert_injected(message, rewritten=ONE_LINE)
    new = decoded(after).decode()
    assert "\r" not in new
    assert new.startswith(JAPANESE)
    assert new.endswith(tail)


@pytest.mark.parametrize(
    "raw",
    [
        b"RGVhcg==RGVhcg==\r\n",
        b"RGVhcg==\r\nRGVhcg==\r\n",
        b"RGVh cg==\r\n",
        b"RGVhcg==\r\n-- \r\n",
        b"RGVhcg=\r\n",
        b"RGVhcg\r\n",
        b"R\r\n",
        b"RGVhcg===\r\n",
        b"R===\r\n",
        b"RGVh-_==\r\n",
        b"\x00RGVhcg==\r\n",
    ],
)
def test_case_049_base64_that_is_none(raw: bytes) -> None:
    assert_untouched(mail(raw_leaf(UTF8, "base64", raw)), "bad_base64")


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"\n\r\n"])
@pytest.mark.parametrize("tail", ["", QUOTE], ids=["end", "middle"])
def test_case_050_end_of_the_base64(end: bytes, tail: str) -> None:
    raw = encoded(lines(JAPANESE + tail), "base64").rstrip() + end
    after, _ = assert_injected(mail(raw_leaf(UTF8, "base64", raw)), rewritten=ONE_LINE)
    assert body(after).endswith(end)
    assert body(after).rstrip() + end == body(after)


def test_case_051_8bit_under_the_label_7bit() -> None:
    for encoding in ("7bit", ""):
        message = mail(leaf(UTF8, JAPANESE, encoding=encoding))
        after, result = assert_injected(message)
        assert "eight_bit" in result.notes
        assert JAPANESE.replace("\n", CRLF).encode() in after
        after, result = assert_injected(message, paragraph=ENGLISH)
        assert "eight_bit" in result.notes


@pytest.mark.parametrize(
    "encoding", ["8bits", "7-bit", "quoted printable", "x-uuencode", "uuencode", "none", "utf-8"]
)
def test_case_052_encodings_that_are_none(encoding: str) -> None:
    assert_untouched(mail(raw_leaf(UTF8, encoding, b"Dear Taro\r\n")), "unknown_cte")


@pytest.mark.parametrize("encoding", ["BASE64", "Base64", "\tbase64"])
def test_case_053_encoding_in_upper_case(encoding: str) -> None:
    raw = encoded(lines(JAPANESE), "base64")
    assert_injected(mail(raw_leaf(UTF8, encoding, raw)), rewritten=ONE_LINE)


@pytest.mark.parametrize(
    "encoding", ["base64;", "base64; x=y", "base64 (x)", "base64 ", "base64,", '"base64"']
)
def test_case_053_encoding_with_something_behind_it(encoding: str) -> None:
    """For some readers it is then none."""
    raw = encoded(lines(JAPANESE), "base64")
    assert_untouched(mail(raw_leaf(UTF8, encoding, raw)), "unknown_cte")


def test_case_053_blank_behind_an_encoding_that_changes_nothing() -> None:
    assert_injected(mail(raw_leaf(UTF8, "8bit ", lines(JAPANESE))))


@pytest.mark.parametrize("kind", ["text/plain", "text/plain; charset=us-ascii", UTF8])
@pytest.mark.parametrize("encoding", ["7bit", "", "quoted-printable", "base64"])
def test_case_054_ascii_text_and_a_japanese_paragraph(kind: str, encoding: str) -> None:
    old = "Dear Taro,\n\nx = y; a tab\t and blanks  \n.\nFrom here on.\n" + "long " * 30 + "\n"
    message = mail(leaf(kind, old, encoding=encoding))
    after, result = assert_injected(message, rewritten=len(message))
    found = message_from_bytes(after, policy=policy.default)
    assert found.get_content_charset() == "utf-8"
    assert ("relabel" in result.notes) == (kind != UTF8)
    assert ("cte_upgrade" in result.notes) == (encoding in ("7bit", ""))
    assert decoded(after).startswith(lines(old))
    assert PARAGRAPH.text in found.get_content().replace(CRLF, "\n")


def test_case_054_label_of_one_part_among_others() -> None:
    text = leaf("text/plain", "Dear Taro,\n\nGoodbye.\n")
    page = leaf("text/html", "<p>Dear Taro,</p>\n")
    for plain in (text, b"\r\nDear Taro\r\n", text.replace(b"text/plain", b"Text/Plain")):
        message = mail(multipart("alternative", plain, page))
        after, result = assert_injected(message, rewritten=200)
        assert result.notes == ("relabel", "cte_upgrade")
        assert page.partition(b"\r\n")[0] in after


def test_case_054_label_that_stands_twice() -> None:
    message = mail(b"Content-Type: text/plain\r\n" + leaf("text/plain", "Dear Taro\n"))
    after, _ = assert_injected(message, rewritten=200)
    assert after.count(b'Content-Type: text/plain; charset="utf-8"') == 2


@pytest.mark.parametrize(
    "kind",
    ["text/plain; charset=", "text/plain; charset=;x=y", 'text/plain;\n charset = "us-ascii"; x=y'],
)
def test_case_054_label_is_put_where_it_stood(kind: str) -> None:
    assert_injected(mail(leaf(kind, "Dear Taro\n")), rewritten=100)


def test_case_054_label_that_cannot_be_put_in_safely() -> None:
    text = leaf('text/plain; x="; charset=us-ascii"', "Dear Taro\n")
    assert_untouched(mail(text), "structure_ambiguous")


def test_case_056_line_of_5000_bytes() -> None:
    text = f"Dear Taro,\n\n{'long ' * 1000}\nGoodbye.\n"
    message = mail(leaf(UTF8, text, encoding="8bit"))
    after, result = assert_injected(message)
    assert result.notes == ("long_line",)
    new = after.replace(body(message), b"")
    assert sorted(map(len, after.split(b"\r\n")))[-2] < 200
    assert new
    fits = mail(leaf(UTF8, f"{'x' * 998}\nGoodbye.\n", encoding="8bit"))
    assert assert_injected(fits)[1].notes == ()
    ends = mail(leaf(UTF8, f"Dear Taro\n{'x' * 999}", encoding="8bit"))
    assert assert_injected(ends)[1].notes == ("long_line",)


@pytest.mark.parametrize("line", ["From here on you may register.", "> quoted", ">"])
def test_case_057_line_that_mail_programs_would_change_is_refused_when_saved(line: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^text: a line must not begin"):
        Paragraph(f"Hello\n{line}\n{URL}", URL, "a", f"Hello\n{URL}")


def test_case_057_no_line_begins_so_where_a_long_one_is_broken() -> None:
    for filled in range(60, 80):
        text = f"{'x' * filled} From here on > register\n{URL}"
        paragraph = Paragraph(text, URL, "a", text)
        after, _ = assert_injected(
            mail(leaf(UTF8, "Dear Taro\n", encoding="8bit")), paragraph=paragraph
        )
        assert b"\r\nFrom " not in body(after)
        assert b"\r\n>" not in body(after)


def test_case_058_lines_of_a_single_dot() -> None:
    """The dot is doubled on the wire by who sends it, not by us."""
    text = ".\n..\n.x\nDear Taro\n.\n"
    for encoding in ("8bit", "quoted-printable", "base64"):
        after, _ = assert_injected(mail(leaf(UTF8, text, encoding=encoding)), rewritten=ONE_LINE)
        assert decoded(after).startswith(lines(text))


def test_case_059_nul_in_an_attachment() -> None:
    attached = leaf("application/octet-stream", b"a\x00b\r\n\x00", encoding="binary")
    after, _ = assert_injected(
        mail(multipart("mixed", leaf(UTF8, JAPANESE, encoding="8bit"), attached))
    )
    assert attached in after


def test_case_060_binary_is_taken_as_8bit() -> None:
    after, result = assert_injected(mail(leaf(UTF8, JAPANESE, encoding="binary")))
    assert b"Content-Transfer-Encoding: binary" in after
    assert result.notes == ()
    assert binascii.crc32(decoded(after)[: len(lines(JAPANESE))]) == binascii.crc32(lines(JAPANESE))


def test_base64_decodes_to_what_was_meant() -> None:
    """Of the tests' own making: another decoder than the engine's."""
    message = mail(leaf(UTF8, JAPANESE, encoding="base64"))
    assert b64decode(body(message)) == lines(JAPANESE)


@pytest.mark.parametrize("charset", ["us-ascii", "utf-8"])
def test_case_022_text_in_front_of_a_delimiter_with_blanks_behind(charset: str) -> None:
    """Node's reader takes the next part for more of the text: encoded anew, that would be read in
    another way with it."""
    text = leaf(f"text/plain; charset={charset}", "Dear Taro,\n", encoding="7bit")
    both = multipart("mixed", text, leaf("image/gif", b"GIF \t\r\n", encoding="7bit"))
    before, delimiter, behind = both.rpartition(b"--=_b1\r\n")
    after, result = assert_injected(mail(before + b"--=_b1 \t\r\n" + behind))
    assert result.notes == ("ascii_fallback",)
    assert b"quoted-printable" not in after
    behind = behind.replace(b"--=_b1--", b"--=_b1-- ")
    _, result = assert_injected(mail(before + delimiter + behind), rewritten=60)
    assert "cte_upgrade" in result.notes
