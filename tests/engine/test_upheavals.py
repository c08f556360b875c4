"""The store away, two processes at one row, a clock set back: work comes to its end, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import event, exc, select, text

from careerrelay.engine import polling, reading
from careerrelay.engine.cases import CaseFile
from careerrelay.engine.claims import claim
from careerrelay.engine.known import Known
from careerrelay.engine.queue import Job
from careerrelay.engine.service import PURGE_EVERY, TASKS, Service, _is_due, sweep
from careerrelay.engine.worker import RUNS_AT_ONCE, Worker
from careerrelay.models.candidates import Application, ApplicationState
from careerrelay.models.errors import ConflictError
from careerrelay.models.events import snapshot_event
from careerrelay.models.tables import (
    ApplicationRecord,
    Attempt,
    Base,
    Company,
    Connection,
    Delivery,
    Heartbeat,
    OwedWork,
    RelayLink,
    Signal,
)
from tests.support.world import World

AWAY = exc.OperationalError("SELECT", {}, Exception("person1@example.com"))
CONFLICT = exc.IntegrityError("INSERT", {}, Exception("person1@example.com"))


def the(world: World, kind: type[Base]) -> Any:
    with world.runtime.database.read() as session:
        return session.scalars(select(kind)).one()


def all_of(world: World, kind: type[OwedWork]) -> list[Any]:
    with world.runtime.database.read() as session:
        return list(session.scalars(select(kind)))


@contextmanager
def database_away(world: World) -> Iterator[None]:
    with patch.object(world.runtime.database, "begin", side_effect=AWAY):
        yield


def delivered(world: World, *errors: Exception) -> Any:
    """A first delivery; each call of it meets the next of these errors, as long as there are."""
    left = iter(errors)

    def trouble(_operation: str) -> None:
        for error in left:
            raise error

    world.vendor.trouble = trouble
    world.apply(1)
    world.work()
    return the(world, Delivery)


def taken(world: World) -> list[str]:
    """All signals, claimed by a run that comes to nothing more."""
    with world.runtime.database.begin() as session:
        ids = list(session.scalars(select(Signal.id)))
        assert claim(world.runtime, session, TASKS["read_signal"], ids, 1).mine == ids
    return ids


def test_database_that_hiccups_in_a_task_buries_nothing(world: World) -> None:
    delivery = delivered(world, AWAY)
    assert (delivery.state, delivery.error_code, delivery.failures) == ("due", "store", 1)
    assert "person1" not in delivery.error
    world.clock.forward(seconds=6)
    world.work()
    assert the(world, Delivery).state == "done"


def test_conflict_with_another_process_is_settled_at_once(world: World) -> None:
    """A delay would be counted by a clock that may run an hour ahead."""
    delivery = delivered(world, CONFLICT)
    assert (delivery.state, delivery.attempts, delivery.failures) == ("done", 2, 0)


def test_conflict_that_does_not_pass_waits_like_any_other_failure(world: World) -> None:
    delivery = delivered(world, *[CONFLICT] * RUNS_AT_ONCE)
    assert (delivery.state, delivery.attempts, delivery.failures) == ("due", RUNS_AT_ONCE, 1)
    assert delivery.due_at > world.clock()
    assert "person1" not in delivery.error


def test_database_away_for_longer_leaves_no_claim_behind_for_ever(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The process lives on, so nobody else may take over what it has let fall."""
    world.apply(1)
    with ExitStack() as outage:
        world.vendor.trouble = lambda _operation: outage.enter_context(database_away(world))
        world.work()
    world.vendor.trouble = lambda _operation: None
    assert the(world, Delivery).running_by == world.runtime.process_id
    assert "person1" not in str(capsys.readouterr())
    world.clock.forward(minutes=3)
    assert sweep(world.runtime) == 1
    world.work()
    done = the(world, Delivery)
    assert (done.state, done.crashes, done.running_by) == ("done", 0, None)
    with world.runtime.database.read() as session:
        assert all(session.scalars(select(Attempt.finished_at)))


def test_what_came_in_under_a_clock_ahead_and_was_cut_off_is_swept_by_the_right_one(
    world: World,
) -> None:
    world.clock.forward(hours=1)
    world.apply(1)
    world.clock.forward(hours=-1)
    taken(world)
    world.clock.forward(minutes=3)
    assert sweep(world.runtime) == 1
    world.work()
    assert "c1" in world.vendor.fields


def test_what_was_taken_under_a_clock_ahead_and_cut_off_is_swept_by_the_right_one(
    world: World,
) -> None:
    world.clock.forward(hours=1)
    world.apply(1)
    ids = taken(world)
    world.queue.lose_everything()
    world.clock.forward(hours=-1)
    world.runtime.running.update(ids)
    assert sweep(world.runtime) == 0, "it is still being read"
    world.runtime.running.clear()
    assert sweep(world.runtime) == 1
    world.work()
    assert "c1" in world.vendor.fields
    with world.runtime.database.read() as session:
        assert all(session.scalars(select(Attempt.finished_at)))


def test_what_came_in_under_a_clock_ahead_and_was_dropped_untaken_is_swept_by_the_right_one(
    world: World,
) -> None:
    world.clock.forward(hours=1)
    world.apply(1)
    with database_away(world):
        world.work()
    assert the(world, Signal).attempts == 0
    world.clock.forward(hours=-1)
    assert sweep(world.runtime) == 1
    world.work()
    assert the(world, Signal).state == "done"


def test_what_has_its_time_to_come_is_not_swept_before_it(world: World) -> None:
    """A notice that is held for a day, be it that no queue knows it any more."""
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").hold_days = 1
    world.connect("mailing", strategies=("own_mail",))
    world.tell(world.application(1, ApplicationState.REJECTED), connection="mailing")
    world.work()
    due = the(world, Delivery).due_at
    assert due > world.clock() + timedelta(hours=20)
    world.queue.lose_everything()
    world.service().keep()
    assert (sweep(world.runtime), the(world, Delivery).attempts) == (0, 0)
    world.clock.forward(seconds=(due - world.clock()).total_seconds() + 120)
    assert sweep(world.runtime) == 1


def test_process_that_died_under_a_clock_ahead_is_dead_by_the_right_one(world: World) -> None:
    world.apply(1)
    ahead = world.clock() + timedelta(hours=1)
    with world.runtime.database.begin() as session:
        session.add(Heartbeat(executor_id="gone", beat_at=ahead, host="h", pid=1))
        signal = session.scalars(select(Signal)).one()
        signal.running_by, signal.running_since = "gone", ahead
        signal.attempts = 1
    with world.runtime.database.begin() as session:
        found = claim(world.runtime, session, TASKS["read_signal"], [signal.id], 2)
        assert found.mine == [signal.id]


def test_sweep_leaves_alone_what_this_process_is_doing(world: World) -> None:
    swept = []

    def slow(_operation: str) -> None:
        world.clock.forward(minutes=10)
        swept.append(sweep(world.runtime))

    world.vendor.trouble = slow
    world.apply(1)
    world.work()
    assert swept == [0]
    assert the(world, Delivery).state == "done"


def test_failure_of_a_run_that_was_taken_over_leaves_the_new_run_its_claim(world: World) -> None:
    def lose_the_lease(_operation: str) -> None:
        with world.runtime.database.begin() as session:
            delivery = session.scalars(select(Delivery)).one()
            delivery.running_by = "another-process"
        raise ValueError

    world.vendor.trouble = lose_the_lease
    world.apply(1)
    world.work()
    delivery = the(world, Delivery)
    assert (delivery.state, delivery.running_by) == ("due", "another-process")


def run_at_once(world: World, *, count: int) -> None:
    """Every signal that is due, each read by a worker of its own, all at the same moment."""
    world.queue.lose_everything()
    ids = [signal.id for signal in all_of(world, Signal) if signal.state == "due"]
    barrier = threading.Barrier(count)
    read = TASKS["read_signal"].run

    def together(runtime: Any, id_: str) -> None:
        barrier.wait(timeout=30)
        read(runtime, id_)

    task = type(TASKS["read_signal"])("read_signal", Signal, together, calls_ats=True)
    worker = Worker(world.runtime, {**TASKS, "read_signal": task})
    threads = [
        threading.Thread(target=worker.run, args=(Job("read_signal", (id_,), 1),)) for id_ in ids
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def finish(world: World) -> None:
    for _ in range(3):
        world.clock.forward(seconds=10)
        world.work()
    assert {signal.state for signal in all_of(world, Signal)} == {"done"}


def test_first_signals_of_one_case_read_at_once_are_all_read(world: World) -> None:
    for _ in range(8):
        world.apply(1)
    run_at_once(world, count=8)
    world.clock.forward(minutes=3)
    sweep(world.runtime)
    finish(world)
    assert the(world, ApplicationRecord).external_id == "a1"
    assert the(world, Delivery).state == "done"


@pytest.mark.parametrize("truth", [ApplicationState.ACTIVE, ApplicationState.REJECTED])
@pytest.mark.parametrize("before", [True, False], ids=["known before", "never heard of"])
def test_two_states_of_one_moment_read_at_once_end_as_the_ats_says(
    world: World, truth: ApplicationState, *, before: bool
) -> None:
    """Neither worker sees what the other is about to record."""
    if before:
        world.apply(1)
        world.work()
        world.clock.forward(hours=1)
    states = [ApplicationState.ACTIVE, ApplicationState.REJECTED]
    for state in sorted(states, key=lambda state: state is truth):
        world.tell(world.application(1, state))
    both_have_looked = threading.Barrier(2)
    looked = reading.known

    def look(*asked: Any) -> Any:
        found = looked(*asked)
        with suppress(threading.BrokenBarrierError):
            both_have_looked.wait(timeout=5)
        return found

    with patch.object(reading, "known", look):
        run_at_once(world, count=2)
    finish(world)
    record = the(world, ApplicationRecord)
    assert record.state == truth.value
    assert (record.current_decision_id is not None) == (truth is ApplicationState.REJECTED)


def test_answer_of_the_ats_is_newer_only_than_what_was_known_at_the_asking(world: World) -> None:
    active = world.apply(1)
    world.work()
    asked = Known.of(the(world, ApplicationRecord))
    world.clock.forward(hours=1)
    rejected = world.application(1, ApplicationState.REJECTED, changed_at=active.changed_at)
    record_answer(world, rejected, asked=asked)
    with pytest.raises(ConflictError):
        record_answer(world, active, asked=asked)
    assert the(world, ApplicationRecord).state == "rejected"


def record_answer(world: World, application: Application, *, asked: Known) -> None:
    with world.runtime.database.begin() as session:
        cases = CaseFile(world.runtime, session, session.get_one(Connection, "toy"))
        cases.record(snapshot_event(application), asked=asked)


def test_two_cases_of_one_person_read_at_once_share_one_link(world: World) -> None:
    for number in range(4):
        application = world.application(number, ApplicationState.ACTIVE)
        world.tell(replace(application, candidate=replace(application.candidate, external_id="p")))
    run_at_once(world, count=4)
    world.clock.forward(minutes=3)
    sweep(world.runtime)
    finish(world)
    assert the(world, RelayLink).candidate_external_id == "p"


def test_sweep_reads_no_bodies(world: World) -> None:
    """A signal's body may have a megabyte, and five hundred of them are looked at."""
    world.apply(1)
    world.queue.lose_everything()
    world.clock.forward(minutes=3)
    asked: list[str] = []
    engine = world.runtime.database.engine
    event.listen(engine, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
    assert sweep(world.runtime) == 1
    assert not [statement for statement in asked if "body_sealed" in statement]


def test_poll_that_stumbles_is_shown_and_tried_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumble(_operation: str) -> None:
        raise KeyError("person1@example.com")

    polling.poll_now(world.runtime, "toy", at=world.clock())
    world.vendor.trouble = stumble
    assert polling.poll(world.runtime, "toy") == 0
    connection = the(world, Connection)
    assert connection.attention.startswith("KeyError at stumble:")
    assert connection.next_poll_at == world.clock() + polling.RETRY
    assert "person1" not in f"{connection.attention} {capsys.readouterr()}"


def test_queue_never_hears_of_an_exception(world: World) -> None:
    """It keeps the words of what a job raises, and they may hold a person's data."""
    with database_away(world):
        Service(world.runtime).run(Job("read_signal", ("x",), 1))


def test_database_errors_do_not_quote_what_was_to_be_stored(world: World) -> None:
    """PostgreSQL itself still may, in its details; so no log of ours repeats any such error."""
    statement = text("SELECT no_such_column WHERE 'x' = :address")
    with world.runtime.database.read() as session, pytest.raises(exc.DBAPIError) as caught:
        session.execute(statement, {"address": "person1@example.com"})
    assert "person1" not in str(caught.value)


@pytest.mark.parametrize(
    ("passed", "due"),
    [
        (timedelta(hours=23), False),
        (timedelta(hours=24), True),
        (timedelta(), False),
        (timedelta(hours=-1), True),
    ],
)
def test_upkeep_goes_on_after_the_clock_was_set_back(
    world: World, passed: timedelta, due: bool
) -> None:
    assert _is_due(world.clock(), PURGE_EVERY, world.clock() + passed) is due
