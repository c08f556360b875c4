"""init, database and settings: from nothing to an installation, and what is told on the way."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from careerrelay.engine import connections as connections_module
from careerrelay.models.database import Database
from tests.cli.conftest import BOTH, CommandLine, write_settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_init_makes_a_private_folder_and_key_file_and_says_what_next(fresh: CommandLine) -> None:
    answer = fresh("init")
    folder = fresh.config.parent / "data"
    assert mode(folder) == 0o700
    assert mode(folder / "keys.toml") == 0o600
    assert "careerrelay company add" in answer.stdout


def test_init_may_run_again_and_changes_nothing(fresh: CommandLine) -> None:
    assert all(step["made"] for step in fresh.data("init")["steps"])
    keys = (fresh.config.parent / "data" / "keys.toml").read_bytes()
    assert not any(step["made"] for step in fresh.data("init")["steps"])
    assert (fresh.config.parent / "data" / "keys.toml").read_bytes() == keys


@BOTH
def test_init_makes_the_engines_tables_too(database_url: str, tmp_path: Path) -> None:
    sections = {"store": {"folder": str(tmp_path / "data"), "url": database_url}}
    cli = CommandLine(write_settings(tmp_path / "careerrelay.toml", sections))
    cli("init")
    assert cli.data("database", "check") == {"ok": True, "revision": head(database_url)}


def head(url: str) -> str | None:
    database = Database(url)
    try:
        return database.head()
    finally:
        database.close()


def test_a_lost_key_file_is_not_replaced_while_data_are_sealed_with_it(fresh: CommandLine) -> None:
    """A fresh key would start the server and make everything stored unreadable for good."""
    fresh("init")
    fresh("company", "add", "acme", "--name", "Acme")
    (fresh.config.parent / "data" / "keys.toml").unlink()
    assert "restore the key file" in fresh("init", code=1).stderr


def test_commands_before_init_say_so(fresh: CommandLine) -> None:
    assert "run 'careerrelay init'" in fresh("company", "list", code=2).stderr


def test_an_older_database_is_not_used_before_it_is_upgraded(fresh: CommandLine) -> None:
    fresh("init")
    with sqlite3.connect(fresh.config.parent / "data" / "careerrelay.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    connection.close()
    assert "database upgrade" in fresh("company", "list", code=2).stderr


def test_a_key_file_that_others_may_read_is_refused(fresh: CommandLine) -> None:
    fresh("init")
    keys = fresh.config.parent / "data" / "keys.toml"
    keys.chmod(0o644)
    assert f"chmod 600 {keys}" in fresh("company", "list", code=2).stderr
    assert f"chmod 600 {keys}" in fresh("company", "list", code=2, lang="ja").stderr


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("server", "port", 70_000),
        ("server", "base_url", "relay.example.jp"),
        ("server", "locale", "fr"),
        ("server", "no_such_setting", 1),
        ("store", "url", "mysql://db"),
        ("mail", "security", "ssl"),
        ("work", "threads", 0),
        ("work", "embedded", "perhaps"),
        ("retention", "signal_days", "many"),
        ("role", "name", "guest"),
    ],
)
def test_a_wrong_setting_is_named_with_its_section_and_file(
    tmp_path: Path, section: str, name: str, value: Any
) -> None:
    cli = CommandLine(write_settings(tmp_path / "wrong.toml", {section: {name: value}}))
    error = cli("init", code=2).stderr
    assert section in error
    assert name in error
    assert error.count("\n") == 1
    if (section, name) != ("store", "url"):
        assert "wrong.toml" in error


def test_a_settings_file_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "careerrelay.toml"
    assert "does not exist" in CommandLine(path)("init", code=2).stderr
    path.write_text("[server\n")
    assert "is not TOML" in CommandLine(path)("init", code=2).stderr
    path.write_text("[nonsense]\n")
    assert "unknown section [nonsense]" in CommandLine(path)("init", code=2).stderr


def test_backup_is_a_whole_private_copy_and_overwrites_nothing(fresh: CommandLine) -> None:
    fresh("init")
    fresh("company", "add", "acme", "--name", "Acme")
    target = fresh.config.parent / "copy.db"
    assert fresh.data("database", "backup", str(target))["bytes"] == target.stat().st_size
    assert mode(target) == 0o600
    with sqlite3.connect(target) as connection:
        assert connection.execute("SELECT id FROM companies").fetchall() == [("acme",)]
    connection.close()
    assert "name another file" in fresh("database", "backup", str(target), code=1).stderr


def test_backup_without_a_target_goes_into_the_data_folder(fresh: CommandLine) -> None:
    fresh("init")
    path = Path(fresh.data("database", "backup")["path"])
    assert path.parent == fresh.config.parent / "data" / "backups"


def test_postgresql_is_copied_by_its_own_tools(postgresql_url: str, tmp_path: Path) -> None:
    sections = {"store": {"folder": str(tmp_path / "data"), "url": postgresql_url}}
    cli = CommandLine(write_settings(tmp_path / "careerrelay.toml", sections))
    cli("init")
    target = tmp_path / "copy.db"
    assert "pg_dump" in cli("database", "backup", str(target), code=2).stderr
    assert not target.exists()


def test_a_damaged_database_fails_the_check(fresh: CommandLine) -> None:
    fresh("init")
    path = fresh.config.parent / "data" / "careerrelay.db"
    content = bytearray(path.read_bytes())
    content[8192:200_000] = os.urandom(200_000 - 8192)
    path.write_bytes(content)
    assert fresh("database", "check", code=2).stderr.count("\n") == 1


def test_upgrade_is_done_once(fresh: CommandLine) -> None:
    assert "keys.toml" in fresh("database", "upgrade", code=2).stderr
    fresh("init")
    assert fresh.data("database", "upgrade")["made"] is False


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    url = "postgresql://nobody:pass-word-x@127.0.0.1:1/none"
    sections = {"store": {"folder": str(tmp_path / "data"), "url": url}}
    cli = CommandLine(write_settings(tmp_path / "careerrelay.toml", sections))
    error = cli("init", code=2).stderr
    assert "[store] url" in error
    assert "pass-word-x" not in error


def test_a_bug_is_told_by_place_without_trace_or_values(
    fresh: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh("init")

    def broken(*_args: Any, **_kwargs: Any) -> None:
        raise KeyError("taro@example.com")

    monkeypatch.setattr(connections_module, "select", broken)
    error = fresh("connections", "list", code=1).stderr
    assert "KeyError at test_setup.py" in error
    assert "taro" not in error


def test_slots_without_companies_are_not_found(fresh: CommandLine) -> None:
    fresh("init")
    assert "no company yet" in fresh("slots", "show", code=1).stderr
