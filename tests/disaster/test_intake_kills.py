"""kill -9 of the intake under load, a few times; ``make bench ARGS=kills`` does it twenty times."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import kills
from tests.support.postgres import PostgresServer

KILLS = 2


@pytest.mark.parametrize("name", ["SQLite", "PostgreSQL"])
def test_what_was_acknowledged_is_stored_and_each_signal_has_its_job(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = ""
    if name == "PostgreSQL":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create_database()
    found = kills.compare(tmp_path, {name: url}, kills=KILLS)
    assert [line.name for line in found if not line.ok] == []
    assert len(found) == 3
