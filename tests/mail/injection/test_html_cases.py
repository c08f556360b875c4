"""Numbered corner cases E: where the paragraph goes in HTML. A pilcrow marks the place."""

from __future__ import annotations

import pytest

from careerrelay.mail.injection import Status, inject
from careerrelay.mail.injection.fragment import html_fragment

from .cases import (
    CRLF,
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

BLOCK = html_fragment(PARAGRAPH).replace("\n", CRLF)
QUOTED = "<p>いつ頃でしょうか。</p>"


def page(body: str | bytes, *, encoding: str = "8bit") -> bytes:
    return mail(leaf("text/html; charset=utf-8", body, encoding=encoding))


def assert_html_place(marked: str) -> None:
    """Exactly there, and three readers and an HTML5 parser see it."""
    assert marked.count("¶") == 1
    after, _ = assert_injected(page(marked.replace("¶", "")))
    shown = after.partition(b"\r\n\r\n")[2].decode()
    assert shown == lines(marked).decode().replace("¶", BLOCK)


def assert_not_visible(body: str, code: str = "html_not_visible") -> None:
    """Refused, also where a plain text stands beside it: the two must not differ."""
    assert_untouched(page(body), code)
    both = multipart(
        "alternative",
        leaf("text/plain; charset=utf-8", "山田様\n", encoding="8bit"),
        leaf("text/html; charset=utf-8", body, encoding="8bit"),
    )
    assert_untouched(mail(both), code)


def test_case_099_before_the_end_of_the_body() -> None:
    assert_html_place("<html><body><p>山田様</p>¶</body></html>\n")
    assert_html_place("<html><body><p>山田様</p>\n¶</body>\n</html>\n")


@pytest.mark.parametrize(
    "fake",
    [
        "<!-- </body> -->",
        "<script>var s = '</body></html>';</script>",
        "<style>/* </body> */</style>",
        "<textarea></body></textarea>",
        "<noscript></body></noscript>",
        "<title></body></title>",
        "<!--[if mso]></body></html><![endif]-->",
    ],
)
def test_case_100_ends_that_are_none(fake: str) -> None:
    assert_html_place(f"<html><body>{fake}<p>山田様</p>¶</body></html>")
    assert_html_place(f"<html><body><p>山田様</p>{fake}<p>結果</p>¶</body></html>{fake}")


def test_case_101_no_body_and_no_html_tags() -> None:
    assert_html_place("<p>山田様</p>\n<p>採用を見送らせていただきます。</p>¶")
    assert_html_place("山田様<br>採用を見送らせていただきます。¶\n\n")
    assert_html_place("<html><p>山田様</p>¶</html>")
    assert_html_place("<html><body><p>山田様</p>¶")


@pytest.mark.parametrize("end", ["</BODY >", "</Body\n>", "</body\t>", "</body/>"])
def test_case_102_tags_in_odd_case_and_with_blanks(end: str) -> None:
    assert_html_place(f"<HTML><BODY BGCOLOR=#FFFFFF><P>山田様</P>¶{end}</HTML >")


ATTRIBUTION = "2026年11月22日(日) 10:00 山田太郎 &lt;taro@example.jp&gt;:"
QUOTES = {
    "gmail": f'<div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">'
    f'{ATTRIBUTION}<br></div><blockquote class="gmail_quote">{QUOTED}</blockquote></div>',
    "gmail, old": f'<div class="gmail_extra"><div class="gmail_quote">{ATTRIBUTION}<br>'
    f"<blockquote class=gmail_quote>{QUOTED}</blockquote></div></div>",
    "outlook desktop": '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt">'
    f'<p class="MsoNormal"><b>差出人:</b> 山田太郎<br><b>件名:</b> 応募</p></div></div>{QUOTED}',
    "outlook desktop, old": "<div style='border:none;border-top:solid #B5C4DF 1.0pt'>"
    f"<p class=MsoNormal><b>From:</b> Taro</p></div>{QUOTED}",
    "outlook web": '<div id="appendonsend"></div><hr style="display:inline-block;width:98%">'
    f'<div id="divRplyFwdMsg" dir="ltr"><b>From:</b> Taro</div><div>{QUOTED}</div>',
    "outlook web, in a mail passed on": '<div id="x_appendonsend"></div>'
    f'<div id="x_divRplyFwdMsg"><b>From:</b> Taro</div>{QUOTED}',
    "outlook mobile": '<div id="ms-outlook-mobile-reference-message" class="wordsection"><hr>'
    f"<b>From:</b> Taro<br>{QUOTED}</div>",
    "thunderbird": f'<div class="moz-cite-prefix">{ATTRIBUTION}<br></div>'
    f'<blockquote type="cite" cite="mid:1@example.jp">{QUOTED}</blockquote>',
    "yahoo": f'<div id="yahoo_quoted_1234" class="yahoo_quoted"><div>{ATTRIBUTION}</div>'
    f"<div>{QUOTED}</div></div>",
    "proton": f'<div class="protonmail_quote">{ATTRIBUTION}<br>'
    f'<blockquote class="protonmail_quote" type="cite">{QUOTED}</blockquote></div>',
    "apple": f'<div><br><blockquote type="cite"><div>{ATTRIBUTION}</div>{QUOTED}'
    "</blockquote></div>",
    "generic": f'<p>{ATTRIBUTION}</p><blockquote type=cite style="margin:0">{QUOTED}</blockquote>',
    "zimbra": f'<hr id="zwchr" data-marker="__DIVIDER__"><div><b>From: </b>Taro</div>{QUOTED}',
    "spark": f'<div name="messageReplySection">{ATTRIBUTION}<br>{QUOTED}</div>',
    "hotmail": f'<div class="OutlookMessageHeader"><b>From:</b> Taro</div>{QUOTED}',
    "outlook, new": '<div id="mail-editor-reference-message-container"><b>From:</b> Taro<br>'
    f"{QUOTED}</div>",
    "thunderbird, passed on": f'<div class="moz-forward-container">{ATTRIBUTION}<br>{QUOTED}</div>',
    "zoho": f'<div class="zmail_extra">{ATTRIBUTION}<br>{QUOTED}</div>',
    "tuta": f'<div class="tutanota_quote">{ATTRIBUTION}<br><blockquote>{QUOTED}</blockquote></div>',
}


OPEN_ABOVE = {
    "gmail, old": '<div class="gmail_extra">',
    "apple": "<div><br>",
    "outlook desktop": "<div>",
}


@pytest.mark.parametrize("name", QUOTES)
def test_case_103_above_the_quote(name: str) -> None:
    reply = "<html><body><div>お問い合わせありがとうございます。</div>"
    quote = QUOTES[name]
    inside = {
        "gmail, old": '<div class="gmail_extra">',
        "apple": "<div><br>",
        "outlook desktop": "<div>",
    }
    opening = inside.get(name, "")
    rest = quote.removeprefix(opening)
    assert_html_place(f"{reply}{opening}¶{rest}</body></html>")


@pytest.mark.parametrize("name", QUOTES)
def test_case_103_nothing_above_the_quote_means_below(name: str) -> None:
    if QUOTES[name].endswith("</div></div>") or "blockquote" in QUOTES[name]:
        assert_html_place(f"<html><body>{QUOTES[name]}<div>拝見しました。</div>¶</body></html>")


def test_case_103_answers_between_quotes_mean_below() -> None:
    cite = f'<blockquote type="cite">{QUOTED}</blockquote>'
    assert_html_place(f"<body><p>山田様</p>{cite}<p>来週です。</p>{cite}<p>はい。</p>¶</body>")


SIGNATURES = {
    "gmail": '<div class="gmail_signature" data-smartmail="gmail_signature">佐藤花子</div>',
    "gmail, with dashes": '<span class="gmail_signature_prefix">-- </span><br>'
    '<div class="gmail_signature">佐藤花子</div>',
    "thunderbird": '<pre class="moz-signature" cols="72">-- \n佐藤花子</pre>',
    "thunderbird, html": '<div class="moz-signature">-- <br>佐藤花子</div>',
    "outlook": '<div id="Signature"><p>佐藤花子</p></div>',
    "outlook, in a mail passed on": '<div id="x_Signature">佐藤花子</div>',
    "outlook desktop": '<p class="MsoNormal"><a name="_MailAutoSig">佐藤花子</a></p>',
    "outlook mobile": '<div id="ms-outlook-mobile-signature">iOS から送信</div>',
    "apple": '<div id="AppleMailSignature" dir="ltr">iPhoneから送信</div>',
    "yahoo": '<div class="ydp1yahoo-signature">佐藤花子</div>',
    "proton": '<div class="protonmail_signature_block">佐藤花子</div>',
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_case_104_above_the_signature(name: str) -> None:
    assert_html_place(f"<html><body><p>山田様</p>¶{SIGNATURES[name]}</body></html>")
    both = SIGNATURES[name] + QUOTES["thunderbird"]
    assert_html_place(f"<html><body><p>山田様</p>¶{both}</body></html>")


def test_case_104_quote_above_the_signature() -> None:
    below = QUOTES["gmail"] + SIGNATURES["gmail"]
    assert_html_place(f"<html><body><p>山田様</p>¶{below}</body></html>")


def test_case_104_a_signature_with_nothing_above_is_the_text() -> None:
    assert_html_place('<html><body><div id="Signature"><p>山田様</p></div>¶</body></html>')


@pytest.mark.parametrize("around", ["<table>", "<table><tr>", "<table><tbody><tr><td>x</td>"])
def test_case_105_quote_directly_in_a_row(around: str) -> None:
    """A browser would move the paragraph to the front of the table."""
    body = f"<html><body><p>山田様</p>{around}{QUOTES['gmail']}</table>"
    assert_html_place(f"{body}¶</body></html>")


def test_case_105_quote_in_a_cell() -> None:
    table = "<table><tr><td><p>山田様</p>"
    assert_html_place(f"<html><body>{table}¶{QUOTES['gmail']}</td></tr></table></body></html>")


def test_case_105_table_in_a_cell() -> None:
    table = "<table><tr><td><table><tr><td>x</td></tr></table>"
    assert_html_place(f"<html><body>{table}¶{QUOTES['gmail']}</td></tr></table></body></html>")
    assert_html_place(
        f"<html><body><table><tr><td>x</td></tr><table><tr><td>y</td></tr></table>{QUOTES['gmail']}"
        "</table>¶</body></html>"
    )


@pytest.mark.parametrize("table", ["<table><tr><td>", "<table><tr><td><p>山田様"])
def test_case_106_unclosed_table_with_an_open_cell(table: str) -> None:
    assert_html_place(f"<html><body>{table}<p>結果</p>¶</body></html>")


@pytest.mark.parametrize("table", ["<table>", "<table><tr>", "<table><tr><td>x</td>"])
def test_case_106_unclosed_table_between_its_cells(table: str) -> None:
    """What is put there stands in front of the table, so not where it was planned."""
    assert_not_visible(f"<html><body><p>山田様</p>{table}<tr></body></html>")


@pytest.mark.parametrize("between", ["", "\n", "<!-- x -->\n", "text", "<p>x</p>"])
def test_case_106_a_table_below_the_place_is_where_it_was(between: str) -> None:
    table = "<table><tr><td>-- <br>佐藤</td></tr></table>"
    signature = f'<div class="gmail_signature">{table}</div>'
    assert_html_place(f"<html><body><p>山田様</p>¶{signature}</body></html>")
    named = table.replace("<table", '<table id="Signature"')
    assert_html_place(f"<html><body>{between}<p>山田様</p>¶{named}</body></html>")
    assert_html_place(f"<html><body><p>山田様</p>¶</body>{between}{table}</html>")


def test_case_107_conditional_comments_around_the_layout() -> None:
    mso = "<!--[if mso]><table><tr><td width=600><![endif]-->"
    end = "<!--[if mso]></td></tr></table><![endif]-->"
    assert_html_place(f"<html><body>{mso}<div>山田様</div>{end}¶</body></html>")


def test_case_107_revealed_to_all_but_outlook() -> None:
    shown = "<!--[if !mso]><!--><div>山田様</div>"
    assert_html_place(f"<html><body>{shown}<!--<![endif]-->¶</body></html>")
    assert_html_place("<html><body><![if !mso]><div>山田様</div><![endif]>¶</body></html>")
    assert_html_place(f"<html><body>{shown}</body><!--<![endif]-->¶</html>")
    quote = QUOTES["gmail"]
    assert_html_place(f"<html><body>{shown}{quote}<!--<![endif]-->¶</body></html>")


def test_case_108_open_comment() -> None:
    assert_not_visible("<html><body><p>山田様</p><!-- </body></html>", "html_open_comment")
    assert_not_visible("<html><body><p>山田様</p><!-- a --", "html_open_comment")


@pytest.mark.parametrize("tag", ["style", "script", "textarea", "title", "noscript", "iframe"])
def test_case_108_open_element_that_swallows_the_rest(tag: str) -> None:
    assert_not_visible(f"<html><body><p>山田様</p><{tag}></body></html>")
    assert_not_visible(f"<html><body><p>山田様</p><{tag}")


@pytest.mark.parametrize("comment", ["<!-->", "<!--->", "<!-- --!>", "<!---->"])
def test_case_108_comments_that_browsers_end(comment: str) -> None:
    assert_html_place(f"<html><body><p>山田様</p>{comment}<p>結果</p>¶</body></html>")


HIDING = [
    'style="display:none"',
    'style="display: none !important;"',
    'style="max-height:0;overflow:hidden"',
    'style="opacity:0"',
    'style="visibility:hidden"',
    'style="position:absolute;top:-9999px"',
    'style="margin-left: -5000px"',
    'style="transform:scale(0)"',
    'style="clip-path:inset(50%)"',
    "hidden",
]


@pytest.mark.parametrize("how", HIDING)
def test_case_109_hidden_preheader_left_open(how: str) -> None:
    assert_not_visible(f"<html><body><p>山田様</p><div {how}>選考の結果</body></html>")


@pytest.mark.parametrize("how", HIDING)
def test_case_109_hidden_preheader_that_is_closed(how: str) -> None:
    assert_html_place(f"<html><body><div {how}>選考の結果</div><p>山田様</p>¶</body></html>")


@pytest.mark.parametrize("tag", ["details", "dialog", "meter", "progress"])
def test_case_109_element_that_shows_nothing_of_what_is_in_it(tag: str) -> None:
    closed = f"<html><body><p>山田様</p><{tag}>"
    assert_not_visible(f"{closed}<p>結果</p></body></html>")
    assert_html_place(f"{closed}</{tag}><p>結果</p>¶</body></html>")


@pytest.mark.parametrize("tag", ["details", "dialog"])
def test_case_109_element_that_was_opened_shows_it(tag: str) -> None:
    assert_html_place(f"<html><body><p>山田様</p><{tag} open><p>結果</p>¶</body></html>")


def test_case_109_place_in_a_hidden_wrapper_and_one_behind_it() -> None:
    body = f"<html><body><p>山田様</p><div style='display:none'><p>x</p>{QUOTES['gmail']}</div>"
    assert_html_place(f"{body}¶</body></html>")


@pytest.mark.parametrize(
    "style",
    [
        *["line-height:0", "min-width:0;margin:0", "min-height:0", "border-left:-1px"],
        *["opacity:0.9", "max-width:600px", "height:100%", "opacity:1", "text-indent:-1px"],
        *["margin-top:-150px", "top:-10px", "transform:scale(0.9)", "clip-path:inset(5%)"],
    ],
)
def test_case_109_styles_that_hide_nothing(style: str) -> None:
    assert_html_place(f'<html><body><div style="{style}"><p>山田様</p>¶</body></html>')


@pytest.mark.parametrize(
    "wrapper", ['<body style="font-size:0">', '<body style="color:#ffffff">', "<body text=white>"]
)
def test_case_110_own_size_and_colours(wrapper: str) -> None:
    assert_html_place(f"<html>{wrapper}<p style='font-size:14px'>山田様</p>¶</body></html>")
    for own in ("font-size:14px", "color:#1a1a1a", "background-color:#ffffff"):
        assert own in BLOCK


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64"])
def test_case_111_fifty_kilobytes_in_one_line(encoding: str) -> None:
    news = "<td style='padding:0'><a href='https://example.com/?a=1'>求人</a></td>" * 700
    body = f"<html><body><table><tr>{news}</tr></table></body></html>"
    message = page(body, encoding=encoding)
    after, _ = assert_injected(message, rewritten=80)
    assert max(map(len, after.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert after.count(b"\r\n") < message.count(b"\r\n") + 30


@pytest.mark.parametrize(
    "end", ["<plaintext>", "<frameset><frame></frameset>", "<svg><text>", "<math><mi>"]
)
def test_case_112_nothing_can_be_placed(end: str) -> None:
    assert_not_visible(f"<html><body><p>山田様</p>{end}</body></html>")


@pytest.mark.parametrize("drawing", ["<svg><path/></svg>", "<svg/>", "<math><mi>x</mi></math>"])
def test_case_112_drawings_that_end(drawing: str) -> None:
    assert_html_place(f"<html><body><p>山田様</p>{drawing}</svg>¶</body></html>")


@pytest.mark.parametrize("sign", [b"\x00", b"\xff\xfe", b"\xe3\x81", b"\x1b", b"\x80"])
def test_case_113_invalid_bytes(sign: bytes) -> None:
    body = b"<html><body><p>A" + sign + b"</p>" + sign + b"</body></html>\r\n"
    after, _ = assert_injected(page(body))
    place = body.index(b"</body>")
    assert after.endswith(body[:place] + BLOCK.encode() + body[place:])


@pytest.mark.parametrize(
    "opening",
    [
        '<html dir="rtl" lang="ar"><body>',
        '<html><body dir=rtl style="text-align:right">',
        '<html><head><meta name="color-scheme" content="dark"></head><body bgcolor="#000000">',
    ],
)
def test_case_114_own_direction_language_and_ground(opening: str) -> None:
    assert_html_place(f"{opening}<p>مرحبا</p>¶</body></html>")
    assert BLOCK.startswith('<div lang="ja" dir="ltr"')


def test_case_115_html_in_a_text_is_text() -> None:
    body = "<html><body><p>山田様</p></body></html>\n"
    message = mail(leaf("text/plain; charset=utf-8", body, encoding="8bit"))
    after, _ = assert_injected(message)
    assert after.endswith(lines(f"{body}\n{PARAGRAPH.text}\n"))


def test_one_anchor_that_shows_where_it_leads() -> None:
    assert BLOCK.count("<a ") == 1
    assert f'href="{URL}"' in BLOCK
    assert f">{URL}</a>" in BLOCK
    assert BLOCK.isascii()


def test_the_second_best_place_is_used_where_nobody_would_see_the_best() -> None:
    body = "<body><p>a</p><div hidden>b<div class=gmail_quote>c</div></div></body>"
    assert inject(page(body), PARAGRAPH, POLICY).status is Status.INJECTED
