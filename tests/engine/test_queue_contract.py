"""The port's contract: in memory, and on DBOS with both databases, each really launched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from careerrelay.engine.queue import InlineQueue
from careerrelay.models.database import Database
from tests.engine import queue_contract
from tests.engine.queue_children import child, with_tables
from tests.support.databases import sqlite_copy
from tests.support.postgres import PostgresServer
from tests.support.world import Clock

Results = dict[str, Any]
QUEUES = ("in memory", "DBOS on SQLite", "DBOS on PostgreSQL")


@dataclass
class InlineStage:
    """The queue in memory, with a clock that is moved by hand."""

    queue: InlineQueue
    database: Database
    clock: Clock

    def now(self) -> datetime:
        return self.clock()

    def wait(self, ready: Callable[[], bool]) -> None:
        for _ in range(10):
            self.queue.drain()
            if ready():
                return
            self.clock.forward(seconds=1)

    def calm(self) -> None:
        self.clock.forward(seconds=1)
        self.queue.drain()


def in_memory(url: str) -> Results:
    found: Results = {}
    for scenario in queue_contract.SHARED:
        clock, database = Clock(), Database(url)
        stage = InlineStage(InlineQueue(clock), database, clock)
        found[scenario.__name__] = scenario(stage)
        database.close()
    return found


@pytest.fixture(scope="module")
def _results() -> dict[str, Results]:
    return {}


@pytest.fixture(params=QUEUES)
def seen(
    request: pytest.FixtureRequest,
    _results: dict[str, Results],
    _sqlite_template: Path,
    tmp_path: Path,
) -> Results:
    """What the scenarios saw on one queue; run once per queue, all in one process."""
    if request.param not in _results:
        _results[request.param] = _run(request.param, request, _sqlite_template, tmp_path)
    return _results[request.param]


def _run(kind: str, request: pytest.FixtureRequest, template: Path, folder: Path) -> Results:
    if kind == "DBOS on PostgreSQL":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name: str = request.getfixturevalue("_postgres_template")
        url = server.create_database(template=name)
    else:
        url = sqlite_copy(template, folder / "queue.db")
    if kind == "in memory":
        return in_memory(url)
    names = ",".join(scenario.__name__ for scenario in queue_contract.SHARED)
    return child(names, with_tables(url), folder / "seen").result()


def test_work_of_a_transaction_that_rolled_back_does_not_exist(seen: Results) -> None:
    assert seen["rolled_back"] == ["task:committed:1"]


def test_the_same_key_thrice_runs_once_also_after_it_ran(seen: Results) -> None:
    assert seen["one_key_thrice"] == ["task:a:1", "task:a:2"]


def test_delayed_work_waits_and_is_overtaken(seen: Results) -> None:
    assert seen["delayed"] == [["task:now:1", "task:later:1"], True]


def test_a_job_arrives_as_it_was_submitted(seen: Results) -> None:
    assert seen["several_subjects"] == [["task", ["a", "b", "c"], 7, "account"]]


def test_waiting_and_delayed_work_is_alive_and_done_or_unknown_work_is_not(seen: Results) -> None:
    assert seen["alive"] == [["task:sleeps:1", "task:waits:1"], ["task:sleeps:1"], []]


def test_a_line_tells_since_when_its_oldest_job_waits(seen: Results) -> None:
    assert seen["waiting_since"] == [{"held": True}, {}]
