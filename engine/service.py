"""The engine of one process: the worker on its queue, and the ticker that keeps it true.

The rows are the truth; the queue may forget. The ticker finds owed work that nothing in the
queue points at, starts due polls, beats, and purges once a day.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from ..models.tables import Delivery, Heartbeat, OutgoingMail, Report, Signal, WorkState
from . import polling, retention
from .delivery import DELIVER, deliver
from .ingest import READ_SIGNALS
from .queue import Job
from .registrant_mail import send_mail
from .registration import REPORT, SEND_MAIL
from .reporting import report
from .runtime import Runtime
from .signals import read_signal
from .worker import Task, Worker

log = structlog.get_logger(__name__)

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(READ_SIGNALS, Signal, read_signal, calls_ats=True),
        Task(DELIVER, Delivery, deliver, calls_ats=True),
        Task(SEND_MAIL, OutgoingMail, send_mail),
        Task(REPORT, Report, report, calls_ats=True),
    )
}
SWEEP_BATCH = 500
TICK_SECONDS = 1.0
PURGE_EVERY = timedelta(hours=24)


class Service:
    """Start it once per process; ``stop`` lets what runs come to its end."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._worker = Worker(runtime, TASKS)
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick_forever, name="ticker", daemon=True)
        self._swept_at: datetime | None = None
        self._purged_at: datetime | None = None

    def start(self) -> None:
        self._runtime.queue.start(self.run)
        self._ticker.start()

    def stop(self) -> None:
        self._stop.set()
        self._ticker.join(timeout=10)
        self._runtime.queue.stop()

    def run(self, job: Job) -> None:
        """Run one job of the queue."""
        if job.task == polling.POLL:
            polling.poll(self._runtime, job.subjects[0])
        else:
            self._worker.run(job)

    def _tick_forever(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                self.tick()
            except Exception as error:
                # The store may be away for a while; the next tick tries again.
                log.error("tick_failed", kind=type(error).__name__)

    def tick(self) -> None:
        """One round of upkeep."""
        runtime = self._runtime
        now = runtime.clock()
        runtime.queue.upkeep(now)
        polling.submit_due(runtime)
        if self._is_due(self._swept_at, timedelta(seconds=runtime.settings.work["sweep_seconds"])):
            self._swept_at = now
            sweep(runtime)
        if self._is_due(self._purged_at, PURGE_EVERY):
            self._purged_at = now
            retention.purge(runtime)

    def _is_due(self, last: datetime | None, every: timedelta) -> bool:
        return last is None or self._runtime.clock() - last >= every


def sweep(runtime: Runtime) -> int:
    """Submit again what is owed and overdue, but in nobody's queue; returns how much."""
    return sum(_sweep_task(runtime, task) for task in TASKS.values())


def _sweep_task(runtime: Runtime, task: Task) -> int:
    now = runtime.clock()
    grace = timedelta(seconds=runtime.settings.work["sweep_seconds"])
    with runtime.database.read() as session:
        overdue = session.scalars(
            select(task.row)
            .where(task.row.state == WorkState.DUE.value, task.row.due_at < now - grace)
            .order_by(task.row.due_at)
            .limit(SWEEP_BATCH)
        ).all()
        beats = {row.executor_id: row.beat_at for row in session.scalars(select(Heartbeat))}
    lost = [row for row in overdue if not _is_running(runtime, row, beats, now)]
    keys = {row.id: _keys(task, row) for row in lost}
    alive = runtime.queue.alive(key for pair in keys.values() for key in pair)
    forgotten = [row.id for row in lost if not alive.intersection(keys[row.id])]
    for id_ in forgotten:
        _submit_again(runtime, task, id_)
    if forgotten:
        log.warning("swept", task=task.name, rows=len(forgotten))
    return len(forgotten)


def _keys(task: Task, row) -> tuple[str, str]:
    """The run under way and the next one."""
    return f"{task.name}:{row.id}:{row.attempts}", f"{task.name}:{row.id}:{row.attempts + 1}"


def _is_running(runtime: Runtime, row, beats: Mapping[str, datetime], now: datetime) -> bool:
    if row.running_by is None:
        return False
    if row.running_by == runtime.process_id:
        return True
    beat = beats.get(row.running_by)
    return beat is not None and beat > now - runtime.lease


def _submit_again(runtime: Runtime, task: Task, id_: str) -> None:
    with runtime.database.begin() as session:
        row = session.get(task.row, id_, with_for_update=True)
        if row is None or row.state != WorkState.DUE.value:
            return
        # The number moves on, for the queue takes a key it has known as nothing new.
        row.attempts += 1
        if row.running_since is None:
            runtime.submit(session, task.name, row)
        else:
            runtime.queue.submit(session, Job(task.name, (id_,), row.attempts + 1))
