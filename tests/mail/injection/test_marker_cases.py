"""Numbered corner cases F: the marker that a template carries."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from careerrelay.mail.injection import (
    Result,
    Status,
    erase_marker,
    inject,
    marker_in,
    nearly_marked,
)
from careerrelay.mail.injection.fragment import anchor, html_fragment

from .cases import (
    CRLF,
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

MARKER = POLICY.marker
BLOCK = html_fragment(PARAGRAPH)
LINK = anchor(URL)
ROOM = 1000
ONCE = quote(URL, safe="")
TWICE = quote(ONCE, safe="")


def page(body: str, *, encoding: str = "8bit") -> bytes:
    return mail(leaf("text/html; charset=utf-8", body, encoding=encoding))


def text(body: str, *, encoding: str = "8bit", kind: str = "text/plain; charset=utf-8") -> bytes:
    return mail(leaf(kind, body, encoding=encoding))


def assert_replaced(message: bytes, expected: str) -> Result:
    """The decoded body is that; three readers see the link and all old text."""
    after, result = assert_injected(message, status=Status.REPLACED, rewritten=ROOM)
    assert after.partition(b"\r\n\r\n")[2] == lines(expected)
    assert result.code == "marker"
    return result


def assert_html(before: str, expected: str) -> Result:
    return assert_replaced(page(before), expected)


def test_case_116_literal_in_both_parts() -> None:
    both = multipart(
        "alternative",
        leaf("text/plain; charset=utf-8", f"山田様\n\n{MARKER}\n\n佐藤\n", encoding="8bit"),
        leaf("text/html; charset=utf-8", f"<p>山田様</p><p>{MARKER}</p>佐藤", encoding="8bit"),
    )
    after, result = assert_injected(mail(both), status=Status.REPLACED, rewritten=ROOM)
    assert lines(f"山田様\n\n{PARAGRAPH.text}\n\n佐藤\n") in after
    assert lines(f"<p>山田様</p><p>{BLOCK}</p>佐藤") in after
    assert result.notes == ()


def test_case_116_alone_on_its_line_the_paragraph_else_the_address() -> None:
    before = f"ご登録：{MARKER}\n  {MARKER}  \n『{MARKER}』\n"
    assert_replaced(text(before), f"ご登録：{URL}\n  {PARAGRAPH.text}  \n『{URL}』\n")


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize(
    "raw",
    [
        b"A {{career_=\r\nrelay_link}} B\r\n",
        b"A {=\r\n{career_relay_link}=\r\n} B\r\n",
        b"A =7B=7Bcareer_relay_link=7D=7D B\r\n",
        b"A =7b{car=65er=5Frelay_link}=7d B\r\n",
    ],
)
def test_case_117_quoted_printable(kind: str, raw: bytes) -> None:
    part = b"Content-Type: text/%b; charset=utf-8\r\n" % kind.encode()
    message = mail(part + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + raw)
    after, _ = assert_injected(message, status=Status.REPLACED, rewritten=ROOM)
    body = after.partition(b"\r\n\r\n")[2].replace(b"=\r\n", b"")
    assert body.startswith(b"A ")
    assert body.endswith(b" B\r\n")
    assert URL.encode() in body
    assert max(map(len, after.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("length", range(9))
def test_case_118_base64(length: int) -> None:
    body = "あ" * 30 + "x" * length + MARKER + "い" * 30 + f"\n{MARKER}\n" + "う" * length
    for message in (text(body, encoding="base64"), page(body, encoding="base64")):
        assert_injected(message, status=Status.REPLACED, rewritten=ROOM)


ENTITIES = {
    "decimal": "&#123;&#123;career&#95;relay&#95;link&#125;&#125;",
    "hex": "&#x7B;&#x7b;career_relay_link&#x7D;&#x7d;",
    "padded": "&#0123;&#00123;career_relay_link&#x007d;&#x7d;",
    "named": "&lcub;&lbrace;career&lowbar;relay&UnderBar;link&rcub;&rbrace;",
    "mixed": "{&#123;career&#x5f;relay_link}&rbrace;",
    "letters": "{{&#99;areer_relay_lin&#x6b;}}",
    "upper case": "{{CAREER_RELAY_LINK}}",
    "blanks": "{{ career_relay_link }}",
    "hard blanks": "{{&nbsp;career_relay_link\N{NO-BREAK SPACE}}}",
}


@pytest.mark.parametrize("name", ENTITIES)
def test_case_119_entity_forms(name: str) -> None:
    spelled = ENTITIES[name]
    assert_html(f"<p>山田様</p><p>{spelled}</p>", f"<p>山田様</p><p>{BLOCK}</p>")
    assert_html(f"<p>山田様 {spelled} です</p>", f"<p>山田様 {LINK} です</p>")
    assert_html(f'<p>山田様 <a href="{spelled}">x</a></p>', f'<p>山田様 <a href="{URL}">x</a></p>')


@pytest.mark.parametrize(
    "spelled", ["{{CAREER_relay_LINK}}", "{{ career_relay_link }}", "{{\tcareer_relay_link}}"]
)
def test_case_119_in_a_text(spelled: str) -> None:
    assert_replaced(text(f"山田様\n{spelled}\n"), f"山田様\n{PARAGRAPH.text}\n")


def test_case_120_percent_encoded_by_an_editor() -> None:
    for spelled in ("%7B%7Bcareer_relay_link%7D%7D", "%7b{career%5Frelay_link}%7d"):
        assert_html(f"<a href='{spelled}'>登録</a>", f"<a href='{URL}'>登録</a>")
        assert_html(f"<a href={spelled} >登録</a>", f"<a href={URL} >登録</a>")


def test_case_120_inside_the_link_of_a_tracker() -> None:
    click = "https://click.example.com/?u="
    once, twice = "%7B%7Bcareer_relay_link%7D%7D", "%257B%257Bcareer_relay_link%257D%257D"
    assert_html(
        f'<a href="{click}{once}&amp;x=1">登録</a>', f'<a href="{click}{ONCE}&amp;x=1">登録</a>'
    )
    assert_html(f'<a href="{click}{twice}">登録</a>', f'<a href="{click}{TWICE}">登録</a>')
    assert_html(
        f'<a href="{click}http%3A%2F%2F{once}">登録</a>', f'<a href="{click}{ONCE}">登録</a>'
    )
    assert_html(
        f'<a href="{click}https%253A%252F%252F{twice}/">登録</a>',
        f'<a href="{click}{TWICE}/">登録</a>',
    )


def test_case_120_a_tracker_in_a_text() -> None:
    click = "https://click.example.com/?u="
    once = "%7B%7Bcareer_relay_link%7D%7D"
    result = inject(text(f"登録 {click}{once}\n"), PARAGRAPH, POLICY)
    assert result.status is Status.REPLACED
    assert result.edits[-1].replacement == ONCE.encode()


@pytest.mark.parametrize("scheme", ["http://", "https://", "HTTP://", "//"])
def test_case_121_one_scheme(scheme: str) -> None:
    for end in ("", "/"):
        before = f'<p>山田様 <a href="{scheme}{MARKER}{end}">登録</a></p>'
        assert_html(before, f'<p>山田様 <a href="{URL}">登録</a></p>')


@pytest.mark.parametrize("scheme", ["http://", "https://", "HTTPS://"])
def test_case_121_one_scheme_in_text(scheme: str) -> None:
    assert_replaced(text(f"登録：{scheme}{MARKER}\n"), f"登録：{URL}\n")
    assert_html(f"<p>登録：{scheme}{MARKER} です</p>", f"<p>登録：{LINK} です</p>")
    assert_html(f"<p>登録</p><p>{scheme}{MARKER}</p>", f"<p>登録</p><p>{BLOCK}</p>")


BROKEN = {
    "span": ("{{career<span>_relay</span>_link}}", ""),
    "wbr": ("{{career_<wbr>relay_<wbr/>link}}", ""),
    "span that opens": ("{{career_<span lang=ja>relay_link}}", "<span lang=ja>"),
    "bold that ends": ("{{career_relay</b>_link}}", "</b>"),
    "both": ("{{career</b>_relay<i>_link}}", "</b><i>"),
    "font": ("<font>{{</font>career_relay_link}}", ""),
    "zero width": ("{{career\N{ZERO WIDTH SPACE}_relay_link}\N{WORD JOINER}}", ""),
    "zero width entity": ("{{career&#8203;_relay&#x200B;_link}}", ""),
    "soft hyphen": ("{{career_re&shy;lay\N{SOFT HYPHEN}_link}}", ""),
    "line end": ("{{career_relay_\nlink}}", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_case_122_broken_by_what_nobody_sees(name: str) -> None:
    spelled, tags = BROKEN[name]
    opens, closes = ("<b>", "") if "</b>" in tags else ("", "")
    opened = "<font>" if spelled.startswith("<font>") else ""
    closes = "</span>" if "<span" in tags else "</i>" if "<i>" in tags else ""
    before = f"<p>登録 {opens}{spelled}{closes} です</p>"
    expected = f"<p>登録 {opens}{opened}{LINK}{tags}{'</font>' if opened else ''}{closes} です</p>"
    assert_html(before, expected)


def test_case_122_zero_width_in_a_text() -> None:
    assert_replaced(
        text("登録 {\N{ZERO WIDTH SPACE}{career_\N{SOFT HYPHEN}relay_link}}\n"), f"登録 {URL}\n"
    )


def test_case_123_in_one_part_only() -> None:
    plain = leaf("text/plain; charset=utf-8", f"山田様\n{MARKER}\n", encoding="8bit")
    html = leaf("text/html; charset=utf-8", "<body><p>山田様</p></body>", encoding="8bit")
    message = mail(multipart("alternative", plain, html))
    after, result = assert_injected(message, status=Status.REPLACED, rewritten=ROOM)
    assert lines(f"山田様\n{PARAGRAPH.text}\n") in after
    assert lines(f"<p>山田様</p>{BLOCK}</body>") in after
    assert result.notes == ("token_in_one_part",)


def test_case_123_in_the_html_only() -> None:
    plain = leaf("text/plain; charset=utf-8", "山田様\n", encoding="8bit")
    html = leaf("text/html; charset=utf-8", f"<p><a href='{MARKER}'>登録</a></p>", encoding="8bit")
    message = mail(multipart("alternative", plain, html))
    after, result = assert_injected(message, status=Status.REPLACED, rewritten=ROOM)
    assert lines(f"山田様\n\n{PARAGRAPH.text}\n") in after
    assert result.notes == ("token_in_one_part",)


def test_case_124_twice_in_a_part() -> None:
    button = '<a href="{0}">登録</a>または<a href="{0}">{1}</a>'
    assert_html(button.format(MARKER, MARKER), button.format(URL, URL))
    assert_replaced(text(f"{MARKER}\nまたは {MARKER}\n"), f"{PARAGRAPH.text}\nまたは {URL}\n")


@pytest.mark.parametrize(
    "unseen",
    [
        f"<!-- {MARKER} -->",
        f"<style>/* {MARKER} */</style>",
        f"<script>'{MARKER}'</script>",
        f"<title>{MARKER}</title>",
    ],
)
def test_case_125_where_nobody_sees_it(unseen: str) -> None:
    message = page(f"<html><body>{unseen}<p>山田様</p></body></html>")
    after, result = assert_injected(message)
    assert unseen.encode() in after
    assert result.code == "append"
    assert not marker_in(message, POLICY)


@pytest.mark.parametrize("charset", ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp"])
@pytest.mark.parametrize(
    "quote_",
    [
        "2026年11月22日(日) 10:00 山田太郎 <taro@example.jp>:\n> お世話になります。\n> {0}\n",
        "-----元のメッセージ-----\n差出人: 山田太郎\n件名: 応募\n\n{0}\n",
        "2026年11月22日 10:00、山田太郎さんは書きました：\n{0}\n",
    ],
)
def test_case_126_in_the_quoted_text_of_a_reply(charset: str, quote_: str) -> None:
    body = "ご返信ありがとうございます。\n\n" + quote_.format(MARKER)
    encoding = "7bit" if charset == "iso-2022-jp" else "8bit"
    kind = f"text/plain; charset={charset}"
    after, result = assert_injected(mail(leaf(kind, body, encoding=encoding, charset=charset)))
    assert result.code == "append"
    assert after.count(MARKER.encode()) == 1
    assert after.index(URL.encode()) < after.index(MARKER.encode())


def test_case_126_in_the_quoted_html_of_a_reply() -> None:
    quoted = f'<div class="gmail_quote"><blockquote><p>{MARKER}</p></blockquote></div>'
    after, result = assert_injected(page(f"<body><p>ご返信</p>{quoted}</body>"))
    assert result.code == "append"
    assert quoted.encode() in after
    assert_html(f"<p>{MARKER}</p>{quoted}", f"<p>{BLOCK}</p>{quoted}")


def test_case_126_in_a_line_marked_as_quoted() -> None:
    body = f"> {MARKER}\nとのことですが、{MARKER}\n"
    assert_replaced(text(body), f"> {MARKER}\nとのことですが、{URL}\n")


def test_case_126_stuffing_of_format_flowed_is_no_quote() -> None:
    kind = "text/plain; charset=utf-8; format=flowed"
    assert_replaced(text(f"山田様\n >{MARKER}\n", kind=kind), f"山田様\n >{URL}\n")


SIGNED = multipart(
    'signed; protocol="application/pgp-signature"',
    leaf("text/plain", f"Dear Taro,\n{MARKER}\n"),
    leaf("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\n"),
)


def test_case_127_in_a_signed_message() -> None:
    result = assert_untouched(mail(SIGNED), "token_left")
    assert result.notes == ("signed",)
    assert result.hold
    assert not assert_untouched(mail(SIGNED.replace(MARKER.encode(), b"")), "signed").hold


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_case_127_in_what_cannot_be_read(encoding: str) -> None:
    """Whatever the reason is why nothing is done, a raw marker is told."""
    part = leaf("text/plain; charset=utf-16", f"登録 {MARKER} です。", encoding=encoding)
    assert_untouched(mail(part), "token_left")
    broken = mail(leaf("text/plain", f"登録 {MARKER}\n", encoding=encoding), header=HEADER + "x\n")
    assert_untouched(broken, "token_left")


def test_case_128_in_the_subject() -> None:
    header = HEADER.replace("Subject: ", f"Subject: {MARKER.upper()} ")
    message = mail(leaf("text/plain; charset=utf-8", "山田様\n", encoding="8bit"), header=header)
    after, result = assert_injected(message)
    assert f"Subject: {MARKER.upper()} ".encode() in after
    assert result.notes == ("token_in_subject",)


def test_marker_in_another_field_than_the_subject_is_not_told_as_in_it() -> None:
    header = f"X-Template: {MARKER}\n" + HEADER
    message = mail(leaf("text/plain; charset=utf-8", "山田様\n", encoding="8bit"), header=header)
    _, result = assert_injected(message)
    assert result.notes == ()


@pytest.mark.parametrize(
    "misspelt",
    [
        "{{career_relay_lnk}}",
        "{{ career_relay link }}",
        "{{Career_Relay}}",
        "&#123;&#123;career_relay_link&#125;&#125;",
    ],
)
def test_case_129_misspelt(misspelt: str) -> None:
    after, result = assert_injected(text(f"山田様\n{misspelt}\n"))
    assert result.notes == ("token_misspelt",)
    assert result.code == "append"
    assert misspelt.encode() in after


def test_case_129_another_placeholder_is_no_misspelt_one() -> None:
    for other in ("{{company_name}}", "career_relay_lnk}}", "{{" + " " * 6 + "career_relay_lnk}}"):
        _, result = assert_injected(text(f"山田様\n{{{{candidate_name}}}} {other}\n"))
        assert result.notes == ()


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
def test_case_129_misspelt_is_seen_before_anything_is_put_in(encoding: str) -> None:
    wrong = "山田様\n{{career_relay_lnk}}\n"
    both = multipart(
        "alternative",
        leaf("text/plain; charset=utf-8", "山田様\n", encoding=encoding),
        leaf("text/html; charset=utf-8", f"<p>{wrong}</p>", encoding=encoding),
    )
    attached = leaf('text/plain; name="a.txt"', wrong, encoding=encoding)
    for message in (text(wrong, encoding=encoding), page(wrong, encoding=encoding), mail(both)):
        assert nearly_marked(message, POLICY)
        assert not marker_in(message, POLICY)
    for message in (
        text("山田様\n{{company_name}}\n", encoding=encoding),
        mail(multipart("mixed", leaf("text/plain", "Dear Taro\n"), attached)),
        mail(leaf("text/plain; charset=utf-16", wrong, encoding=encoding)),
        b"no field",
    ):
        assert not nearly_marked(message, POLICY)


def test_a_marker_of_the_company_s_own() -> None:
    for marker in ("[[CareerRelay]]", "%%RELAY%%", "##relay-link##", "<<<relay>>>", "$relay.link$"):
        policy = replace(POLICY, marker=marker)
        message = text(f"山田様 {marker}\n")
        after, _ = assert_injected(message, policy=policy, status=Status.REPLACED, rewritten=50)
        assert after.endswith(lines(f"山田様 {URL}\n"))


def test_erased_where_nobody_is_linked() -> None:
    message = text(f"山田様\n\n{MARKER}\n\n登録：{MARKER}\n{MARKER}")
    result = erase_marker(message, POLICY)
    assert (result.status, result.code) == (Status.REPLACED, "erased")
    assert result.assemble(message).endswith(lines("山田様\n\n\n登録：\n"))
    html = page(
        f'<p>山田様</p><p>{MARKER}</p><a href="{MARKER}">x</a><b>{{{{career_</b>relay_link}}}}'
    )
    gone = erase_marker(html, POLICY).assemble(html)
    assert gone.endswith(lines('<p>山田様</p><p></p><a href="">x</a><b></b>'))
    assert CRLF.encode() in gone
