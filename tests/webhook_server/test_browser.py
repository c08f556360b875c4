"""The pages in a real browser: WCAG 2.2 AA, keyboard only, without JavaScript, on a phone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from careerrelay.engine import registration as engine
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime
from careerrelay.link_signing import Purpose
from careerrelay.models.registrations import RegistrationState
from careerrelay.models.tables import Company
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

SMALLEST_TEXT = 16
SMALLEST_TARGET = 44
NARROW = {"width": 320, "height": 640}
"""What WCAG 1.4.10 (reflow) asks for: 1280 pixels at 400 %."""

TOO_SMALL = """([text, target]) => {
    const shown = element => element.checkVisibility() && !element.closest('.trap, .skip');
    const found = [];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (own && shown(element) && parseFloat(getComputedStyle(element).fontSize) < text)
            found.push('text: ' + element.outerHTML.slice(0, 80));
    }
    for (const element of document.querySelectorAll('a, button, input:not([type=hidden])')) {
        if (!shown(element)) continue;
        const sentence = element.matches('main p a, main li a') && !element.matches('.button');
        const box = (element.closest('label.choice') || element).getBoundingClientRect();
        if (!sentence && box.height < target)
            found.push('target: ' + element.outerHTML.slice(0, 80));
    }
    return found;
}"""


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
    """An installation whose links lead to this machine."""
    made = open_runtime(
        database_url,
        tmp_path / "data",
        clock=clock,
        queue=InlineQueue(clock),
        mail=MAIL,
        server={"base_url": f"http://127.0.0.1:{port}"},
    )
    yield made
    made.close()


@pytest.fixture
def live(site: Site, port: int) -> Iterator[Site]:
    with serving(site.app, port=port):
        yield site


def context(browser: Browser, live: Site, language: str = "ja", **more: Any) -> BrowserContext:
    return browser.new_context(
        base_url=live.runtime.settings.server["base_url"],
        locale={"ja": "ja-JP", "en": "en-US"}[language],
        **{"viewport": PHONE, **more},
    )


@dataclasses.dataclass(frozen=True)
class Held:
    """Every page a person may stand before, as addresses."""

    relay: str
    pages: dict[str, str]


@pytest.fixture
def held(live: Site) -> Held:
    relay = live.reject(1)
    waiting, proved, again, unmatched, deleted = (
        live.start(relay, number=number) for number in (1, 1, 1, 9, 1)
    )
    for id_ in (proved, again, unmatched):
        engine.confirm_link(live.runtime, live.proof_token(id_))
    engine.withdraw(live.runtime, deleted)
    pages = {
        "form": f"/r/{relay}",
        "code lost": f"/r/{relay}/code",
        "proof": f"/p/{live.proof_token(waiting)}",
        "done": f"/p/{live.proof_token(proved)}",
        "done before": f"/p/{live.proof_token(again)}",
        "unmatched": f"/p/{live.proof_token(unmatched)}",
        "stop": f"/s/{live.as_purpose(relay, Purpose.STOP)}",
        "stop by address": f"/s/{live.static_token(Purpose.STOP)}",
        "my data": f"/m/{live.my_token(proved)}",
        "delete": f"/m/{live.my_token(proved)}/delete",
        "deleted": f"/m/{live.my_token(deleted)}",
        "bad link": f"/r/{relay[:-2]}xx",
        "not found": "/nowhere",
    }
    return Held(relay, pages)


def walk(page: Page, held: Held, language: str) -> Iterator[str]:
    """Every page, also those that only a form leads to; yields each one's name when it stands."""
    for name, path in held.pages.items():
        page.goto(f"{path}?lang={language}")
        assert page.locator("html").get_attribute("lang") == language
        yield name
    page.goto(held.pages["form"])
    page.get_by_role("button").click()
    yield "form with errors"
    fill_in(page)
    page.get_by_role("button").click()
    yield "code"
    for wrong in ("12", "00000000", "11111111", "22222222"):
        page.fill("#code", wrong)
        page.get_by_role("button").click()
    yield "code with errors"
    for wrong in ("33333333", "44444444", "55555555"):
        if page.locator("#code").count():
            page.fill("#code", wrong)
            page.get_by_role("button").click()
    yield "code over"
    page.goto(held.pages["stop by address"])
    page.get_by_role("button").click()
    yield "stop with errors"
    page.goto(held.pages["stop"])
    page.get_by_role("button").click()
    yield "stopped"


def fill_in(page: Page) -> None:
    page.fill("#name", "応募 太郎")
    page.fill("#email", "person1@example.com")
    page.check("input[name=named][value=no]")
    page.check("#terms")


@pytest.mark.parametrize(
    ("language", "viewport", "scheme"),
    [
        ("ja", PHONE, "light"),
        ("ja", DESKTOP, "dark"),
        ("en", PHONE, "dark"),
        ("en", DESKTOP, "light"),
    ],
)
def test_no_page_breaks_wcag_2_2_aa(
    browser: Browser,
    live: Site,
    held: Held,
    language: str,
    viewport: dict[str, int],
    scheme: str,
) -> None:
    opened = context(browser, live, language, viewport=viewport, color_scheme=scheme)
    page = opened.new_page()
    found = {name: violations(page) for name in walk(page, held, language)}
    opened.close()
    assert len(found) == len(held.pages) + 6
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_the_checker_would_find_a_fault(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html><body><input><p style='color:#ccc'>pale</p></body></html>")
    rules = {fault.split(":")[0] for fault in violations(page)}
    page.close()
    assert {"html-has-lang", "label", "color-contrast"} <= rules


def test_text_and_targets_are_large_enough_and_nothing_scrolls_sideways(
    browser: Browser, live: Site, held: Held
) -> None:
    opened = context(browser, live, viewport=NARROW)
    page = opened.new_page()
    for name in walk(page, held, "ja"):
        assert page.evaluate(TOO_SMALL, [SMALLEST_TEXT, SMALLEST_TARGET]) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], name
    opened.close()


def test_the_browser_asks_nobody_else_and_refuses_nothing_of_ours(
    browser: Browser, live: Site, held: Held
) -> None:
    opened = context(browser, live)
    page = opened.new_page()
    asked: set[str] = set()
    said: list[str] = []
    page.on("request", lambda request: asked.add(request.url))
    page.on("console", lambda message: said.append(message.text))
    for _name in walk(page, held, "ja"):
        assert page.locator("h1").count() == 1
    opened.close()
    base = live.runtime.settings.server["base_url"]
    assert {url for url in asked if not url.startswith(base)} == set()
    assert [text for text in said if "Content Security Policy" in text] == []


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that element has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"the keyboard never reaches {selector}")


def test_the_whole_way_can_be_gone_by_keyboard_alone(browser: Browser, live: Site) -> None:
    opened = context(browser, live, viewport=DESKTOP)
    page = opened.new_page()
    page.goto(f"/r/{live.reject(1)}")
    tab_to(page, ".skip")
    page.keyboard.press("Enter")
    tab_to(page, "#name")
    page.keyboard.type("応募 太郎")
    tab_to(page, "#email")
    page.keyboard.type("person1@example.com")
    tab_to(page, "input[name=named]")
    page.keyboard.press("ArrowDown")
    assert page.locator("input[name=named][value=no]").is_checked()
    tab_to(page, "#terms")
    page.keyboard.press("Space")
    tab_to(page, "main button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="確認メールをお送りしました").wait_for()
    tab_to(page, "#code")
    page.keyboard.type(live.code(live.only_registration().id))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="ご登録ありがとうございます").wait_for()
    opened.close()
    assert live.only_registration().state == RegistrationState.PROVED


def test_the_focus_is_visible_wherever_it_stands(browser: Browser, live: Site) -> None:
    opened = context(browser, live, viewport=DESKTOP)
    page = opened.new_page()
    page.goto(f"/r/{live.reject(1)}")
    seen = 0
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        seen += 1
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
    assert seen == 13
    opened.close()


def test_after_an_error_the_focus_stands_on_the_summary_and_its_links_lead_to_the_fields(
    browser: Browser, live: Site
) -> None:
    opened = context(browser, live)
    page = opened.new_page()
    page.goto(f"/r/{live.reject(1)}")
    page.get_by_role("button").click()
    # A browser sets the focus with its first rendering, which the click does not wait for.
    page.wait_for_function("document.activeElement.className === 'summary'")
    assert page.title().startswith("エラー")
    for field in ("name", "email", "named-yes", "terms"):
        page.locator(f".summary a[href='#{field}']").click()
        assert page.evaluate("document.activeElement.id") == field
    opened.close()


def test_everything_works_without_javascript(browser: Browser, live: Site) -> None:
    opened = context(browser, live, java_script_enabled=False)
    page = opened.new_page()
    token = live.reject(1)
    page.goto(f"/r/{token}")
    fill_in(page)
    page.get_by_role("button").click()
    assert page.get_by_role("heading", name="確認メールをお送りしました").count() == 1
    id_ = live.only_registration().id
    page.goto(f"/p/{live.proof_token(id_)}")
    page.get_by_role("button").click()
    assert page.get_by_role("heading", name="ご登録ありがとうございます").count() == 1
    page.goto(f"/m/{live.my_token(id_)}")
    page.get_by_role("link", name="登録内容を削除する").click()
    page.get_by_role("button", name="登録内容を削除する").click()
    assert page.get_by_role("heading", name="登録内容を削除しました").count() == 1
    page.goto(f"/s/{live.as_purpose(token, Purpose.STOP)}")
    page.get_by_role("button", name="ご案内を停止する").click()
    assert page.get_by_role("heading", name="ご案内を停止しました").count() == 1
    opened.close()


def test_the_language_can_be_changed_on_every_page(
    browser: Browser, live: Site, held: Held
) -> None:
    opened = context(browser, live)
    page = opened.new_page()
    for path in held.pages.values():
        page.goto(f"{path}?lang=ja")
        page.get_by_role("link", name="English").click()
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.locator("main").inner_text().isascii() or "アクメ" in page.content()
    opened.close()


def test_a_very_long_company_name_breaks_no_page(browser: Browser, live: Site) -> None:
    token = live.reject(1)
    with live.runtime.database.begin() as session:
        session.get_one(Company, "acme").name = "株式会社" + "A" * 120 + "ホールディングス" * 10
    opened = context(browser, live, viewport=NARROW)
    page = opened.new_page()
    page.goto(f"/r/{token}")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    opened.close()
