"""HTML as people and programs write it, beside the numbered cases: containers, tables, markers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from careerrelay.mail.injection import Status, inject

from .cases import PARAGRAPH, POLICY, URL, assert_untouched
from .test_html_cases import assert_html_place, page
from .test_marker_cases import BLOCK, LINK, MARKER, assert_html, text

QUOTE = '<div class="gmail_quote"><p>いつ頃でしょうか。</p></div>'
CITE = '<blockquote type="cite"><p>いつ頃でしょうか。</p></blockquote>'


def test_quote_that_is_never_closed() -> None:
    assert_html_place(f"<body><p>山田様</p>¶{QUOTE.removesuffix('</div>')}</body>")


def test_cells_without_a_table_move_nothing() -> None:
    assert_html_place(f"<body><p>山田様</p><tr><td>x</td></tr>¶{QUOTE}</body>")


def test_a_tag_that_only_begins_like_the_end_of_the_body() -> None:
    assert_html_place("<body><p>山田様</p>¶</body></bodyguard></html>")


def test_words_that_name_no_container() -> None:
    links = '<a href="https://example.com/signature?quote=1">規約</a>' * 3
    assert_html_place(f'<body><p>山田様</p>{links}<p class="x-quotes">結果</p>¶</body>')


def test_more_containers_than_any_mail_has() -> None:
    """No more than some hundred are looked at, so that time stays linear."""
    many = '<a href="/quote">x</a>' * 700
    assert_html_place(f"<body><p>山田様</p>{many}{QUOTE}<p>{'y' * 10}</p>¶</body>")


def test_quote_directly_below_a_text_without_tags() -> None:
    assert_html_place(f"山田様、{'承知しました。' * 300}¶{CITE}")
    assert_html_place(f"山田様、承知しました。¶{CITE}")


def test_attribution_in_a_line_of_its_own() -> None:
    said = "2026年11月22日(日) 10:00 山田太郎 &lt;taro@example.jp&gt;:"
    assert_html_place(f"<body>山田様<br>承知しました。<br>¶{said}<br>{CITE}</body>")
    assert_html_place(f"<body><p>承知しました。</p>¶<p>{said}</p>{CITE}</body>")


def test_marker_in_the_second_attribute() -> None:
    assert_html(
        f'<p>登録 <a class="button" href="{MARKER}">x</a></p>',
        f'<p>登録 <a class="button" href="{URL}">x</a></p>',
    )


def test_marker_as_the_text_of_another_link() -> None:
    """No anchor in an anchor: the address as text is what a person sees."""
    link = '<p>登録 <a href="https://example.com/">{}</a></p>'
    message = page(link.format(MARKER))
    result = inject(message, PARAGRAPH, POLICY)
    assert result.status is Status.REPLACED
    assert result.assemble(message).endswith(link.format(URL).encode())


def test_marker_far_from_any_block() -> None:
    """Whether something else is read in its line is not looked for without end."""
    far = "<b></b>" * 100
    assert_html(f"<p>{far}{MARKER}{far}</p>", f"<p>{far}{LINK}{far}</p>")
    assert_html(f"<p>{MARKER}</p>{far}", f"<p>{BLOCK}</p>{far}")


@pytest.mark.parametrize(
    "unseen",
    [
        f"<a {MARKER}>登録</a>",
        f'<div style="display:none">{MARKER}</div>',
        f'<div hidden><a href="{MARKER}">登録</a></div>',
    ],
)
def test_marker_that_would_not_become_a_link_anybody_sees_is_held(unseen: str) -> None:
    result = assert_untouched(page(f"<body><p>山田様</p>{unseen}</body>"), "token_left")
    assert result.notes == ("html_not_visible",)


def test_marker_of_letters_only() -> None:
    policy = replace(POLICY, marker="RELAYLINK")
    for message in (page("<p>登録 RelayLink です</p>"), text("登録 RELAYLINK です\n")):
        result = inject(message, PARAGRAPH, policy)
        assert result.status is Status.REPLACED


def test_words_of_containers_in_the_text_itself() -> None:
    assert_html_place("<body><p>Your signature, a quote, and an appendonsend.</p>¶</body>")


def test_marker_among_many_signs_that_might_begin_one() -> None:
    braces = "{ &amp; " * 300
    assert_html(f"<p>{braces}{MARKER} です</p>", f"<p>{braces}{LINK} です</p>")
