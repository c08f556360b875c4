"""Deliveries that came to be owed together are done by one job, and none stands or falls with
another."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from careerrelay.engine import delivering, worker
from careerrelay.engine.service import TASKS, sweep
from careerrelay.engine.worker import Worker
from careerrelay.models.errors import ApiPermissionError, ApiRateLimitedError
from careerrelay.models.tables import Attempt, Delivery
from tests.engine.test_reading import arrive_together, rejected
from tests.support.world import World

PEOPLE = 6


@pytest.fixture
def arrived(world: World) -> World:
    """The rejections of PEOPLE came together, and each owes a link."""
    arrive_together(world, rejected(world, PEOPLE))
    return world


def states(world: World) -> list[str]:
    with world.runtime.database.read() as session:
        return sorted(session.scalars(select(Delivery.state)))


def failing_call(world: World, number: int, error: BaseException) -> None:
    """The vendor's answer to that call from now on."""
    until = len(world.vendor.calls) + number

    def trouble(_operation: str) -> None:
        if len(world.vendor.calls) == until:
            raise error

    world.vendor.trouble = trouble


def test_deliveries_owed_by_one_transaction_are_claimed_and_settled_together(
    arrived: World,
) -> None:
    commits: list[object] = []
    event.listen(arrived.runtime.database.engine, "commit", commits.append)
    assert arrived.work() == 2, "one job that reads, and one that delivers"
    assert len(commits) == 4, "a claim and an end for each"
    assert states(arrived) == ["done"] * PEOPLE
    assert len(arrived.vendor.fields) == PEOPLE


def test_one_that_fails_leaves_the_others_their_end(arrived: World) -> None:
    failing_call(arrived, 3, ApiPermissionError("said by the toy", connector="toy", operation="w"))
    arrived.work()
    assert states(arrived) == ["dead"] + ["done"] * (PEOPLE - 1)
    assert arrived.vendor.calls == ["write_link"] * PEOPLE


def test_an_account_that_wants_a_pause_is_left_alone_by_the_rest(arrived: World) -> None:
    wait = ApiRateLimitedError("later", connector="toy", operation="w", status=429, retry_after=30)
    failing_call(arrived, 3, wait)
    arrived.work()
    assert len(arrived.vendor.calls) == 3
    assert states(arrived) == ["done"] * 2 + ["due"] * 4
    arrived.clock.forward(seconds=35)
    arrived.work()
    assert states(arrived) == ["done"] * PEOPLE
    assert len(arrived.vendor.calls) == PEOPLE + 1


def test_a_slow_vendors_deliveries_get_jobs_of_their_own(
    arrived: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SPREAD_AFTER_SECONDS", 0)
    monkeypatch.setattr(worker, "BUSY", 100)
    assert arrived.work() == 2 + PEOPLE - 1
    assert states(arrived) == ["done"] * PEOPLE
    assert arrived.vendor.calls == ["write_link"] * PEOPLE
    with arrived.runtime.database.read() as session:
        ended = session.scalars(select(Attempt.outcome).where(Attempt.task == "deliver")).all()
    assert ended == ["done"] * PEOPLE


def test_a_process_that_is_busy_itself_keeps_the_rest_together(
    arrived: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SPREAD_AFTER_SECONDS", 0)
    monkeypatch.setattr(worker, "BUSY", 0)
    assert arrived.work() == 2
    assert states(arrived) == ["done"] * PEOPLE


def test_beside_many_such_jobs_the_rest_stays_together(
    arrived: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded = Worker(arrived.runtime, TASKS)
    crowded._busy.update(range(arrived.runtime.settings.work["threads"]))
    arrived.queue.start(crowded.run)
    monkeypatch.setattr(worker, "SPREAD_AFTER_SECONDS", 0)
    assert arrived.work() == 2
    assert states(arrived) == ["done"] * PEOPLE
    monkeypatch.setattr(worker, "CROWD_SECONDS", 0)
    arrived.connect("other")
    arrive_together(arrived, rejected(arrived, PEOPLE), to=("other",))
    assert arrived.work() == 1 + PEOPLE, "looked at anew for each"
    assert states(arrived) == ["done"] * 2 * PEOPLE
    assert arrived.vendor.calls == ["write_link"] * 2 * PEOPLE


def test_kill_in_the_middle_repeats_what_was_not_settled_and_nothing_else(arrived: World) -> None:
    failing_call(arrived, 4, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        arrived.work()
    arrived.queue.lose_everything()
    arrived.runtime.process_id = "the next process"
    for _ in range(3):
        arrived.clock.forward(seconds=300)
        sweep(arrived.runtime)
        arrived.work()
    assert states(arrived) == ["done"] * PEOPLE
    assert len(arrived.vendor.fields) == PEOPLE
    assert len(set(arrived.vendor.fields.values())) == PEOPLE


def test_what_cannot_be_settled_together_is_done_alone(
    arrived: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = delivering.settle_all

    def alone_only(session: Session, row: Any, ids: Any, now: Any, **values: Any) -> None:
        if len(ids) > 1:
            raise ValueError
        settle(session, row, ids, now, **values)

    monkeypatch.setattr(delivering, "settle_all", alone_only)
    arrived.work()
    assert states(arrived) == ["done"] * PEOPLE
    assert len(arrived.vendor.fields) == PEOPLE
