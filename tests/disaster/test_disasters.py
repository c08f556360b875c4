"""The database dies, the disk fills, the clock jumps, a worker falls asleep: nothing is lost,
doubled or put in the wrong order. ``make soak`` does the same for as long as wanted."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.disaster.nodes import wait_until
from tests.disaster.turmoil import Turmoil, crash, turmoil
from tests.support.postgres import PostgresServer, running_postgres

PEOPLE = 20
REGISTERING = 3
"""At each turn; they are told of before."""


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20261107)


@pytest.fixture(scope="module")
def durable_postgres() -> Iterator[PostgresServer]:
    """One that may be killed: with fsync, and nobody else's."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def embedded(tmp_path: Path, chance: random.Random) -> Iterator[Turmoil]:
    with turmoil(tmp_path, chance=chance) as made:
        yield made


@pytest.fixture
def grown(
    tmp_path: Path, durable_postgres: PostgresServer, chance: random.Random
) -> Iterator[Turmoil]:
    url = durable_postgres.create_database()
    with turmoil(tmp_path, url=url, chance=chance) as made:
        yield made


def test_postgresql_is_killed_under_load(
    grown: Turmoil, durable_postgres: PostgresServer, chance: random.Random
) -> None:
    with grown.sender.running(threads=4):
        for _ in range(2):
            grown.tell(PEOPLE)
            grown.register(REGISTERING)
            time.sleep(chance.uniform(0.2, 1.0))
            crash(durable_postgres, seconds=chance.uniform(0.0, 1.0))
    assert grown.settle().faults == []


def test_worker_that_begins_while_postgresql_is_away_ends_and_its_supervisor_begins_it_again(
    grown: Turmoil, durable_postgres: PostgresServer
) -> None:
    worker = grown.nodes[1]
    worker.kill()
    durable_postgres.kill()
    worker.start()
    wait_until(lambda: worker.has_ended, what="the worker gives up")
    durable_postgres.revive()
    with grown.sender.running(threads=4):
        grown.tell(PEOPLE)
    assert grown.settle().faults == []
    assert not worker.has_ended


def test_disk_is_full_for_a_while(embedded: Turmoil) -> None:
    with embedded.sender.running(threads=4):
        embedded.tell(PEOPLE)
        embedded.register(REGISTERING)
        with embedded.full_disk():
            before = embedded.refused()
            embedded.tell(PEOPLE)
            wait_until(lambda: embedded.refused() > before + 5, what="webhooks are refused")
            wait_until(lambda: not embedded.ready(), what="/readyz says so")
        wait_until(embedded.ready, what="/readyz says that it is over")
    assert embedded.settle().faults == []


def test_disk_of_postgresql_is_full_for_a_while(
    grown: Turmoil, durable_postgres: PostgresServer
) -> None:
    with grown.sender.running(threads=4):
        grown.tell(PEOPLE)
        grown.register(REGISTERING)
        with durable_postgres.full():
            before = grown.refused()
            grown.tell(PEOPLE)
            wait_until(lambda: grown.refused() > before + 5, what="webhooks are refused")
            wait_until(lambda: not grown.ready(), what="/readyz says so")
        wait_until(grown.ready, what="/readyz says that it is over")
    assert grown.settle().faults == []


@pytest.mark.parametrize("shape", ["embedded", "grown"])
def test_clock_jumps_an_hour_both_ways(shape: str, request: pytest.FixtureRequest) -> None:
    site: Turmoil = request.getfixturevalue(shape)
    with site.sender.running(threads=4):
        for seconds in (3600, -3600, 0):
            site.tell(PEOPLE // 2)
            site.register(REGISTERING)
            time.sleep(0.5)
            site.clockwork.jump(seconds)
            site.tell(PEOPLE // 2)
            time.sleep(0.5)
    assert site.settle().faults == []


def test_worker_sleeps_past_its_lease_and_wakes_among_its_heirs(grown: Turmoil) -> None:
    with grown.sender.running(threads=4):
        grown.tell(PEOPLE)
        grown.register(REGISTERING)
        with grown.one_asleep(grown.nodes[1], seconds=5):
            grown.tell(PEOPLE)
    assert grown.settle().faults == []


@pytest.mark.parametrize("shape", ["embedded", "grown"])
def test_keys_rotate_under_load(shape: str, request: pytest.FixtureRequest) -> None:
    """All is sealed under the new key at the end, and nothing was read or written with none."""
    site: Turmoil = request.getfixturevalue(shape)
    before = site.runtime.keys.current().sealing
    with site.sender.running(threads=4):
        site.tell(PEOPLE)
        site.register(REGISTERING)
        site.rotate_keys(settle=timedelta(seconds=3))
        site.tell(PEOPLE)
    after = site.runtime.keys.current().sealing
    assert len(after) == 1
    assert after != before
    assert site.settle().faults == []
