"""HTML that would cost gigabytes or minutes is refused before it is parsed."""

from __future__ import annotations

import pytest

from careerrelay.mail.injection.html_limits import refuse_explosive
from careerrelay.mail.injection.values import Refusal

from .cases import assert_injected, assert_untouched, leaf, mail


def page(html: str) -> bytes:
    return mail(leaf("text/html; charset=utf-8", html, encoding="8bit"))


FONTS = [f"<font size={number}>" for number in range(1000)]
EXPLOSIVE = {
    "one for each block": "<p>" + "".join(FONTS) + "<p>x" * 3000,
    "in cells": "".join(f"{font}<table><td></font></table>" for font in FONTS) + "<p>x" * 3000,
    "closed by others": "".join(f"{font}</b></i></u>" for font in FONTS) + "<p>x" * 3000,
    "divisions": "<div>" * 200_000,
    "closed in cells": "<div><table><tr><td></div></td></tr>" * 30_000,
    "closed too late": "<blockquote><i>x</blockquotes></p>" * 30_000,
    "closed at the end": "<section>" * 50_000 + "</section>" * 50_000,
    "far away": ("<div>" + "<span>" * 60 + "</div>") * 3_000,
    "out of a division": "<span><div></span></div>" * 20_000,
    "out of a paragraph": "<x><p></x></p>" * 20_000,
    "bold around a division": "<b><div></b>" * 20_000,
    "link around a division": "<a><div></a>" * 20_000,
    "a form only": "<form><div></form>" * 20_000,
    "a list's item only": "<li><section><ul></li></ul>" * 20_000,
}


@pytest.mark.parametrize("html", EXPLOSIVE.values(), ids=EXPLOSIVE)
def test_explosive_page_is_refused(html: str) -> None:
    with pytest.raises(Refusal) as found:
        refuse_explosive(html.encode())
    assert found.value.code == "too_complex"


def test_explosive_mail_goes_on_as_it_came() -> None:
    assert_untouched(page(EXPLOSIVE["one for each block"]), "too_complex")


ROWS = "<tr><td><font color=red><b>Job</b></font></td><td><div><p>x<br><img></div></td></tr>"
HARMLESS = {
    "many rows": f"<table>{ROWS * 5000}</table>",
    "many tables": f"<div><font size=2><table>{ROWS}</table></font></div>" * 800,
    "unclosed paragraphs": "<p>Dear Taro<br>" * 400,
    "unclosed cells": ("<table>" + "<tr><td>x<td>y" * 500 + "</table>") * 10,
    "cells closed by their rows": "<table>" + "<tr><td>x<td>y</tr>" * 5000 + "</table>",
    "tables that nobody opened": "<p>x</table>" * 4000 + "<div>x</div>" * 4000,
    "few fonts": "<p>" + "".join(FONTS[:10]) + "<p>x" * 3000,
    "all fonts closed": "".join(f"<p>{font}x</font>" for font in FONTS),
}


@pytest.mark.parametrize("html", HARMLESS.values(), ids=HARMLESS)
def test_large_page_of_a_usual_kind_is_parsed(html: str) -> None:
    refuse_explosive(html.encode())


def test_newsletter_of_many_rows_gets_the_paragraph() -> None:
    assert_injected(page(f"<html><body><table>{ROWS * 2000}</table></body></html>\n"))
