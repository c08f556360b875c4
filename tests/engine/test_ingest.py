"""The group-commit writer: answered only after the commit, and never with a false ok."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from careerrelay.engine import group_commit
from careerrelay.engine import ingest as ingest_module
from careerrelay.engine.ingest import Ingest, store_signals
from careerrelay.engine.queue import InlineQueue, Job
from careerrelay.engine.runtime import MOST_IN_A_JOB
from careerrelay.engine.signals import signal_row
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import OverloadedError
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Signal
from tests.support.toy import toy_webhook
from tests.support.world import World, open_runtime

Begin = Callable[[], AbstractContextManager[Session]]


@pytest.fixture
def writer(world: World) -> Iterator[Ingest]:
    made = Ingest(world.runtime)
    yield made
    made.stop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as made:
        yield made


def row(world: World, delivery: str, **changed: Any) -> dict[str, Any]:
    """A signal row as the server makes it."""
    case = world.application(1, ApplicationState.REJECTED)
    sent = toy_webhook(
        ApplicationEvent(EventKind.REJECTED, case.changed_at, "a1", "c1", case), delivery=delivery
    )
    return signal_row(world.runtime, "toy", delivery, sent) | changed


def stored(world: World) -> list[str]:
    with world.runtime.database.read() as session:
        keys = session.scalars(select(Signal.dedupe_key)).all()
    return sorted(key.split(":")[1] for key in keys)


class Gate:
    """Holds every commit back until it is opened."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        self.reached = threading.Event()
        monkeypatch.setattr(
            world.runtime.database, "begin", self._gated(world.runtime.database.begin)
        )

    def _gated(self, begin: Begin) -> Begin:
        @contextmanager
        def gated() -> Iterator[Session]:
            with begin() as session:
                yield session
                self.reached.set()
                assert self._open.wait(30)

        return gated

    def open(self) -> None:
        self._open.set()


def outcome(future: Future[bool]) -> str:
    error = future.exception(timeout=30)
    if error is not None:
        assert isinstance(error, OverloadedError), error
        return "overloaded"
    return "new" if future.result() else "known"


def test_nobody_is_answered_before_the_commit(
    world: World, writer: Ingest, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(world, monkeypatch)
    answers = [pool.submit(writer.store, row(world, f"d{n}")) for n in range(8)]
    assert gate.reached.wait(30)
    assert not any(answer.done() for answer in answers)
    gate.open()
    assert [outcome(answer) for answer in answers] == ["new"] * 8
    assert stored(world) == [f"d{n}" for n in range(8)]


def test_those_who_wait_share_one_commit(
    world: World, writer: Ingest, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[object] = []
    event.listen(world.runtime.database.engine, "commit", commits.append)
    gate = Gate(world, monkeypatch)
    first = pool.submit(writer.store, row(world, "first"))
    assert gate.reached.wait(30)
    rest = [pool.submit(writer.store, row(world, f"d{n}")) for n in range(30)]
    while writer.waiting < len(rest):
        threading.Event().wait(0.01)
    gate.open()
    assert {outcome(answer) for answer in (first, *rest)} == {"new"}
    assert len(commits) == 2


def test_a_commit_that_does_not_end_keeps_nobody_else_waiting(
    world: World, writer: Ingest, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a stuck store takes every thread of the server, and senders hear nothing at all."""
    gate = Gate(world, monkeypatch)
    first = pool.submit(writer.store, row(world, "first"))
    assert gate.reached.wait(30)
    assert not writer.stuck
    with monkeypatch.context() as later:
        later.setattr(group_commit, "STUCK_SECONDS", 0.0)
        with pytest.raises(OverloadedError) as refused:
            writer.store(row(world, "second"))
    assert refused.value.retry_after
    gate.open()
    assert outcome(first) == "new"
    assert writer.store(row(world, "second"))
    assert stored(world) == ["first", "second"]


def test_reading_is_owed_in_the_commit_that_stores(world: World, writer: Ingest) -> None:
    assert writer.store(row(world, "d1"))
    assert world.work() > 0
    with world.runtime.database.read() as session:
        assert [s.outcome for s in session.scalars(select(Signal))] == ["recorded"]


def test_the_same_delivery_is_known_within_a_commit_and_across_commits(
    world: World, writer: Ingest, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(world, monkeypatch)
    first = pool.submit(writer.store, row(world, "other"))
    assert gate.reached.wait(30)
    twins = [pool.submit(writer.store, row(world, "d1")) for _ in range(5)]
    while writer.waiting < len(twins):
        threading.Event().wait(0.01)
    gate.open()
    outcome(first)
    assert sorted(outcome(twin) for twin in twins) == ["known"] * 4 + ["new"]
    assert not writer.store(row(world, "d1"))
    assert stored(world) == ["d1", "other"]


def test_one_bad_row_refuses_no_neighbour(
    world: World, writer: Ingest, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(world, monkeypatch)
    first = pool.submit(writer.store, row(world, "first"))
    assert gate.reached.wait(30)
    good = [pool.submit(writer.store, row(world, f"d{n}")) for n in range(3)]
    bad = pool.submit(writer.store, row(world, "bad", body_sha256=None))
    while writer.waiting < 4:
        threading.Event().wait(0.01)
    gate.open()
    assert outcome(bad) == "overloaded"
    assert [outcome(answer) for answer in (first, *good)] == ["new"] * 4
    assert stored(world) == ["d0", "d1", "d2", "first"]


def test_full_queue_says_when_to_come_back(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    runtime = open_runtime(
        world.runtime.database.url,
        tmp_path / "data",
        clock=world.clock,
        queue=InlineQueue(world.clock),
        work={"ingest_queue": 2},
    )
    small = World(runtime, world.clock, world.vendor)
    gate = Gate(small, monkeypatch)
    writer = Ingest(runtime)
    try:
        first = pool.submit(writer.store, row(small, "first"))
        assert gate.reached.wait(30)
        waiting = [pool.submit(writer.store, row(small, f"d{n}")) for n in range(2)]
        while writer.waiting < 2:
            threading.Event().wait(0.01)
        with pytest.raises(OverloadedError) as refused:
            writer.store(row(small, "one too many"))
        assert refused.value.retry_after
        gate.open()
        assert [outcome(answer) for answer in (first, *waiting)] == ["new"] * 3
    finally:
        writer.stop()
        runtime.close()
    assert stored(world) == ["d0", "d1", "first"]


def test_store_that_fails_is_never_an_ok_and_the_writer_lives_on(
    world: World, writer: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any) -> set[str]:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(ingest_module, "store_signals", full)
        for delivery in ("d1", "d2"):
            with pytest.raises(OverloadedError):
                writer.store(row(world, delivery))
    assert writer.alive
    assert writer.store(row(world, "d1")), "the sender came again"
    assert stored(world) == ["d1"]


def test_writer_lives_on_where_its_trouble_cannot_be_logged_either(
    world: World, writer: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under gunicorn the log is its; on a full disk neither takes a byte."""

    def full(*_args: Any, **_named: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(ingest_module, "store_signals", full)
        meanwhile.setattr(group_commit, "log", SimpleNamespace(error=full))
        with pytest.raises(OverloadedError):
            writer.store(row(world, "d1"))
    assert writer.store(row(world, "d1"))


def test_commit_that_fails_at_the_very_end_is_no_ok(
    world: World, writer: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = world.runtime.database.begin

    @contextmanager
    def failing() -> Iterator[Session]:
        with begin() as session:
            yield session
            raise OperationalError("COMMIT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(world.runtime.database, "begin", failing)
    with pytest.raises(OverloadedError):
        writer.store(row(world, "d1"))
    assert stored(world) == []


def test_store_that_hangs_is_told_as_overload_in_time(
    world: World, writer: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.engine.group_commit.WAIT_SECONDS", 0.05)
    gate = Gate(world, monkeypatch)
    with pytest.raises(OverloadedError):
        writer.store(row(world, "d1"))
    gate.open()


def test_stop_commits_what_waits_and_takes_nothing_more(
    world: World, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Ingest(world.runtime)
    gate = Gate(world, monkeypatch)
    answers = [pool.submit(writer.store, row(world, "d0"))]
    assert gate.reached.wait(30)
    answers += [pool.submit(writer.store, row(world, f"d{n}")) for n in range(1, 6)]
    while writer.waiting < 5:
        threading.Event().wait(0.01)
    stopped = pool.submit(writer.stop)
    gate.open()
    stopped.result(30)
    assert [outcome(answer) for answer in answers] == ["new"] * 6
    with pytest.raises(OverloadedError):
        writer.store(row(world, "too late"))
    assert stored(world) == [f"d{n}" for n in range(6)]


def test_each_connection_waits_in_a_line_of_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One company's bulk of thousands must not stand before another's single rejection."""
    world.connect("other")
    jobs: list[Job] = []
    monkeypatch.setattr(world.queue, "submit", lambda _session, job: jobs.append(job))
    bulk = [row(world, f"d{n}") for n in range(5)]
    single = row(world, "d9") | {"connection_id": "other"}
    with world.runtime.database.begin() as session:
        store_signals(world.runtime, session, [*bulk[:3], single, *bulk[3:]])
    assert {job.partition: len(job.subjects) for job in jobs} == {"toy": 5, "other": 1}


def test_a_bulk_becomes_jobs_that_a_worker_does_in_one_go_each(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of a longer one would be spread, one job for each signal."""
    jobs: list[Job] = []
    monkeypatch.setattr(world.queue, "submit", lambda _session, job: jobs.append(job))
    rows = [row(world, f"d{n}") for n in range(MOST_IN_A_JOB + 1)]
    with world.runtime.database.begin() as session:
        store_signals(world.runtime, session, rows)
    assert [id_ for job in jobs for id_ in job.subjects] == [r["id"] for r in rows]
    assert [len(job.subjects) for job in jobs] == [MOST_IN_A_JOB, 1]


def test_a_page_of_thousands_is_stored_whatever_a_statement_may_hold(world: World) -> None:
    one = row(world, "d")
    page = [one | {"id": f"s{n}", "dedupe_key": f"webhook:{n % 6990}"} for n in range(7000)]
    with world.runtime.database.begin() as session:
        new = store_signals(world.runtime, session, page)
    assert len(new) == len(stored(world)) == 6990
