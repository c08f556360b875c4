"""Failures of the vendor and of ourselves: tried again, parked, or dead and visible; never lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from careerrelay.connectors.registry import connector_classes
from careerrelay.engine.claims import PARKED, gate
from careerrelay.engine.ingest import READ_SIGNALS
from careerrelay.engine.queue import Job
from careerrelay.engine.replay import owe_again
from careerrelay.engine.service import TASKS, sweep
from careerrelay.engine.worker import BACKOFF, Worker
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import (
    ApiAuthenticationError,
    ApiError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiUnavailableError,
)
from careerrelay.models.tables import Attempt, Connection, Delivery, Signal
from tests.support.world import World


def fail_with(error: type[ApiError], **values: Any) -> Callable[[str], None]:
    def trouble(operation: str) -> None:
        raise error("said by the toy", connector="toy", operation=operation, **values)

    return trouble


def calm(_operation: str) -> None:
    """No trouble any more."""


def the_delivery(world: World) -> Delivery:
    with world.runtime.database.read() as session:
        return session.scalars(select(Delivery)).one()


def test_outage_is_tried_again_until_it_is_over(world: World) -> None:
    world.vendor.trouble = fail_with(ApiUnavailableError)
    world.apply(1)
    world.work()
    assert the_delivery(world).state == "due"
    world.vendor.trouble = calm
    assert world.work() == 0, "not before the back-off"
    world.clock.forward(seconds=6)
    world.work()
    assert the_delivery(world).state == "done"


def test_outage_of_days_ends_dead_visible_and_replayable(world: World) -> None:
    world.vendor.trouble = fail_with(ApiUnavailableError)
    world.apply(1)
    world.work()
    for _ in BACKOFF:
        world.clock.forward(hours=27)
        world.work()
    dead = the_delivery(world)
    assert (dead.state, dead.error_code) == ("dead", "api_unavailable")
    with world.runtime.database.read() as session:
        attempts = session.scalars(select(Attempt).where(Attempt.task == "deliver")).all()
    assert len(attempts) == len(BACKOFF) + 1
    assert all(attempt.finished_at for attempt in attempts)


def test_missing_permission_is_dead_at_once_and_says_which(world: World) -> None:
    world.vendor.trouble = fail_with(ApiPermissionError, status=403)
    world.apply(1)
    world.work()
    dead = the_delivery(world)
    assert (dead.state, dead.error_code, dead.error) == (
        "dead",
        "api_permission",
        "said by the toy",
    )


def test_retry_after_pauses_the_whole_account_and_costs_no_failure(world: World) -> None:
    world.vendor.trouble = fail_with(ApiRateLimitedError, status=429, retry_after=30.0)
    world.apply(1)
    world.work()
    world.vendor.trouble = calm
    world.apply(2)
    world.work()
    assert world.vendor.fields == {}
    world.clock.forward(seconds=35)
    world.work()
    assert set(world.vendor.fields) == {"c1", "c2"}
    with world.runtime.database.read() as session:
        assert [d.failures for d in session.scalars(select(Delivery))] == [0, 0]


def test_refused_credentials_park_the_account_and_it_mends_by_itself(world: World) -> None:
    world.vendor.trouble = fail_with(ApiAuthenticationError, status=401)
    for number in range(3):
        world.apply(number)
    world.work()
    with world.runtime.database.read() as session:
        assert session.get_one(Connection, "toy").attention == "said by the toy"
    world.vendor.trouble = calm
    for _ in range(3):
        world.clock.forward(minutes=7)
        world.work()
    assert len(world.vendor.fields) == 3
    with world.runtime.database.read() as session:
        assert session.get_one(Connection, "toy").attention is None


def parked(world: World, *, number: int) -> None:
    """So many deliveries of an account that refuses our credentials."""
    for n in range(number):
        world.apply(n)
    world.vendor.trouble = fail_with(ApiAuthenticationError, status=401)
    world.work()


def test_a_broken_account_is_told_once_and_tried_by_one_at_a_time(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    parked(world, number=5)
    assert capsys.readouterr().out.count("connection_parked") == 1
    for _ in range(3):
        world.vendor.calls.clear()
        world.clock.forward(minutes=6)
        world.work()
        assert world.vendor.calls == ["write_link"]
    assert "connection_parked" not in capsys.readouterr().out


def test_of_two_processes_at_once_one_tries_a_parked_account(world: World) -> None:
    parked(world, number=1)
    world.clock.forward(minutes=6)
    now = world.clock()
    with world.runtime.database.begin() as session:
        assert gate(session, ["toy"], now) == {}
        assert gate(session, ["toy"], now) == {"toy": PARKED}


def test_a_mended_account_lets_all_that_waited_through(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    parked(world, number=5)
    world.vendor.trouble = calm
    world.clock.forward(minutes=6)
    world.work()
    world.clock.forward(minutes=6)
    world.work()
    assert len(world.vendor.fields) == 5
    assert capsys.readouterr().out.count("connection_mended") == 1
    with world.runtime.database.read() as session:
        assert session.get_one(Connection, "toy").paused_until is None


def test_signed_webhooks_are_read_while_the_account_is_broken(world: World) -> None:
    parked(world, number=1)
    world.clock.forward(seconds=1)
    world.reject(2)
    world.vendor.calls.clear()
    world.work()
    assert world.vendor.calls == []
    with world.runtime.database.read() as session:
        signals = session.scalars(select(Signal)).all()
        assert {signal.state for signal in signals} == {"done"}


def test_a_hint_waits_with_the_account_it_must_be_asked_at(world: World) -> None:
    world.connect("hinted", connector="hint")
    found = world.application(1, ApplicationState.REJECTED)
    world.vendor.trouble = fail_with(ApiRateLimitedError, status=429, retry_after=60.0)
    world.tell(found, connection="hinted")
    world.work()
    world.vendor.calls.clear()
    world.tell(found, connection="hinted")
    world.work()
    assert world.vendor.calls == []
    world.vendor.trouble = calm
    world.clock.forward(seconds=70)
    world.work()
    with world.runtime.database.read() as session:
        signals = session.scalars(select(Signal)).all()
        assert [signal.state for signal in signals] == ["done", "done"]


def test_bug_buries_the_work_without_telling_its_message(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def trouble(_operation: str) -> None:
        raise ValueError("person1@example.com 応募 太郎")

    world.vendor.trouble = trouble
    world.apply(1)
    world.work()
    dead = the_delivery(world)
    assert (dead.state, dead.error_code) == ("dead", "bug")
    shown = f"{dead.error} {capsys.readouterr()}"
    assert "person1" not in shown
    assert "太郎" not in shown


def test_work_cut_off_by_kills_is_taken_up_after_growing_pauses_and_at_last_buried(
    world: World,
) -> None:
    class Killed(BaseException):
        """As good as kill -9: nothing after it runs."""

    def die(_operation: str) -> None:
        raise Killed

    world.vendor.trouble = die
    world.apply(1)
    with pytest.raises(Killed):
        world.work()
    delivery = the_delivery(world)
    for pause in (0, 2, 4, 8, 16):
        world.runtime.process_id = f"process-{pause}"
        again = Job("deliver", (delivery.id,), the_delivery(world).attempts)
        if pause:
            Worker(world.runtime, TASKS).run(again)
            assert the_delivery(world).due_at == world.clock() + timedelta(seconds=pause)
            again = replace(again, attempt=again.attempt + 1)
        with pytest.raises(Killed):
            Worker(world.runtime, TASKS).run(again)
    world.runtime.process_id = "process-last"
    Worker(world.runtime, TASKS).run(again)
    assert (the_delivery(world).state, the_delivery(world).error_code) == ("dead", "crashed")


def test_queue_that_forgot_everything_is_filled_again_from_the_rows(world: World) -> None:
    world.apply(1)
    world.queue.lose_everything()
    assert world.work() == 0
    world.clock.forward(minutes=3)
    assert sweep(world.runtime) == 1
    world.work()
    assert "c1" in world.vendor.fields


def test_sweep_leaves_alone_what_the_queue_still_knows(world: World) -> None:
    world.apply(1)
    world.clock.forward(minutes=3)
    assert sweep(world.runtime) == 0
    world.work()
    with world.runtime.database.read() as session:
        assert [s.state for s in session.scalars(select(Signal))] == ["done"]
    assert world.vendor.calls == ["write_link"]


def test_sweep_leaves_alone_what_waits_in_a_job_of_several_behind_a_long_line(
    world: World,
) -> None:
    """The job is named after the first of them; the others have no key that the queue knows."""
    for number in (1, 2, 3):
        world.apply(number)
    world.queue.lose_everything()
    with world.runtime.database.begin() as session:
        ids = tuple(session.scalars(select(Signal.id)))
        world.queue.submit(session, Job("read_signal", ids, 1, "toy"))
    world.clock.forward(minutes=3)
    assert sweep(world.runtime) == 0
    world.queue.lose_everything()
    assert sweep(world.runtime) == 3


def test_replayed_signal_does_nothing_twice(world: World) -> None:
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    calls = list(world.vendor.calls)
    with world.runtime.database.begin() as session:
        for signal in session.scalars(select(Signal)).all():
            owe_again(world.runtime, session, READ_SIGNALS, signal)
    world.clock.forward(minutes=1)
    assert world.work() >= 1
    with world.runtime.database.read() as session:
        signals = session.scalars(select(Signal)).all()
    assert [(signal.state, signal.attempts > 1) for signal in signals] == [("done", True)] * 2
    assert world.vendor.calls == calls


def test_two_runs_of_one_job_do_the_work_once(world: World) -> None:
    world.apply(1)
    world.work()
    delivery = the_delivery(world)
    Worker(world.runtime, TASKS).run(Job("deliver", (delivery.id,), 1))
    Worker(world.runtime, TASKS).run(Job("deliver", (delivery.id,), 2))
    assert world.vendor.calls.count("write_link") == 1


def test_back_off_lasts_about_three_days() -> None:
    assert timedelta(days=3) < sum(BACKOFF, timedelta()) < timedelta(days=3.5)


def test_connectors_are_imported_before_the_first_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by all threads at once at their first one, each under the other's import lock."""
    known: list[int] = []
    monkeypatch.setattr(
        world.queue, "start", lambda _run: known.append(connector_classes.cache_info().currsize)
    )
    connector_classes.cache_clear()
    service = world.service()
    service.start()
    service.stop()
    assert known == [1]


def test_stop_after_a_start_that_failed_leaves_that_failure_to_be_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as when the database goes away between the first heartbeat and the queue's launch."""
    away = OperationalError("SELECT 1", None, ConnectionError("away"))
    monkeypatch.setattr(world.queue, "start", Mock(side_effect=away))
    service = world.service()
    with pytest.raises(OperationalError):
        service.start()
    service.stop()
