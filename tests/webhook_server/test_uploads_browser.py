"""The upload pages in a real browser: a recruiter's whole way, on a phone and at a desk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime
from careerrelay.engine.sheets import uploads
from careerrelay.engine.sheets.uploads import import_confirmed
from tests.engine.sheets.files import csv_bytes, person
from tests.support.world import Clock, open_runtime
from tests.webhook_server.browser import (
    DESKTOP,
    PHONE,
    chromium,
    free_port,
    serving,
    violations,
)
from tests.webhook_server.site import MAIL, Site
from tests.webhook_server.test_browser import SMALLEST_TARGET, SMALLEST_TEXT, TOO_SMALL

NARROW = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a browser shows is the same on every store."""
    return sqlite_url


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def runtime(database_url: str, tmp_path: Path, clock: Clock, port: int) -> Iterator[Runtime]:
    made = open_runtime(
        database_url, tmp_path / "data", clock=clock, queue=InlineQueue(clock), mail=MAIL,
        server={"base_url": f"http://127.0.0.1:{port}"},
    )  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def url(site: Site, port: int) -> Iterator[str]:
    site.world.connect("sheet", connector="csv_bridge", strategies=("static_link",), secrets={})
    made = uploads.issue_link(site.runtime, "sheet", days=30, actor="test")
    site.world.clock.forward(days=20)
    with serving(site.app, port=port):
        yield made


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    rows = [
        person(1),
        person(2),
        person(3, "一次NG", 不合格日="2026/11/12"),
        person(4, メールアドレス="taro.example.com"),
        person(5, "選考中"),
    ]
    path = tmp_path / "応募一覧.csv"
    path.write_bytes(csv_bytes(rows))
    return path


def choose(page: Page, sheet: Path, *, button: str) -> None:
    page.set_input_files("#sheet", sheet)
    page.get_by_role("button", name=button).click()


def walk(page: Page, url: str, sheet: Path, site: Site, *, ja: bool) -> Iterator[str]:
    """Every page of the way; yields its name when it stands."""
    look = "内容を確認する" if ja else "Look at the file"
    page.goto(f"{url}?lang={'ja' if ja else 'en'}")
    yield "start"
    page.get_by_role("button", name=look).click()
    yield "start with an error"
    choose(page, sheet, button=look)
    yield "columns"
    page.get_by_role("button", name="列の対応を保存する" if ja else "Save the columns").click()
    yield "saved"
    choose(page, sheet, button=look)
    yield "preview"
    page.select_option("#status-m0", "rejected")
    page.get_by_role("button", name="意味を保存する" if ja else "Save the meanings").click()
    choose(page, sheet, button=look)
    yield "preview with meanings"
    page.get_by_role("button", name="3行を取り込む" if ja else "Import 3 rows").click()
    yield "being imported"
    import_confirmed(site.runtime)
    page.reload()
    yield "imported"


@pytest.mark.parametrize(
    ("language", "viewport", "scheme"),
    [("ja", PHONE, "light"), ("ja", DESKTOP, "light"), ("en", DESKTOP, "dark")],
)
def test_the_whole_way_stands_up_to_wcag(
    browser: Browser, site: Site, url: str, sheet: Path,
    language: str, viewport: dict[str, int], scheme: str,
) -> None:  # fmt: skip
    opened = browser.new_context(
        viewport=viewport,  # type: ignore[arg-type] - width and height
        color_scheme=scheme,  # type: ignore[arg-type] - light or dark
        locale={"ja": "ja-JP", "en": "en-US"}[language],
    )
    page = opened.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    found = {}
    for name in walk(page, url, sheet, site, ja=language == "ja"):
        assert page.locator("html").get_attribute("lang") == language
        found[name] = violations(page)
        shots = os.environ.get("CAREERRELAY_SCREENSHOTS")
        if shots:
            path = f"{shots}/{language}-{viewport['width']}-{len(found)}.png"
            page.screenshot(path=path, full_page=True)
    opened.close()
    assert len(found) == 8
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert [text for text in said if "Content Security Policy" in text] == []


def test_text_and_targets_are_large_enough_and_nothing_scrolls_sideways(
    browser: Browser, site: Site, url: str, sheet: Path
) -> None:
    opened = browser.new_context(viewport=NARROW, locale="ja-JP")  # type: ignore[arg-type] - as above
    page = opened.new_page()
    for name in walk(page, url, sheet, site, ja=True):
        assert page.evaluate(TOO_SMALL, [SMALLEST_TEXT, SMALLEST_TARGET]) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], name
    opened.close()


def test_rows_with_errors_are_downloaded_corrected_and_imported_without_javascript(
    browser: Browser, site: Site, url: str, sheet: Path, tmp_path: Path
) -> None:
    opened = browser.new_context(
        viewport=DESKTOP,  # type: ignore[arg-type] - as above
        locale="ja-JP",
        java_script_enabled=False,
    )
    page = opened.new_page()
    for name in walk(page, url, sheet, site, ja=True):
        if name == "preview with meanings":
            break
    with page.expect_download() as waiting:
        page.get_by_role("link", name="エラーの行だけを").click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    text = path.read_text("cp932")
    assert "5行目「メールアドレス」" in text
    path.write_bytes(text.replace("taro.example.com", "person4@example.com").encode("cp932"))
    page.goto(url)
    choose(page, path, button="内容を確認する")
    page.get_by_role("button", name="1行を取り込む").click()
    assert page.get_by_role("heading", name="取り込んでいます").count() == 1
    with page.expect_download() as waiting:
        page.goto(url)
        page.get_by_role("button", name="登録者のCSVをダウンロードする").click()
    assert waiting.value.suggested_filename == "careerrelay-registrations.csv"
    opened.close()
