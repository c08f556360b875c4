"""Profiles: suggested by headings, checked, found again."""

from __future__ import annotations

import pytest

from careerrelay.connectors.registry import connector_class
from careerrelay.engine.sheets.opening import preview
from careerrelay.engine.sheets.profiles import (
    Profile,
    check_profile,
    fitting_profile,
    profiles_of,
    reading_spec,
    remove_profile,
    suggested_columns,
)
from careerrelay.engine.sheets.reader import open_sheet
from careerrelay.models.errors import ConfigurationError, NotFoundError
from careerrelay.models.tables import Connection
from tests.support.world import World

from .conftest import PROFILE
from .files import COLUMNS, HEADINGS, csv_file, person


def test_profiles_are_suggested_checked_and_found(world: World, connection: Connection) -> None:
    spec = reading_spec(connection)
    file = csv_file([person(1)])
    sheet = open_sheet(file, known=HEADINGS)
    assert suggested_columns(spec, sheet) == COLUMNS
    assert preview(file, sheet, COLUMNS).words == {"status": {"不合格": 1}}
    assert fitting_profile([PROFILE, Profile("b", COLUMNS)], sheet) is None
    assert fitting_profile([PROFILE, Profile("b", {"email": "メールアドレス"})], sheet) is PROFILE
    assert [p.name for p in profiles_of(world.runtime, "acme")] == ["hrmos"]
    with pytest.raises(NotFoundError):
        remove_profile(world.runtime, "acme", "other", actor="test")


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (Profile("", COLUMNS), "name of a profile"),
        (Profile("p", {**COLUMNS, "salary": "年収"}), "salary is unknown"),
        (Profile("p", {**COLUMNS, "given_name": "氏 名"}), "two columns"),
        (Profile("p", {"status": "選考ステータス"}), "application_id"),
        (Profile("p", {"email": "メール", "ended_on": "終了日"}), "status"),
        (Profile("p", {"email": "メール", "status": "状態"}), "ended_on"),
        (Profile("p", COLUMNS, statuses={"不合格": "bad"}), "status means one of"),
        (Profile("p", COLUMNS, reasons={"x" * 61: "company"}), "closed list"),
    ],
)
def test_profiles_that_cannot_work_are_refused(profile: Profile, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        check_profile(connector_class("csv_bridge").spec, profile)
