"""The engine of one process: the worker on its queue, and the upkeep that keeps it true.

The rows are the truth; the queue may forget. Upkeep beats, starts due polls, finds owed work that
nothing in the queue points at, and purges once a day.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from ..connectors.registry import connector_classes
from ..models.tables import Delivery, OutgoingMail, Report, Signal, SpooledMail, WorkState
from . import claims, polling, retention
from .delivering import deliver, deliveries
from .delivery import DELIVER
from .ingest import READ_SIGNALS
from .mail_onward import give_up_dead, hand_on
from .mail_spool import SPOOL, purge_orphans
from .queue import Job
from .reading import read_signal, read_signals
from .registrant_mail import send_mail
from .registration import REPORT, SEND_MAIL, match_late
from .reporting import report
from .runtime import Runtime, partition_of
from .sheets.folder import WatchedFolder, purge_folder
from .sheets.uploads import import_confirmed, purge_uploads
from .worker import Task, Worker, defect

log = structlog.get_logger(__name__)

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(READ_SIGNALS, Signal, read_signal, calls_ats=True, run_together=read_signals),
        Task(DELIVER, Delivery, deliver, calls_ats=True, waits=True, opened=deliveries),
        Task(SEND_MAIL, OutgoingMail, send_mail),
        Task(REPORT, Report, report, calls_ats=True, waits=True),
        Task(SPOOL, SpooledMail, hand_on),
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
        # Several threads: a long purge or file must not keep this process from showing that it
        # lives.
        self._threads = [
            threading.Thread(target=self._forever, args=(turn,), name=turn.__name__, daemon=True)
            for turn in (self.tick, self.keep, self.bring_in)
        ]
        self._folder = WatchedFolder(runtime)
        self._looked_at: datetime | None = None
        self._failing: set[str] = set()
        self._swept_at: datetime | None = None
        self._purged_at: datetime | None = None

    def start(self) -> None:
        # Imported now, and not by all threads at once at their first job.
        connector_classes()
        self._runtime.queue.start(self.run)
        self._runtime.ticked = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            # None of them began where the queue could not, for want of its database.
            if thread.is_alive():
                thread.join(timeout=10)
        self._runtime.queue.stop()

    def run(self, job: Job) -> None:
        """Run one job of the queue.

        What could not even be written down is still owed, and the sweep finds it. The queue
        never hears of an exception: it would keep its words, which may hold a person's data.
        """
        try:
            if job.task == polling.POLL:
                polling.poll(self._runtime, job.subjects[0])
            else:
                self._worker.run(job)
        except Exception as error:
            log.error("job_failed", task=job.task, where=defect(error).message)

    def _forever(self, turn: Callable[[], None]) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                turn()
            except Exception as error:
                # The store may be away for a while; the next turn tries again.
                log.error("turn_failed", turn=turn.__name__, kind=type(error).__name__)

    def tick(self) -> None:
        """Beat, take over from dead processes, start polls that are due."""
        self._runtime.queue.upkeep(self._runtime.clock())
        polling.submit_due(self._runtime)
        self._runtime.ticked = time.monotonic()

    def keep(self) -> None:
        """Find forgotten work and late matches; throw away what is past its time."""
        runtime = self._runtime
        now = runtime.clock()
        if _is_due(self._swept_at, timedelta(seconds=runtime.settings.work["sweep_seconds"]), now):
            self._swept_at = now
            sweep(runtime)
            match_late(runtime)
            give_up_dead(runtime)
        if _is_due(self._purged_at, PURGE_EVERY, now):
            self._purged_at = now
            retention.purge(runtime)
            purge_orphans(runtime)
            purge_folder(runtime)

    def bring_in(self) -> None:
        """Import the CSV files that somebody confirmed, or put into the watched folder."""
        self._failing |= import_confirmed(self._runtime, leave=self._failing)
        now = self._runtime.clock()
        every = timedelta(seconds=self._runtime.settings.csv["seconds"])
        if _is_due(self._looked_at, every, now):
            self._looked_at = now
            self._failing.clear()
            self._folder.turn()
            purge_uploads(self._runtime)


def _is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    """``every`` has passed, or the clock was set back and nobody knows how much has."""
    return last is None or not timedelta() <= now - last < every


def sweep(runtime: Runtime) -> int:
    """Submit again what is owed and overdue, but in nobody's queue; returns how much."""
    return sum(_sweep_task(runtime, task) for task in TASKS.values())


def _sweep_task(runtime: Runtime, task: Task) -> int:
    now = runtime.clock()
    grace = timedelta(seconds=runtime.settings.work["sweep_seconds"])
    with runtime.database.read() as session:
        overdue = session.scalars(
            select(task.row)
            .where(task.row.state == WorkState.DUE.value, _overdue(task.row, now, grace))
            .options(claims.owed_columns(task.row))
            .order_by(task.row.due_at)
            .limit(SWEEP_BATCH)
        ).all()
        lost = [row for row in overdue if not _is_running(runtime, session, row, now, grace)]
    keys = {row.id: _keys(runtime, task, row) for row in lost}
    alive = runtime.queue.alive(key for pair in keys.values() for key in pair)
    lost = [row for row in lost if not alive.intersection(keys[row.id])]
    since = runtime.queue.waiting_since() if lost else {}
    forgotten = [row.id for row in lost if not _may_wait(task, row, since, grace)]
    for id_ in forgotten:
        _submit_again(runtime, task, id_, now=now, grace=grace)
    if forgotten:
        log.warning("swept", task=task.name, rows=len(forgotten))
    return len(forgotten)


def _overdue(row: type[Any], now: datetime, grace: timedelta) -> ColumnElement[bool]:
    """Also what was due at once when it came in, by a clock that ran ahead; but nothing that has
    its time still to come, such as a notice for the morning."""
    came_in = getattr(row, "received_at", None) or row.created_at
    ahead = and_(row.due_at > now + grace, row.due_at <= came_in)
    return or_(row.due_at < now - grace, ahead)


def _keys(runtime: Runtime, task: Task, row: Any) -> tuple[str, ...]:
    """The run under way and the next one.

    Of our own claims that are not being worked on, the next one alone: on a full disk the queue
    could not write down that their run ended, and would call it alive until we are started anew.
    """
    following = f"{task.name}:{row.id}:{row.attempts + 1}"
    if row.running_by == runtime.process_id:
        return (following,)
    return f"{task.name}:{row.id}:{row.attempts}", following


def _may_wait(task: Task, row: Any, since: Mapping[str, datetime], grace: timedelta) -> bool:
    """It may stand in a job of several, named after another row, behind a long line.

    To submit it again would make that line longer still. Once the line has moved past the moment
    the work was owed, nothing waits for it any more.
    """
    oldest = since.get(partition_of(task.name, row))
    return oldest is not None and oldest <= row.due_at + grace


def _is_running(
    runtime: Runtime, session: Session, row: Any, now: datetime, grace: timedelta
) -> bool:
    """Somebody is at it. A claim of our own counts for what it is: we know what we are doing."""
    if row.running_by != runtime.process_id:
        return claims.is_alive(runtime, session, row.running_by, now)
    return row.id in runtime.running or claims.is_fresh(row.running_since, now, within=grace)


def _submit_again(
    runtime: Runtime, task: Task, id_: str, *, now: datetime, grace: timedelta
) -> None:
    with runtime.database.begin() as session:
        row = session.get(
            task.row, id_, with_for_update=True, options=[claims.owed_columns(task.row)]
        )
        if row is None or row.state != WorkState.DUE.value:
            return
        if _is_running(runtime, session, row, now, grace):
            return
        if row.running_by == runtime.process_id:
            # We lost hold of it when the store was away: no crash, and nobody else may take it.
            claims.close_attempt(session, row, runtime.clock(), outcome="cut_off")
            row.running_since = row.running_by = None
        # The number moves on, for the queue takes a key it has known as nothing new.
        row.attempts += 1
        runtime.submit(session, task.name, row)
