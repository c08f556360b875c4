"""A company whose ATS exports CSV."""

from __future__ import annotations

import pytest

from careerrelay.engine.sheets.profiles import Profile, save_profile
from careerrelay.models.tables import Connection
from tests.support.world import World

from .files import COLUMNS

PROFILE = Profile("hrmos", COLUMNS)


@pytest.fixture
def connection(world: World) -> Connection:
    """Connected at the beginning of November; it is the 24th now."""
    world.connect("sheet", connector="csv_bridge", strategies=("static_link",), secrets={})
    with world.runtime.database.begin() as session:
        found = session.get_one(Connection, "sheet")
        _ = found.company
    save_profile(world.runtime, found, PROFILE, actor="test")
    world.clock.forward(days=20)
    return found
