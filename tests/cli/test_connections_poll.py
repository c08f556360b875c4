"""``careerrelay connections poll``: now instead of when it is due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from careerrelay.engine import polling
from careerrelay.models.tables import Connection
from tests.cli.conftest import CommandLine
from tests.support.world import World


def test_poll_by_command_is_made_by_whoever_works_the_queue(cli: CommandLine, world: World) -> None:
    assert "is polled now" in cli("connections", "poll", "toy").stdout
    assert world.vendor.calls == []
    assert polling.submit_due(world.runtime) == 1
    world.work()
    assert world.vendor.calls == ["poll"]


def test_pause_that_the_ats_demanded_is_kept(cli: CommandLine, world: World) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "toy").paused_until = world.clock() + timedelta(hours=1)
    assert "after the pause, at 04:00 UTC" in cli("connections", "poll").stdout
    assert polling.submit_due(world.runtime) == 0


def test_past_pause_is_no_pause(cli: CommandLine, world: World) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "toy").paused_until = world.clock() - timedelta(hours=1)
    assert "is polled now" in cli("connections", "poll").stdout


def test_ats_that_cannot_be_polled_is_said_so(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.cli.connections_poll.can_poll", lambda _connection: False)
    assert "Toy ATS" in cli("connections", "poll", "toy", code=1).stderr


def test_unknown_connection_is_named(cli: CommandLine) -> None:
    assert "nowhere" in cli("connections", "poll", "nowhere", code=1).stderr
