"""The demo as its users start it: a process, looked at from outside."""

from __future__ import annotations

import json
import re
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from careerrelay.cli.demo import cast
from careerrelay.cli.demo.ats import SandboxAts
from careerrelay.cli.demo.browser import Browser, read_page
from careerrelay.cli.demo.mailbox import Mailbox
from careerrelay.cli.demo.pages import linked
from careerrelay.cli.demo.ports import choose
from careerrelay.cli.demo.steps import StepFailedError, Steps, expect, wait_for

COMMAND = (sys.executable, "-m", "careerrelay", "--lang", "en", "demo")
LONGEST_SECONDS = 240
STEPS = [
    *(f"A{n}" for n in range(1, 14)),
    *(f"B{n}" for n in range(1, 7)),
    *(f"C{n}" for n in range(1, 8)),
]


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *args], capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )


@contextmanager
def started(*args: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The demo for hands, and the addresses it printed."""
    process = subprocess.Popen(
        [*COMMAND, "--json", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] not in ("}\n", ""):
            lines.append(process.stdout.readline())
        yield process, json.loads("".join(lines))
    finally:
        process.terminate()
        process.communicate(timeout=LONGEST_SECONDS)


def answers(url: str) -> bool:
    try:
        return Browser().get(url).status < 500
    except OSError:
        return False


def test_story_is_played_and_checked_from_outside() -> None:
    done = run("--once")
    assert (done.returncode, done.stderr) == (0, "")
    *lines, empty, last = done.stdout.splitlines()
    told = [re.match(r"✓ (\w+) +\d+\.\d s  .+\[.+\]$", line) for line in lines]
    assert [found and found[1] for found in told] == STEPS
    assert empty == ""
    assert last.startswith("slot 1 earned")


def test_wrong_webhook_secret_ends_the_story_with_the_name_of_the_step(tmp_path: Path) -> None:
    done = run("--once", "--ats-secret", "another secret", "--folder", str(tmp_path / "demo"))
    assert done.returncode == 1
    assert "✗ A2 " in done.stdout
    assert "slot 1 earned" not in done.stdout
    assert "step A2 failed" in done.stderr
    assert "web hook test: 200; seen 401" in done.stderr


def test_demo_for_hands_answers_at_three_addresses_until_ctrl_c(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with started("--folder", str(folder)) as (process, told):
        urls = [told["ats"], told["mailbox"], f"{told['server']}/readyz"]
        assert [answers(url) for url in urls] == [True, True, True]
        assert len(told["server"]) <= 31
        assert all(person.full_name in Browser().get(told["ats"]).text for person in cast.TEN)
        process.send_signal(signal.SIGINT)
        # Impatience while it stops leaves no server behind.
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST_SECONDS) == 0
        assert [answers(url) for url in urls] == [False, False, False]
    assert (folder / "careerrelay.toml").exists()


def test_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    done = run("--once", "--folder", str(tmp_path))
    assert done.returncode == 2
    assert "--folder" in done.stderr


def test_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--once", "--port", str(min(port, 65_531)))
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_mail_is_shown_but_nothing_in_it_runs() -> None:
    mailbox, port = Mailbox(), choose(None).smtp
    message = EmailMessage()
    message["From"], message["To"] = "a@example.com", "b@example.com"
    message["Subject"] = "<script>alert(1)</script>"
    message.set_content("<b>text</b> https://example.com/a?b=1&c=2 end")
    message.add_alternative("<script>alert(2)</script><p>html</p>", subtype="html")
    with mailbox.listen(port), mailbox.serve() as url:
        with smtplib.SMTP("127.0.0.1", port) as server:
            server.send_message(message)
        page = Browser().get(f"{url}/messages/1")
        frame = Browser().get(f"{url}/messages/1/html")
        source = Browser().get(f"{url}/messages/1/source")
        missing = Browser().get(f"{url}/messages/2")
    assert "<script>alert" not in page.text
    assert "&lt;b&gt;text&lt;/b&gt;" in page.text
    assert 'href="https://example.com/a?b=1&amp;c=2"' in page.text
    assert "sandbox" in frame.headers["content-security-policy"]
    assert "script-src" not in frame.headers["content-security-policy"]
    assert source.headers["content-type"].startswith("text/plain")
    assert missing.status == 404


def test_address_at_the_end_of_a_sentence_is_linked_without_the_full_stop() -> None:
    assert linked("https://example.jp/a。") == (
        '<a href="https://example.jp/a" target="_blank" rel="noopener">https://example.jp/a</a>。'
    )


@pytest.fixture
def ats() -> Iterator[tuple[SandboxAts, str]]:
    letters: list[tuple[str, str, str]] = []
    sandbox = SandboxAts(send_mail=lambda *letter: letters.append(letter))
    sandbox.letters = letters  # type: ignore[attr-defined] - for the tests below
    with sandbox.serve() as url:
        yield sandbox, url


def test_buttons_of_the_ats_pressed_twice_do_their_work_once(ats: tuple[Any, str]) -> None:
    sandbox, url = ats
    browser = Browser()
    browser.submit(browser.get(url), action="/apply")
    case = sandbox.applications()[0]
    reject, back = f"{url}/cases/{case['id']}/reject", {"back": case["candidate_id"]}
    browser.post(reject, back)
    page = browser.post(reject, back)
    assert (page.status, page.see("status")) == (200, "rejected")
    assert len(sandbox.letters) == 1
    page = browser.submit(page, action="/unreject")
    assert page.see("status") == "in_process"
    assert browser.post(f"{url}/cases/1/reject", {}).status == 404


@pytest.mark.parametrize("email", ["", "nobody", "見本@example.jp"])
def test_application_without_a_usable_address_is_refused(ats: tuple[Any, str], email: str) -> None:
    sandbox, url = ats
    page = Browser().get(url)
    assert Browser().submit(page, {"email": email}, action="/apply").status == 422
    assert sandbox.applications() == []


def test_looking_at_the_ats_changes_nothing(ats: tuple[Any, str]) -> None:
    _, url = ats
    first, second = Browser().get(url), Browser().get(url)
    assert first.body == second.body


def test_browser_sends_what_an_untouched_form_would() -> None:
    html = (
        b"<h1>Who <b>are</b> you</h1><form method=post action=/x><input type=hidden name=t value=1>"
        b"<input type=radio name=r value=a><input type=checkbox name=c value=b checked>"
        b"<select name=s><option value=4>four</option><option value=5>five</option></select>"
        b'<p data-see="n">one <i>two</i></p></form><input name=outside value=3>'
    )
    page = read_page("http://x", 200, {"content-type": "text/html"}, html)
    assert (page.heading, page.see("n"), page.see("other")) == ("Who are you", "one two", "")
    assert page.forms[0].fields == {"t": "1", "c": "b", "s": "4"}


def test_step_that_fails_says_what_was_expected_and_seen() -> None:
    lines: list[str] = []
    steps = Steps(lines.append, lang="ja")
    with pytest.raises(StepFailedError), steps.step("X1", "a door opens", "扉が開く"):
        expect("the door", expected="open", seen="shut")
    assert re.match(r"✗ X1 +\d+\.\d s  扉が開く$", lines[0])
    assert lines[1].strip() == "期待: the door: 'open'"
    assert lines[2].strip() == "実際: 'shut'"


def test_server_that_hangs_up_fails_its_step() -> None:
    steps = Steps(lambda _line: None, lang="en")
    with pytest.raises(StepFailedError, match="ConnectionRefusedError"), steps.step("X", "x", "x"):
        Browser().get(f"http://127.0.0.1:{choose(None).server}/")


def test_waiting_ends_with_the_last_thing_seen() -> None:
    with pytest.raises(StepFailedError, match="seen 3"):
        wait_for(lambda: 3, lambda seen: seen > 3, expected="more", seconds=0)
