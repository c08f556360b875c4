"""Runs one piece of owed work: claim, do, settle; and decides when to try again.

A task's function does its outside effect first and then writes effect and end of work in one
transaction of its own. Everything may run twice: a run that was cut off is found by its claim.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models.errors import (
    ApiAuthenticationError,
    ApiRateLimitedError,
    CareerRelayError,
    PostponedError,
)
from ..models.tables import Attempt, Connection, Heartbeat, OwedWork, WorkState
from .queue import Job

if TYPE_CHECKING:
    from .runtime import Runtime

log = structlog.get_logger(__name__)

BACKOFF = tuple(
    timedelta(seconds=s)
    for s in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""Then the work is dead: visible and replayable. About three days in all."""
JITTER = 0.1
MAX_CRASHES = 3
SPREAD_AFTER_SECONDS = 1.0
PARKED = timedelta(minutes=5)
"""How long an account that refused our credentials is left alone before one more try."""


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of work: which row owes it, and the function that does it, ``(runtime, id)``."""

    name: str
    row: type[Any]
    run: Callable[[Runtime, str], None]
    calls_ats: bool = False
    """Waits while its connection is paused."""


class Worker:
    """Runs jobs of the given tasks."""

    def __init__(self, runtime: Runtime, tasks: Mapping[str, Task]) -> None:
        self._runtime = runtime
        self._tasks = tasks

    def run(self, job: Job) -> None:
        """Run every subject of a job; none of them can stop the others.

        A batch that turns out slow (each subject needs a call) is spread over jobs of its own.
        """
        task = self._tasks[job.task]
        began = time.monotonic()
        for position, subject in enumerate(job.subjects):
            if position and time.monotonic() - began > SPREAD_AFTER_SECONDS:
                self._spread(task, job.subjects[position:], job.attempt)
                return
            self._run_one(task, subject, job.attempt)

    def _spread(self, task: Task, subjects: Sequence[str], attempt: int) -> None:
        with self._runtime.database.begin() as session:
            for subject in subjects:
                row = session.get(task.row, subject)
                partition = getattr(row, "connection_id", "")
                self._runtime.queue.submit(session, Job(task.name, (subject,), attempt, partition))

    def _run_one(self, task: Task, subject: str, attempt: int) -> None:
        if not self._claim(task, subject, attempt):
            return
        try:
            self._wait_for_account(task, subject)
            task.run(self._runtime, subject)
            self._settle(task, subject)
        except CareerRelayError as error:
            self._fail(task, subject, error)
        except Exception as error:
            # A bug. Its message may hold a person's data, so only its place is logged.
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} at {place.name}:{place.lineno}"
            log.error("task_bug", task=task.name, subject=subject, where=where)
            self._bury(task, subject, code="bug", message=where)

    def _claim(self, task: Task, subject: str, attempt: int) -> bool:
        """Take the row for this process, unless it is done, taken, or this run is over."""
        now = self._runtime.clock()
        with self._runtime.database.begin() as session:
            row = session.get(task.row, subject, with_for_update=True)
            if row is None or row.state != WorkState.DUE.value or attempt < row.attempts:
                return False
            if row.running_since is not None:
                if self._is_alive(session, row.running_by, now):
                    return False
                row.crashes += 1
                self._close_attempt(session, task, row, now, outcome="cut_off")
                if row.crashes >= MAX_CRASHES:
                    row.finish(now, state=WorkState.DEAD, code="crashed")
                    row.error = "the process died three times while doing this"
                    return False
            elif attempt == row.attempts:
                return False
            row.attempts, row.running_since = attempt, now
            row.running_by = self._runtime.process_id
            session.add(Attempt(task=task.name, subject_id=subject, number=attempt, started_at=now))
        return True

    def _is_alive(self, session: Session, process: str | None, now: datetime) -> bool:
        if process == self._runtime.process_id:
            return True
        if self._runtime.database.is_sqlite or process is None:
            return False
        beat = session.get(Heartbeat, process)
        return beat is not None and beat.beat_at > now - self._runtime.lease

    def _wait_for_account(self, task: Task, subject: str) -> None:
        if not task.calls_ats:
            return
        now = self._runtime.clock()
        with self._runtime.database.read() as session:
            connection = _connection_of(session, task, subject)
            if connection is not None and connection.paused_until and connection.paused_until > now:
                raise PostponedError(
                    "the account is paused",
                    retry_after=(connection.paused_until - now).total_seconds(),
                )

    def _settle(self, task: Task, subject: str) -> None:
        with self._runtime.database.begin() as session:
            row = session.get_one(task.row, subject)
            self._close_attempt(session, task, row, self._runtime.clock(), outcome="done")
            connection = _connection_of(session, task, subject) if task.calls_ats else None
            if connection is not None and connection.attention:
                connection.attention = None
                log.info("connection_mended", connection=connection.id)
            if row.state == WorkState.DUE.value:
                raise RuntimeError(f"{task.name} ended without settling its row")

    def _fail(self, task: Task, subject: str, error: CareerRelayError) -> None:
        now = self._runtime.clock()
        with self._runtime.database.begin() as session:
            row = session.get_one(task.row, subject, with_for_update=True)
            if row.state != WorkState.DUE.value:
                return
            delay = self._delay(row, error)
            self._pause_account(session, task, subject, error, now)
            if delay is None:
                self._kill(session, task, row, now, code=error.code, message=error.message)
                return
            self._close_attempt(
                session, task, row, now, outcome="retry", error=error, retry_at=now + delay
            )
            row.running_since = row.running_by = None
            row.error_code, row.error = error.code, error.message
            row.due_at = now + delay
            self._runtime.submit(session, task.name, row, delay=delay)

    def _delay(self, row: OwedWork, error: CareerRelayError) -> timedelta | None:
        """When to try again; None: never."""
        if isinstance(error, PostponedError):
            return timedelta(seconds=error.retry_after or 0)
        if isinstance(error, ApiAuthenticationError):
            return _jittered(PARKED)
        if not error.retryable or row.failures >= len(BACKOFF):
            return None
        wait = timedelta(seconds=error.retry_after or 0)
        if isinstance(error, ApiRateLimitedError) and error.retry_after is not None:
            return max(wait, timedelta(seconds=1))
        row.failures += 1
        return max(wait, _jittered(BACKOFF[row.failures - 1]))

    def _pause_account(
        self, session: Session, task: Task, subject: str, error: CareerRelayError, now: datetime
    ) -> None:
        connection = _connection_of(session, task, subject) if task.calls_ats else None
        if connection is None:
            return
        if isinstance(error, ApiAuthenticationError):
            if connection.attention is None:
                log.warning("connection_parked", connection=connection.id, code=error.code)
            connection.attention = error.message
            connection.paused_until = now + PARKED
        elif isinstance(error, ApiRateLimitedError) and error.retry_after is not None:
            connection.paused_until = now + timedelta(seconds=error.retry_after)

    def _bury(self, task: Task, subject: str, *, code: str, message: str) -> None:
        with self._runtime.database.begin() as session:
            row = session.get_one(task.row, subject, with_for_update=True)
            self._kill(session, task, row, self._runtime.clock(), code=code, message=message)

    def _kill(
        self, session: Session, task: Task, row: Any, now: datetime, *, code: str, message: str
    ) -> None:
        row.finish(now, state=WorkState.DEAD, code=code)
        row.error = message
        self._close_attempt(session, task, row, now, outcome="dead")
        log.warning("task_dead", task=task.name, subject=row.id, code=code)

    def _close_attempt(
        self,
        session: Session,
        task: Task,
        row: Any,
        now: datetime,
        *,
        outcome: str,
        error: CareerRelayError | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        entry = session.scalars(
            select(Attempt)
            .where(Attempt.task == task.name, Attempt.subject_id == row.id)
            .where(Attempt.number == row.attempts, Attempt.finished_at.is_(None))
        ).first()
        if entry is None:
            return
        entry.finished_at, entry.outcome, entry.retry_at = now, outcome, retry_at
        entry.error_code = error.code if error else row.error_code
        entry.error = error.message if error else row.error


def _connection_of(session: Session, task: Task, subject: str) -> Connection | None:
    row = session.get(task.row, subject)
    return session.get(Connection, row.connection_id) if row is not None else None


def _jittered(delay: timedelta) -> timedelta:
    # Not a secret: it only keeps retries from coming all at once.
    return delay * (1 + random.uniform(0, JITTER))  # noqa: S311
