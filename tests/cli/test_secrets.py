"""No secret that came in ever comes out: not in text, JSON, export, log or the database file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from careerrelay.cli import main as main_module
from careerrelay.connectors.base import Check
from careerrelay.engine import logs
from careerrelay.models.errors import ApiAuthenticationError
from tests.cli.conftest import CommandLine, ReasonToy
from tests.support.world import World

SMTP = "smtp-never-shown-111"
HOOK = "hook-never-shown-222"
KEY = "key-never-shown-333"
SECRETS = (SMTP, HOOK, KEY, "never-to-be-seen-3141")
PEOPLE = ("person1@example.com", "太郎1")

READING = (
    ["company", "list"],
    ["company", "show", "acme"],
    ["company", "template", "list", "acme"],
    ["company", "set", "acme", "--send-from-hour", "30"],
    ["connections", "list"],
    ["connections", "show", "tokyo"],
    ["connections", "check"],
    ["connections", "export"],
    ["connections", "set", "tokyo", "--set", "region=moon"],
    ["connections", "set", "tokyo", "--set", f"webhook_secret={HOOK}"],
    ["connections", "add", "x", "--company", "acme", "--connector", "reasontoy"],
    ["connectors", "show", "greenhouse"],
    ["doctor"],
    ["signals", "list"],
    ["work", "list"],
    ["reasons", "list", "tokyo"],
    ["links", "static", "toy"],
    ["links", "list", "toy"],
    ["slots", "show", "acme", "--ledger"],
    ["database", "check"],
    ["keys", "rotate"],
    ["keys", "new"],
)


@pytest.fixture
def loud(
    cli: CommandLine, world: World, reason_toy: type[ReasonToy], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """Everything filled with secrets and people, and every log line on stderr."""
    monkeypatch.setattr(main_module, "quiet_logs", lambda: logs._configure(logging.DEBUG))
    environ = {"SMTP": SMTP, "HOOK": HOOK, "KEY": KEY}
    cli("company", "set", "acme", "--smtp-host", "127.0.0.1", "--smtp-port", "1",
        "--smtp-sender", "hr@example.jp", "--smtp-username", "hr",
        "--smtp-password-env", "SMTP", env=environ)  # fmt: skip
    cli("connections", "add", "tokyo", "--company", "acme", "--connector", "reasontoy",
        "--strategy", "own_mail", "--set", "region=jp", "--secret-env", "webhook_secret=HOOK",
        "--secret-env", "api_key=KEY", env=environ)  # fmt: skip
    reason_toy.checks = (Check("read", False, "may not read", "give the key more"),)
    world.apply(1)
    world.reject(1)
    world.work()
    return cli


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_no_command_shows_a_secret_a_key_or_a_person(
    loud: CommandLine, world: World, lang: str, as_json: bool
) -> None:
    keys = world.runtime.keys.current()
    hidden = (*SECRETS, *PEOPLE, *keys.sealing, *keys.signing, *keys.session, keys.matching)
    for args in READING:
        said = _whatever(loud, [*args, *(["--json"] if as_json else [])], lang)
        found = [secret for secret in hidden if secret in said]
        assert not found, args
    for signal in loud.data("signals", "list"):
        said = _whatever(loud, ["signals", "show", signal["id"]], lang)
        assert not [secret for secret in hidden if secret in said]


def _whatever(cli: CommandLine, args: list[str], lang: str) -> str:
    from click.testing import CliRunner

    from careerrelay.cli.main import root

    done = CliRunner().invoke(root, ["--config", str(cli.config), "--lang", lang, *args])
    assert done.exit_code in (0, 1, 2)
    assert "Traceback" not in done.output
    assert "unexpected" not in done.output, done.output
    return done.output


def test_a_vendors_refusal_shows_no_secret(
    loud: CommandLine, reason_toy: type[ReasonToy], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Any) -> list[Check]:
        raise ApiAuthenticationError("check api_key", connector="t", operation="o", status=401)

    monkeypatch.setattr(reason_toy, "check", refuse)
    assert KEY not in _whatever(loud, ["connections", "check", "tokyo"], "en")


def test_neither_secrets_nor_people_lie_open_in_the_database_file(
    loud: CommandLine, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    loud("database", "backup", str(target))
    content = target.read_bytes()
    for hidden in (SMTP, HOOK, KEY, *PEOPLE):
        assert hidden.encode() not in content
