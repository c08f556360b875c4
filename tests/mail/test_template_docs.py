"""The pages name everything a company can meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from careerrelay.mail.compose import PLACEHOLDERS, Kind
from careerrelay.mail.findings import MESSAGES, Severity

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "mail-templates.md", DOCS / "ja" / "mail-templates.md"]
SHOWN = {
    Severity.ERROR: ("error", "エラー"),
    Severity.WARNING: ("warning", "警告"),
    Severity.INFO: ("info", "お知らせ"),
}


@pytest.mark.parametrize("page", PAGES, ids=["en", "ja"])
def test_page_names_every_mail_and_value(page):
    text = page.read_text("utf-8")
    missing = {name for name in (*Kind, *PLACEHOLDERS) if f"`{name}`" not in text}
    assert missing == set()


@pytest.mark.parametrize("page", PAGES, ids=["en", "ja"])
@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_page_names_every_remark_with_its_severity(page, code):
    (row,) = [line for line in page.read_text("utf-8").splitlines() if f"`{code}`" in line][:1]
    assert row.split("|")[2].strip() in SHOWN[MESSAGES[code][0]]
