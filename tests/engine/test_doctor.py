"""Doctor below the command line: order, and that nothing it meets is an exception."""

from __future__ import annotations

from pathlib import Path

from careerrelay.engine.config import load
from careerrelay.engine.doctor import OPERATOR_FIELDS, examine
from careerrelay.engine.findings import Status
from careerrelay.models.errors import ConfigurationError


def test_settings_that_do_not_load_are_the_only_finding() -> None:
    def broken():
        raise ConfigurationError("[server] port: must be a number")

    found = list(examine(broken))
    assert [(f.area, f.status) for f in found] == [("settings", Status.FAIL)]


def test_nothing_at_all_is_findings_and_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "nothing"
    found = list(examine(lambda: load(environ={"CAREERRELAY_STORE_FOLDER": str(folder)})))
    assert [f.area for f in found if f.status is Status.FAIL] == ["keys"]
    assert not folder.exists()


def test_a_database_that_cannot_be_reached_is_a_finding(tmp_path: Path) -> None:
    from careerrelay.engine.keys import KeyFile

    KeyFile(tmp_path / "keys.toml").create()
    environ = {
        "CAREERRELAY_STORE_FOLDER": str(tmp_path),
        "CAREERRELAY_STORE_URL": "postgresql://u:hidden-pass@127.0.0.1:1/none",
    }
    found = [f for f in examine(lambda: load(environ=environ)) if f.area == "database"]
    assert [f.status for f in found] == [Status.FAIL]
    assert "hidden-pass" not in str(found)


def test_what_the_page_must_name_are_settings() -> None:
    assert set(OPERATOR_FIELDS) <= set(load(environ={}).operator)
