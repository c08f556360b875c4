"""The calls of a month that a company leaves to us: counted once for all, and told when used up."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from careerrelay.connectors.http import HttpClient
from careerrelay.connectors.limits import Limiter
from careerrelay.connectors.spec import RateLimit
from careerrelay.connectors.usual import optional
from careerrelay.engine import doctor_connections, polling
from careerrelay.engine.call_budgets import MonthlyCalls, budget_of, next_month
from careerrelay.engine.connections import ConnectionPlan, change_connection
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.database import Database
from careerrelay.models.errors import CallsUsedUpError
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import CallMonth, Connection, Delivery
from tests.support.toy import ToyConnector
from tests.support.world import World

DEFAULT = "40"
SPEC = replace(
    ToyConnector.spec,
    rate_limit=RateLimit(1000, 1, monthly="monthly_calls"),
    settings=(
        *ToyConnector.spec.settings,
        optional("monthly_calls", "How many.", "回数。", default=DEFAULT),
    ),
)


class Anytime(Limiter):
    """A pace that never waits."""

    def wait(self, *, at_most: float) -> float:
        return 0.0


def calls_of(world: World, database: Database | None = None) -> MonthlyCalls:
    database = database or world.runtime.database
    return MonthlyCalls(database, "toy", SPEC, pace=Anytime(), clock=world.clock)


def made(limiter: MonthlyCalls, tries: int) -> int:
    """How many of so many calls are let through."""
    done = 0
    for _ in range(tries):
        try:
            limiter.wait(at_most=0)
        except CallsUsedUpError:
            continue
        done += 1
    return done


def allow(world: World, number: str) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "toy").settings = {"monthly_calls": number}


def test_processes_and_restarts_share_the_months_calls(world: World) -> None:
    """Each with connections of its own, all at once."""
    url = world.runtime.settings.database_url
    processes = [Database(url) for _ in range(2)]
    start = threading.Barrier(4)

    def call(process: Database) -> int:
        start.wait(30)
        return made(calls_of(world, process), 15)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(call, processes * 2)) == int(DEFAULT)
    for process in processes:
        process.close()
    restarted = Database(url)
    assert made(calls_of(world, restarted), 3) == 0
    restarted.close()


def test_a_new_month_begins_at_nothing_and_a_clock_that_is_behind_begins_none(
    world: World,
) -> None:
    world.clock.now = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
    behind = world.clock()
    allow(world, "3")
    assert made(calls_of(world), 5) == 3
    world.clock.forward(seconds=1)
    assert made(calls_of(world), 2) == 2
    world.clock.now = behind
    assert made(calls_of(world), 5) == 1
    with world.runtime.database.read() as session:
        row = session.scalars(select(CallMonth)).one()
    assert (row.month, row.calls) == ("2026-12", 3)


def test_a_higher_number_helps_at_once_and_a_lower_one_stops(world: World) -> None:
    allow(world, "2")
    assert made(calls_of(world), 3) == 2
    allow(world, "4")
    assert made(calls_of(world), 3) == 2
    allow(world, "1")
    assert made(calls_of(world), 3) == 0
    with world.runtime.database.read() as session:
        budget = budget_of(session, "toy", SPEC, world.clock())
        assert budget is not None
        assert budget.left == 0
        assert budget_of(session, "toy", ToyConnector.spec, world.clock()) is None


@pytest.mark.parametrize(
    ("now", "begins"),
    [("2026-01-31T12:00", "2026-02-01"), ("2026-12-01T00:00", "2027-01-01")],
)
def test_next_month_begins_on_its_first(now: str, begins: str) -> None:
    found = next_month(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(begins).replace(tzinfo=UTC)


@pytest.fixture
def budgeted(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The toy ATS, whose every call passes the limiter of the runtime's client."""
    cls = type(world.runtime.connector(connection(world)))
    monkeypatch.setattr(cls, "spec", SPEC)
    world.runtime._clients.clear()
    client: HttpClient = world.runtime.connector(connection(world)).http
    limiter = client._limiter
    assert isinstance(limiter, MonthlyCalls)

    def pass_limiter(_operation: str) -> None:
        limiter.wait(at_most=0)

    world.vendor.trouble = pass_limiter
    return world


def connection(world: World) -> Connection:
    with world.runtime.database.read() as session:
        return session.get_one(Connection, "toy")


def hint(world: World, number: int) -> None:
    case = world.application(number, ApplicationState.REJECTED)
    kind = EventKind.CHANGED
    world.hear(ApplicationEvent(kind, world.clock(), case.external_id, f"c{number}"))


def test_used_up_calls_are_told_once_and_what_is_owed_goes_on_next_month(budgeted: World) -> None:
    allow(budgeted, "2")
    for number in range(4):
        hint(budgeted, number)
        budgeted.work()
    polling.poll(budgeted.runtime, "toy")
    told = connection(budgeted)
    assert told.attention is not None
    assert "monthly_calls" in told.attention
    assert told.paused_until == next_month(budgeted.clock())
    asked = len(budgeted.vendor.calls)
    for _ in range(3):
        budgeted.clock.forward(days=1)
        budgeted.work()
    assert len(budgeted.vendor.calls) == asked, "nobody asks before the month is over"
    allow(budgeted, DEFAULT)
    budgeted.clock.now = next_month(budgeted.clock()) + timedelta(hours=2)
    for _ in range(3):
        budgeted.work()
        budgeted.clock.forward(hours=2)
    assert connection(budgeted).attention is None
    with budgeted.runtime.database.read() as session:
        assert {d.state for d in session.scalars(select(Delivery))} == {"done"}
        assert len(session.scalars(select(Delivery)).all()) == 4


def test_work_goes_on_within_the_hour_after_a_higher_number(budgeted: World) -> None:
    allow(budgeted, "1")
    for number in range(2):
        hint(budgeted, number)
        budgeted.work()
    budgeted.clock.forward(minutes=10)
    budgeted.work()
    plan = ConnectionPlan(settings={"monthly_calls": "50"})
    change_connection(budgeted.runtime, "toy", plan=plan, actor="test")
    budgeted.clock.forward(hours=1, minutes=15)
    for _ in range(3):
        budgeted.work()
    with budgeted.runtime.database.read() as session:
        assert len(session.scalars(select(Delivery).where(Delivery.state == "done")).all()) == 2


def test_doctor_and_metrics_say_how_much_is_left(budgeted: World) -> None:
    allow(budgeted, "10")
    found = {}
    for calls in (5, 4):
        made(calls_of(budgeted), calls)
        (told,) = doctor_connections._budget(budgeted.runtime, connection(budgeted), SPEC)
        found[told.detail] = told.status.value
    assert found == {"5 of 10 made in this month": "ok", "9 of 10 made in this month": "hint"}
    with budgeted.runtime.database.read() as session:
        assert budgeted.runtime.calls_left(session, connection(budgeted), SPEC) == 1
