"""connections: settings and secrets by what the connector declares; export and import."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from careerrelay.cli import connections as connections_module
from careerrelay.cli import prompts
from careerrelay.connectors.base import Check
from careerrelay.models.errors import ApiAuthenticationError
from careerrelay.models.tables import Connection
from tests.cli.conftest import BOTH, CommandLine, ReasonToy
from tests.support.world import World

SECRET = "never-to-be-seen-3141"


def connection(world: World, id_: str) -> Connection:
    with world.runtime.database.read() as session:
        return session.get_one(Connection, id_)


@pytest.fixture
def add(cli: CommandLine, reason_toy: type[ReasonToy], secret_file: Path) -> list[str]:
    """A command line that adds a good connection, ready to be varied."""
    return [
        "connections", "add", "tokyo", "--company", "acme", "--connector", "reasontoy",
        "--set", "region=jp", "--secret-file", f"api_key={secret_file}",
        "--secret-env", "webhook_secret=HOOK",
    ]  # fmt: skip


HOOK = {"HOOK": "hook-never-shown-2718"}


@BOTH
def test_add_stores_settings_seals_secrets_and_tells_what_to_enter(
    cli: CommandLine, add: list[str], world: World
) -> None:
    answer = cli(*add, env=HOOK)
    assert "https://relay.example.jp/webhooks/tokyo" in answer.stdout
    assert "changed" in answer.stdout
    stored = connection(world, "tokyo")
    assert stored.settings == {"region": "jp"}
    assert set(stored.secrets) == {"api_key", "webhook_secret"}
    assert world.runtime.secrets(stored)["api_key"] == SECRET
    assert SECRET not in str(stored.secrets)
    assert stored.strategies == ["static_link"]


def test_a_polling_connection_is_due_at_once(
    cli: CommandLine, add: list[str], world: World
) -> None:
    cli(*add, env=HOOK)
    assert connection(world, "tokyo").next_poll_at == world.clock()


def test_missing_settings_are_named_with_the_option_to_give_them(
    cli: CommandLine, reason_toy: type[ReasonToy]
) -> None:
    error = cli(
        "connections", "add", "x", "--company", "acme", "--connector", "reasontoy", code=2
    ).stderr
    assert "api_key (--secret-file api_key=PATH)" in error
    assert "region (--set region=VALUE)" in error


@pytest.mark.parametrize(
    ("extra", "code", "told"),
    [
        (["--set", "colour=red"], 2, "colour is not a setting of Reason ATS"),
        (["--set", "region=eu"], 2, "region must be one of jp, us"),
        (["--set", "webhook_secret=plain"], 2, "webhook_secret is a secret"),
        (["--secret-env", "region=HOOK"], 2, "region is no secret"),
        (["--set", "base_url=not a url"], 2, "base_url"),
        (["--set", "novalue"], 2, "--set takes NAME=VALUE"),
        (["--strategy", "mail_relay"], 2, "Reason ATS offers no way"),
        (["--strategy", "ats_message"], 2, "offers no way: No endpoint sends mail"),
        (["--strategy", "pigeon"], 2, "choose among field_token, static_link, own_mail"),
        (["--mail-value", "colour=red"], 2, "mail value colour"),
        (["--secret-env", "api_key=NO_SUCH_VARIABLE"], 2, "NO_SUCH_VARIABLE is not set"),
        (["--secret-file", "api_key=/no/such/file"], 2, "cannot read the file"),
        (["--company", "nobody"], 1, "there is no company 'nobody'"),
        (["--connector", "nothing"], 2, "there is no connector 'nothing'"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    cli: CommandLine, add: list[str], extra: list[str], code: int, told: str, world: World
) -> None:
    assert told in cli(*add, *extra, code=code, env=HOOK).stderr
    with world.runtime.database.read() as session:
        assert session.get(Connection, "tokyo") is None


def test_ids_are_checked_and_taken_once(cli: CommandLine, add: list[str]) -> None:
    cli(*add, env=HOOK)
    assert "is taken" in cli(*add, code=1, env=HOOK).stderr
    add[2] = "Tokyo Office"
    assert "connection id" in cli(*add, code=2, env=HOOK).stderr


def test_on_a_terminal_what_is_missing_is_asked_for_in_the_connectors_words(
    cli: CommandLine, reason_toy: type[ReasonToy], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (prompts, connections_module):
        monkeypatch.setattr(module, "is_interactive", lambda: True)
    typed = "reasontoy\ntokyo\nacme\nhook-secret\nkey-typed\njp\n"
    answer = cli("connections", "add", lang="ja", text=typed)
    assert "管理者のAPIキー" in answer.stderr
    assert "key-typed" not in answer.stderr + answer.stdout
    assert world.runtime.secrets(connection(world, "tokyo"))["api_key"] == "key-typed"


def test_list_and_show_tell_secrets_only_as_set_or_missing(
    cli: CommandLine, add: list[str]
) -> None:
    cli(*add, env=HOOK)
    shown = cli.data("connections", "show", "tokyo")
    assert shown["settings"]["api_key"] == "set"
    assert shown["enter_in_ats"]["url"] == "https://relay.example.jp/webhooks/tokyo"
    assert [c["id"] for c in cli.data("connections", "list")] == ["tokyo", "toy"]
    text = cli("connections", "show", "tokyo").stdout + cli("connections", "list").stdout
    assert SECRET not in text
    assert "hook-never" not in text


@BOTH
def test_set_changes_what_is_given_and_tries_the_account_again(
    cli: CommandLine, add: list[str], world: World
) -> None:
    cli(*add, env=HOOK)
    with world.runtime.database.begin() as session:
        parked = session.get_one(Connection, "tokyo")
        parked.attention = "the credentials are refused"
        parked.paused_until = world.clock() + timedelta(hours=1)
    cli("connections", "set", "tokyo", "--set", "region=us", "--strategy", "own_mail",
        "--strategy", "static_link", "--hiring", "new_graduate",
        "--mail-value", "graduation_year=2027")  # fmt: skip
    changed = connection(world, "tokyo")
    assert (changed.attention, changed.paused_until) == (None, None)
    assert changed.strategies == ["own_mail", "static_link"]
    assert (changed.hiring, changed.mail_values) == ("new_graduate", {"graduation_year": "2027"})
    assert changed.settings == {"region": "us"}
    assert world.runtime.secrets(changed)["api_key"] == SECRET


def test_an_optional_setting_goes_back_to_its_default_when_emptied(
    cli: CommandLine, add: list[str], world: World
) -> None:
    cli(*add, "--set", "base_url=https://other.example.com", env=HOOK)
    cli("connections", "set", "tokyo", "--set", "base_url=")
    assert "base_url" not in connection(world, "tokyo").settings
    assert "region is missing" in cli(
        "connections", "set", "tokyo", "--set", "region=", code=2
    ).stderr  # fmt: skip


def test_check_names_what_is_missing_and_exits_1(
    cli: CommandLine, add: list[str], reason_toy: type[ReasonToy]
) -> None:
    cli(*add, env=HOOK)
    reason_toy.checks = (Check("read", True, "may read"),)
    assert cli.data("connections", "check", "tokyo")[0]["status"] == "ok"
    reason_toy.checks = (Check("write", False, "may not write", "tick notes:write"),)
    answer = cli("connections", "check", "tokyo", code=1)
    assert "tick notes:write" in answer.stdout
    assert cli.data("connections", "check", code=1)[-1]["remedy"] == "tick notes:write"


def test_check_survives_an_ats_that_refuses(
    cli: CommandLine, add: list[str], reason_toy: type[ReasonToy], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Any) -> list[Check]:
        raise ApiAuthenticationError("check api_key", connector="toy", operation="x", status=401)

    cli(*add, env=HOOK)
    monkeypatch.setattr(reason_toy, "check", refuse)
    assert "check api_key" in cli("connections", "check", "tokyo", code=1).stdout


def test_remove_forgets_the_secrets_and_needs_a_yes(
    cli: CommandLine, add: list[str], world: World
) -> None:
    cli(*add, env=HOOK)
    assert "--yes" in cli("connections", "remove", "tokyo", code=1).stderr
    assert cli.data("connections", "remove", "tokyo", "--yes")["removed"] is True
    gone = connection(world, "tokyo")
    assert (gone.secrets, gone.next_poll_at) == ({}, None)
    assert "there is no connection 'tokyo'" in cli("connections", "show", "tokyo", code=1).stderr
    assert "is taken" in cli(*add, code=1, env=HOOK).stderr


def test_without_an_id_the_only_connection_is_meant(cli: CommandLine, add: list[str]) -> None:
    assert cli.data("connections", "show")["id"] == "toy"
    cli(*add, env=HOOK)
    assert "name one: tokyo, toy" in cli("connections", "show", code=1).stderr


def test_export_has_placeholders_in_place_of_secrets(cli: CommandLine, add: list[str]) -> None:
    cli(*add, env=HOOK)
    text = cli("connections", "export", "tokyo").stdout
    assert 'api_key = { env = "CAREERRELAY_TOKYO_API_KEY" }' in text
    assert SECRET not in text
    table = tomllib.loads(text)["connections"]["tokyo"]
    assert table["settings"]["region"] == "jp"
    assert table["strategies"] == ["static_link"]


@BOTH
def test_import_of_an_export_adds_and_the_second_time_changes_nothing(
    cli: CommandLine, add: list[str], tmp_path: Path, world: World
) -> None:
    cli(*add, "--mail-value", "store_name=港店", env=HOOK)
    path = tmp_path / "connections.toml"
    cli("connections", "export", "tokyo", "--to", str(path))
    path.write_text(path.read_text().replace("connections.tokyo", "connections.osaka"))
    values = {"CAREERRELAY_TOKYO_API_KEY": "k-9", "CAREERRELAY_TOKYO_WEBHOOK_SECRET": "w-9"}
    assert cli.data("connections", "import", str(path), env=values)[0]["outcome"] == "added"
    assert world.runtime.secrets(connection(world, "osaka")) == {
        "api_key": "k-9", "webhook_secret": "w-9",
    }  # fmt: skip
    assert connection(world, "osaka").mail_values == {"store_name": "港店"}
    sealed = dict(connection(world, "osaka").secrets)
    assert cli.data("connections", "import", str(path), env=values)[0]["outcome"] == "unchanged"
    assert connection(world, "osaka").secrets == sealed
    values["CAREERRELAY_TOKYO_API_KEY"] = "k-10"
    assert cli.data("connections", "import", str(path), env=values)[0]["outcome"] == "changed"
    assert world.runtime.secrets(connection(world, "osaka"))["api_key"] == "k-10"


def test_import_is_all_or_nothing(
    cli: CommandLine, add: list[str], tmp_path: Path, world: World
) -> None:
    cli(*add, env=HOOK)
    path = tmp_path / "connections.toml"
    good = cli("connections", "export", "tokyo").stdout.replace("tokyo", "aaa")
    bad = good.replace("aaa", "bbb").replace('region = "jp"', 'region = "moon"')
    path.write_text(f"{good}\n{bad}")
    values = {"CAREERRELAY_TOKYO_API_KEY": "k", "CAREERRELAY_TOKYO_WEBHOOK_SECRET": "w"}
    values |= {name.replace("TOKYO", x): "v" for name in values for x in ("AAA", "BBB")}
    error = cli("connections", "import", str(path), code=2, env=values).stderr
    assert "connection bbb: region" in error
    with world.runtime.database.read() as session:
        assert session.get(Connection, "aaa") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("= x", "is not TOML"),
        ("[servers]\n", "[connections.<id>] tables"),
        ("[connections]\nx = 1\n", "[connections.x] must be a table"),
        ('[connections.x]\nconnector = "toy"\n', "[connections.x] company: missing data"),
        (
            '[connections.x]\ncompany = "acme"\nconnector = "toy"\ncolour = "red"\n',
            "[connections.x] colour: unknown field",
        ),
        (
            '[connections.x]\ncompany = "acme"\nconnector = "toy"\n'
            '[connections.x.settings]\nwebhook_secret = { env = "NOT_THERE" }\n',
            "webhook_secret: the environment variable NOT_THERE is not set",
        ),
        (
            '[connections.toy]\ncompany = "other"\nconnector = "toy"\n',
            "[connections.toy] company: is acme and cannot change",
        ),
        (
            '[connections.toy]\ncompany = "acme"\nconnector = "toy"\n'
            '[connections.toy.reasons]\nr1 = "maybe"\n',
            "[connections.toy] reasons: must be one of",
        ),
        (
            '[connections.toy]\ncompany = "acme"\nconnector = "toy"\nstrategies = "own_mail"\n',
            "[connections.toy] strategies",
        ),
        (
            '[connections.toy]\ncompany = "acme"\nconnector = "toy"\nsettings = 3\n',
            "[connections.toy] settings",
        ),
    ],
)
def test_import_names_the_table_and_key_at_fault(
    cli: CommandLine, tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(text)
    assert told in cli("connections", "import", str(path), code=2).stderr


def test_connectors_list_show_and_new(cli: CommandLine, tmp_path: Path) -> None:
    listed = {c["name"]: c for c in cli.data("connectors", "list")}
    assert listed["greenhouse"]["source"] == "built in"
    assert listed["greenhouse"]["capabilities"]["field_token"] == "documented"
    shown = cli("connectors", "show", "herp", lang="ja").stdout
    assert "secret, required" in shown
    assert "発行します" in shown
    assert "there is no connector 'x'" in cli("connectors", "show", "x", code=2).stderr
    where = ["--into", str(tmp_path / "c"), "--tests-into", str(tmp_path / "t")]
    made = cli.data("connectors", "new", "acme_ats", "--title", "Acme ATS", *where)
    assert (tmp_path / "c" / "acme_ats" / "spec.py").exists()
    assert made["files"]
    assert "already there" in cli(
        "connectors", "new", "acme_ats", "--title", "Acme ATS", *where, code=2
    ).stderr  # fmt: skip
