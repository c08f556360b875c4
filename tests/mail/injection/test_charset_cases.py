"""Numbered corner cases C: charsets, Japanese first."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace

import pytest

from careerrelay.mail.injection import Result, Status, inject
from careerrelay.mail.injection.charsets import Charset, find_charset, text_lines, written

from .cases import (
    ENGLISH,
    HEADER,
    PARAGRAPH,
    POLICY,
    URL,
    assert_injected,
    assert_untouched,
    leaf,
    lines,
    mail,
    multipart,
)

LETTER = "山田 太郎 様\n\n誠に残念ながら、採用を見送らせていただくこととなりました。\n"
SIGNATURE = "━━━━━━━━━━━━\n株式会社みほん 採用担当\nTEL: 03-0000-0000\n━━━━━━━━━━━━\n"
PAGE = "<html><body><p>山田 太郎 様</p>\n<p>採用を見送らせていただきます。</p></body></html>\n"
JIS = "iso-2022-jp"
MARKER = POLICY.marker
CIRCLED = b"\x1b$B-!-j\x1b(B"
"""NEC's row 13 in ISO-2022-JP: a one in a circle, and a company in one sign."""
HALF_WIDTH = b"\x1b(I161\x1b(B"
PERL_KNOWS_NO_SUCH = {"perl": "paragraph unreadable"}
REFERENCES = PARAGRAPH.text.split("\n")[0].encode("ascii", "xmlcharrefreplace")


def text(body: str | bytes, charset: str, *, encoding: str = "8bit", stored: str = "") -> bytes:
    """A mail of one text; ``stored``: what its bytes are in, where that is not what it says."""
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    return mail(leaf(kind, body, encoding=encoding, charset=stored or charset))


def page(body: str | bytes, charset: str, *, encoding: str = "8bit") -> bytes:
    return mail(leaf(f"text/html; charset={charset}", body, encoding=encoding, charset=charset))


def paragraph_in(charset: str) -> bytes:
    return lines(PARAGRAPH.text + "\n", charset=charset)


def assert_written(
    message: bytes, charset: str, *, stumbles: dict[str, str] | None = None
) -> Result:
    """The paragraph is in the mail, in that charset."""
    after, result = assert_injected(message, stumbles=stumbles or {})
    assert paragraph_in(charset) in after
    return result


def assert_fallback(message: bytes, *, stumbles: dict[str, str] | None = None) -> None:
    after, result = assert_injected(message, stumbles=stumbles or {})
    assert lines(PARAGRAPH.ascii_text + "\n") in after
    assert "ascii_fallback" in result.notes
    assert b"???" not in after


def test_case_061_iso_2022_jp_ends_each_line_in_ascii() -> None:
    message = text(LETTER + SIGNATURE, JIS, encoding="7bit")
    after, result = assert_injected(message)
    assert paragraph_in(JIS) in after
    for line in after.split(b"\r\n"):
        assert line.rfind(b"\x1b$B") <= line.rfind(b"\x1b(B")
    assert result.notes == ()
    assert after.isascii()


def test_case_061_plain_ascii_labelled_iso_2022_jp() -> None:
    assert assert_written(text("Dear Taro,\n", JIS, encoding="7bit"), JIS).notes == ()


@pytest.mark.parametrize("encoding", ["7bit", "quoted-printable", "base64"])
def test_case_061_old_programs_go_back_to_jis_roman(encoding: str) -> None:
    """There a tilde is an overline; what stood below the place must not change its meaning."""
    url = "https://relay.example.jp/r/~a"
    tilde = replace(PARAGRAPH, url=url, text=f"ご案内\n{url}", ascii_text=url)
    roman = lines(LETTER, charset=JIS).replace(b"\x1b(B", b"\x1b(J")
    below = roman + b"\r\n-- \r\nC:\\saiyo\\~yamada\r\n"
    message = text(below, JIS, encoding=encoding)
    after, _ = assert_injected(message, paragraph=tilde, rewritten=200)
    if encoding == "7bit":
        assert b"\x1b(B" + url.encode() in after.replace(b"\r\n", b"").replace(b"\x1b(B\x1b(B", b"")


def test_case_062_kanji_whose_bytes_look_like_markup() -> None:
    """In ISO-2022-JP, イ has a percent sign, and 宗 and 彈 have angle brackets."""
    kanji = "".join(
        bytes([0x1B, 0x24, 0x42, 0x30, low, 0x1B, 0x28, 0x42]).decode(JIS) for low in b"</>{}!-&"
    )
    for encoding in ("7bit", "quoted-printable", "base64"):
        after, _ = assert_injected(
            page(f"<body><p>{kanji}</p><p>{kanji}</body>\n", JIS, encoding=encoding), rewritten=80
        )
        assert after.isascii()
    after, _ = assert_injected(page(f"<body><p>{kanji}</p></body>\n", JIS, encoding="7bit"))
    assert REFERENCES in after
    assert after.index(kanji.encode(JIS)) < after.index(REFERENCES) < after.index(b"</body>")


def test_case_062_kanji_whose_bytes_look_like_a_marker() -> None:
    disguised = b"\x1b$B" + MARKER.encode() + b"\x1b(B"
    assert_injected(text(lines(LETTER, charset=JIS) + disguised, JIS, encoding="7bit"))


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_case_063_line_that_ends_in_double_byte_state(kind: str) -> None:
    body = "採用を見送らせていただきます".encode(JIS).removesuffix(b"\x1b(B") + b"\r\n"
    assert_untouched(mail(leaf(f"text/{kind}; charset={JIS}", body)), "jis_state")


def test_case_063_open_state_below_the_place_hurts_nobody() -> None:
    body = lines(LETTER + "\n-- \n", charset=JIS) + b"\x1b$B:NMQ\r\n"
    after, _ = assert_injected(text(body, JIS, encoding="7bit"))
    assert paragraph_in(JIS) in after


@pytest.mark.parametrize("torn", [b"C4E", b"C4 Ev", b"C4Ev\x943", b"C4Ev\r\n;"])
def test_case_063_a_torn_sign_in_front_of_the_place(torn: bytes) -> None:
    """Python's decoder takes the escape behind it for its other half, and stays in Japanese up to
    the next one: our own, where the paragraph is Japanese."""
    body = b"\x1b$B" + torn + b"\x1b(B\r\n"
    assert_untouched(mail(leaf(f"text/html; charset={JIS}", body)), "jis_state")
    assert_untouched(text(body + MARKER.encode() + b"\r\nHanako\r\n", JIS), "token_left")
    if torn.isascii():
        assert_injected(text(body, JIS))
    else:
        assert_untouched(text(body, JIS), "jis_state")
    assert_injected(text(lines(LETTER + "\n-- \n", charset=JIS) + body, JIS))


@pytest.mark.parametrize("sign", [CIRCLED, HALF_WIDTH], ids=["circled", "half-width"])
def test_case_064_vendor_signs_in_iso_2022_jp(sign: bytes) -> None:
    body = sign + b"\r\n" + lines(LETTER + SIGNATURE, charset=JIS).replace(b"TEL", sign + b" TEL")
    after, result = assert_injected(text(body, JIS, encoding="7bit"))
    assert paragraph_in(JIS) in after
    assert result.notes == ()
    assert after.index(paragraph_in(JIS)) < after.index(b"TEL")


@pytest.mark.parametrize("stored", ["utf-8", "euc_jp", "cp932"])
def test_case_065_066_labelled_iso_2022_jp_but_something_else(stored: str) -> None:
    for body in (LETTER, LETTER + SIGNATURE, "ありがとうございました\n"):
        message = text(body, JIS, stored=stored)
        result = assert_written(message, stored)
        assert result.notes == ("charset_mismatch",)


@pytest.mark.parametrize("stored", ["utf-8", "euc_jp", "cp932"])
def test_case_065_066_what_is_read_up_to_the_first_foreign_byte_is_read_as_far_as_before(
    stored: str,
) -> None:
    """Programs that give Perl's Encode a CHECK see no more of such a text."""
    body = f"Dear Taro,\n\nThank you.\n\n-- \n{SIGNATURE}"
    after, result = assert_injected(text(body, JIS, stored=stored))
    assert result.notes == ("charset_mismatch", "ascii_fallback")
    assert lines(PARAGRAPH.ascii_text) in after
    marked = body.replace("Thank you.", MARKER)
    message = text(marked, JIS, stored=stored)
    after, _ = assert_injected(message, status=Status.REPLACED, rewritten=len(MARKER))
    assert lines(PARAGRAPH.ascii_text) in after


@pytest.mark.parametrize("label", ["", "us-ascii", "utf-8", "euc-jp", "shift_jis"])
@pytest.mark.parametrize("stored", ["utf-8", "euc_jp", "cp932", JIS])
def test_case_066_whatever_the_label(label: str, stored: str) -> None:
    result = assert_written(text(LETTER + SIGNATURE, label, stored=stored), stored)
    is_right = label.replace("-", "_").replace("shift_jis", "cp932") == stored.replace("-", "_")
    assert ("charset_mismatch" in result.notes) is not is_right


def test_case_066_latin_text_is_not_taken_for_japanese() -> None:
    """Both can be read as Shift_JIS; neither makes kana."""
    assert_fallback(text("Grüße, Jérôme\n", "utf-8", stored="cp1252"))
    assert_fallback(text("Große Straße\n", "", stored="cp1252"))


def test_case_067_shift_jis_trail_bytes_next_to_a_token() -> None:
    signs = "ソ表能十" + b"\x83\x7b\x83\x7d\x81\x7b\x81\x7d".decode("cp932")
    body = f"{signs}\n{signs}{MARKER}{signs}\n\n{MARKER}\n"
    message = text(body, "shift_jis")
    after, _ = assert_injected(message, status=Status.REPLACED, rewritten=2 * len(MARKER))
    expected = body.replace(f"\n{MARKER}", f"\n{PARAGRAPH.text}").replace(MARKER, URL)
    assert after.endswith(lines(expected, charset="shift_jis"))


def test_case_067_shift_jis_trail_bytes_in_html() -> None:
    signs = "ソ" + b"\x83\x7b\x83\x7d\x81\x7d".decode("cp932")
    message = page(f"<p>{signs}</p><p>{signs}{MARKER}{signs}</p>", "shift_jis")
    after, _ = assert_injected(message, status=Status.REPLACED, rewritten=2 * len(MARKER))
    assert after.count(signs.encode("cp932")) == 3
    assert MARKER.encode() not in after


def test_case_068_euc_jp_in_quoted_printable() -> None:
    message = text(LETTER + SIGNATURE, "euc-jp", encoding="quoted-printable")
    after, result = assert_injected(message)
    assert result.notes == ()
    assert after.count(b"=A1=A1") == message.count(b"=A1=A1")


def test_case_069_utf_8_in_base64_above_the_ruled_signature() -> None:
    message = text(LETTER + "\n" + SIGNATURE, "utf-8", encoding="base64")
    after, _ = assert_injected(message, rewritten=80)
    shown = b64decode(after.partition(b"\r\n\r\n")[2]).decode()
    above, _, below = shown.replace("\r\n", "\n").partition(PARAGRAPH.text)
    assert above.strip() == LETTER.strip()
    assert below.strip() == SIGNATURE.strip()


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("body", [LETTER, PAGE, ""])
def test_case_070_byte_order_mark_stays_first(kind: str, body: str) -> None:
    mark = b"\xef\xbb\xbf"
    message = mail(leaf(f"text/{kind}; charset=utf-8", mark + lines(body), encoding="8bit"))
    after, result = assert_injected(message)
    assert after.partition(b"\r\n\r\n")[2].startswith(mark)
    assert result.notes == ()


def test_case_070_a_label_with_the_mark_brings_no_more_of_them() -> None:
    message = text(LETTER, "utf-8-sig")
    after, _ = assert_injected(message, stumbles=PERL_KNOWS_NO_SUCH)
    assert after.count(b"\xef\xbb\xbf") == 1


@pytest.mark.parametrize("charset", ["windows-1252", "iso-8859-1", "iso-8859-15", "koi8-r"])
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_case_071_charsets_without_japanese_get_the_fallback(charset: str, encoding: str) -> None:
    body = "Привет\n" if charset == "koi8-r" else "Jérôme, merci.\n"
    message = text(body, charset, encoding=encoding)
    after, result = assert_injected(message, rewritten=80)
    assert result.notes == ("ascii_fallback",)
    assert encoding == "base64" or lines(PARAGRAPH.ascii_text) in after


@pytest.mark.parametrize("label", ["utf8", "UTF8", '"UTF-8;"', '"utf-8"s'])
def test_case_072_labels_that_mean_utf_8(label: str) -> None:
    stumbles = PERL_KNOWS_NO_SUCH if ";" in label else {}
    message = text(LETTER, label, stored="utf-8")
    assert assert_written(message, "utf-8", stumbles=stumbles).notes == ()


@pytest.mark.parametrize(
    "label",
    ["default", "x-unknown", "no-such-charset", "base64", "unicode_escape", "_iso-2022-jp$ESC"],
)
@pytest.mark.parametrize("stored", ["utf-8", "cp932", "euc_jp"])
def test_case_072_labels_nobody_knows(label: str, stored: str) -> None:
    node_reads_it_as_such = {"node": "link missing"} if label == "base64" else {}
    message = text(LETTER, label, stored=stored)
    result = assert_written(message, stored, stumbles=node_reads_it_as_such)
    assert result.notes == ("charset_mismatch",)


@pytest.mark.parametrize(
    ("label", "stored"),
    [
        *[("x-sjis", "cp932"), ("Windows-31J", "cp932"), ("x-euc-jp", "euc_jp")],
        *[("eucJP-win", "euc_jp"), ("CP50220", "iso2022_jp"), ("iso-2022-jp-ms", "iso2022_jp")],
    ],
)
def test_case_072_japanese_labels_python_does_not_know(label: str, stored: str) -> None:
    for body in (LETTER.encode(stored), b"Dear Taro,"):
        assert find_charset(body, label) == Charset(stored)


def test_case_073_header_and_meta_differ() -> None:
    meta = '<html><head><meta charset="shift_jis"></head>'
    after, result = assert_injected(page(PAGE.replace("<html>", meta), "utf-8"))
    assert REFERENCES in after
    assert result.notes == ()


@pytest.mark.parametrize("charset", ["utf-16", "utf-16le", "utf-16be", "utf-32", "utf-32le"])
def test_case_074_utf_16_and_32(charset: str) -> None:
    for kind in ("plain", "html"):
        message = leaf(
            f"text/{kind}; charset={charset}", LETTER, encoding="base64", charset=charset
        )
        assert_untouched(mail(message), "wide_charset")


@pytest.mark.parametrize("charset", ["ucs-2", "iso-10646-ucs-2", "unicode", "csUnicode", "UCS-4"])
def test_case_074_by_names_of_old(charset: str) -> None:
    body = "Dear Taro".encode("utf-16-be")
    assert_untouched(text(body, charset, encoding="base64"), "wide_charset")


@pytest.mark.parametrize(
    ("charset", "stored"),
    [
        ("utf-7", "utf-7"),
        ("unicode-1-1-utf-7", "utf-7"),
        ("hz-gb-2312", "hz"),
        ("iso-2022-kr", "iso-2022-kr"),
        ("cp037", "cp037"),
    ],
)
def test_case_075_charsets_where_ascii_is_not_itself(charset: str, stored: str) -> None:
    assert_untouched(text("Dear Taro\n".encode(stored), charset), "wide_charset")


@pytest.mark.parametrize(
    ("charset", "word"),
    [
        *[("gb18030", "您好"), ("gb2312", "您好"), ("gbk", "您好")],
        *[("big5", "您好"), ("euc-kr", "안녕하세요"), ("ks_c_5601-1987", "안녕하세요")],
    ],
)
def test_case_076_chinese_and_korean(charset: str, word: str) -> None:
    assert_fallback(text(f"{word}\n", charset))
    after, _ = assert_injected(page(f"<body><p>{word}</p></body>", charset))
    assert REFERENCES in after


def test_case_076_more_signs_than_the_label_has() -> None:
    assert_fallback(text("镕您好\n", "gb2312", stored="gbk"))


def test_case_077_emoji_next_to_the_place() -> None:
    body = "ご縁に感謝🙇‍♂️👨‍👩‍👧\n"
    for encoding in ("8bit", "quoted-printable", "base64"):
        after, _ = assert_injected(text(body, "utf-8", encoding=encoding), rewritten=80)
        assert encoding != "8bit" or lines(body) in after
        assert_injected(page(f"<p>{body}</p>{body}", "utf-8", encoding=encoding), rewritten=80)


def test_case_078_signs_outside_jis_get_their_variant() -> None:
    vendor = replace(PARAGRAPH, text=f"㈱髙橋①からｷｬﾘｱﾘﾚｰﾊﾞ\n{URL}")
    plain = replace(PARAGRAPH, text=f"(株)高橋1からキャリアリレーバ\n{URL}")
    jis = "iso2022_jp"
    assert written("から～キャリア－", jis) == written("から〜キャリア−", jis)
    for charset in (JIS, "shift_jis", "euc-jp"):
        message = text(LETTER, charset)
        after, result = assert_injected(message, paragraph=plain)
        assert result.notes == ()
        assert inject(message, vendor, POLICY).assemble(message) == after


def test_case_078_without_a_variant_the_fallback() -> None:
    assert_emoji_falls_back(JIS)
    assert_emoji_falls_back("shift_jis")


def assert_emoji_falls_back(charset: str) -> None:
    emoji = replace(PARAGRAPH, text=f"ご案内😀\n{URL}")
    after, result = assert_injected(text(LETTER, charset), paragraph=emoji)
    assert result.notes == ("ascii_fallback",)
    assert lines(PARAGRAPH.ascii_text) in after


def test_case_079_raw_utf_8_in_headers() -> None:
    header = HEADER.replace("Example KK", "株式会社みほん").replace("Taro Yamada", "山田太郎")
    message = mail(leaf("text/plain; charset=utf-8", LETTER, encoding="8bit"), header=header)
    after, _ = assert_injected(message)
    assert lines(header) in after
    assert after.partition(b"\r\nFrom:")[0].isascii()


def test_case_080_long_folded_subject() -> None:
    word = "=?iso-2022-jp?B?GyRCOk5NUSRyOC9BdyRpJDsbKEI=?="
    folded = HEADER.replace("Subject: ", f"Subject: {word}\n" + f"  {word}\n\t{word} \n" * 8 + " ")
    message = mail(leaf("text/plain; charset=utf-8", LETTER, encoding="8bit"), header=folded)
    after, _ = assert_injected(message)
    assert lines(folded) in after


def test_a_terminal_colour_is_no_japanese() -> None:
    """The escape byte alone makes neither charset nor state."""
    body = b"Dear Taro, \x1b[31mred\x1b[0m\r\n"
    _, result = assert_injected(text(body, "", encoding="7bit"), rewritten=400)
    assert result.notes == ("relabel", "cte_upgrade")
    assert_injected(text(body, "us-ascii", encoding="7bit"), paragraph=ENGLISH)


def test_japanese_in_an_alternative_of_two_charsets() -> None:
    plain = leaf(f"text/plain; charset={JIS}", LETTER, encoding="7bit", charset=JIS)
    html = leaf("text/html; charset=shift_jis", PAGE, encoding="8bit", charset="cp932")
    after, _ = assert_injected(mail(multipart("alternative", plain, html)))
    assert paragraph_in(JIS) in after
    assert REFERENCES in after


def test_a_damaged_escape_swallows_no_line() -> None:
    """Its decoder takes the line end for a part of it; places are told by the number of a line."""
    body = b"\x1b$B;3ED\x1b(\nA\n-- \nB\n"
    assert len(text_lines(body, Charset("iso2022_jp"))) == body.count(b"\n") + 1
