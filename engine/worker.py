"""Runs one piece of owed work: claim, do, settle; and decides when to try again.

A task's function does its outside effect first and then writes its result and, by
``claims.settle``, the end of the work in one transaction of its own. Everything may run twice:
a run that was cut off is found by its claim.
"""

from __future__ import annotations

import math
import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import exc, select
from sqlalchemy.orm import Session

from ..models.errors import (
    ApiAuthenticationError,
    ApiRateLimitedError,
    CallsUsedUpError,
    CareerRelayError,
    ConflictError,
    InternalError,
    PostponedError,
    SmtpRejectedError,
    StoreError,
)
from ..models.tables import Connection, OwedWork, WorkState
from . import claims, tracing
from .health import STORE_ERRORS
from .joining import Joined
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
CLAIM = 16
"""Subjects of a batch taken, and where possible done, in one transaction: short, for it holds the
write lock of SQLite."""
JOINED = 128
"""The same on PostgreSQL, for all jobs of a line that wait together."""
TOGETHER = 1
"""Claims done in one transaction at once: they call nobody, so the interpreter is their bound, and
more of them would only take turns in it, each with fewer subjects."""
SPREAD_AFTER_SECONDS = 1.0
SPREAD = 4
"""So many jobs then take what is left of it."""
CROWD_SECONDS = 5.0
"""Instead of that where a quarter of the threads has such work, or this process a quarter of a
core: to spread it would then give it nothing more. But what was looked at together is not left
waiting for longer."""
BUSY = 0.25
CONFLICTS = (*STORE_ERRORS, exc.IntegrityError)
"""The store is away for a while, or another process has just made the same row."""
RUNS_AT_ONCE = 4
"""After a conflict with another process the work is done again at once, in so many runs."""


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of work: which row owes it, and the function that does it, ``(runtime, id)``."""

    name: str
    row: type[Any]
    run: Callable[[Runtime, str], None]
    calls_ats: bool = False
    """What the ATS answers may pause its connection."""
    waits: bool = False
    """It always calls the ATS, so it is not begun while its connection is paused."""
    run_together: Callable[[Runtime, Sequence[str]], list[str]] | None = None
    """Does what it can of several at once and returns those that are left for ``run``; what it
    raises has undone all of it."""
    opened: Callable[[Runtime, Sequence[str]], AbstractContextManager[Callable[[str], None]]] | (
        None
    ) = None
    """``run`` for several: what they share is done once, before the first and after the last."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """How long work has gone on, and whether it is this process that makes it long."""

    began: float = field(default_factory=time.monotonic)
    worked: float = field(default_factory=time.process_time)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def is_ours(self) -> bool:
        return time.process_time() - self.worked > self.seconds * BUSY


class Worker:
    """Runs jobs of the given tasks."""

    def __init__(self, runtime: Runtime, tasks: Mapping[str, Task]) -> None:
        self._runtime = runtime
        self._tasks = tasks
        self._most = CLAIM if runtime.database.is_sqlite else JOINED
        self._joined = Joined(at_once=TOGETHER, most=self._most)
        self._busy: set[int] = set()
        """Threads that go through work one by one."""

    def run(self, job: Job) -> None:
        """Run every subject of a job; none of them can stop the others.

        A batch that turns out slow (each subject needs a call) is spread over jobs of its own.
        """
        task = self._tasks[job.task]
        began = time.monotonic()
        for position in range(0, len(job.subjects), self._most):
            if position and time.monotonic() - began > SPREAD_AFTER_SECONDS:
                self._spread(job.subjects[position:], job)
                return
            self._run_claimed(task, job.subjects[position : position + self._most], job)

    def _run_claimed(self, task: Task, subjects: Sequence[str], job: Job) -> None:
        left = self._begin(task, subjects, job)
        self._busy.add(threading.get_ident())
        stretch = _Stretch()
        try:
            done = self._run_each(task, left, stretch)
            if done < len(left):
                self._let_go(task, left[done:], job, jobs=self._jobs(len(left), done, stretch))
        finally:
            self._busy.discard(threading.get_ident())
            # Whatever ends this run, what it leaves claimed is not being worked on any more.
            self._runtime.running.difference_update(left)

    def _begin(self, task: Task, subjects: Sequence[str], job: Job) -> list[str]:
        """Claim, and do what can be done together; returns what is claimed and left."""

        def begin(those: Sequence[str]) -> list[str]:
            # In one's turn: whoever waited for it would pass by a rush that has begun meanwhile.
            self._runtime.rush.give_way()
            mine = self._claim(task, those, job)
            self._runtime.running.update(mine)
            left: list[str] = []
            try:
                left = self._run_together(task, mine)
            finally:
                self._runtime.running.difference_update(set(mine).difference(left))
            return left

        if task.run_together is None:
            return begin(subjects)
        # Only what was never begun: what a kill cut off is run alone.
        line = (job.task, job.partition) if job.attempt == 1 else job.key
        return self._joined.run(line, subjects, begin)

    def _run_each(self, task: Task, subjects: Sequence[str], stretch: _Stretch) -> int:
        """How many are done with: all, unless they turn out slow or their account is paused."""
        if task.opened is None or len(subjects) < 2:
            return self._run_some(task, subjects, stretch, partial(task.run, self._runtime))
        try:
            with task.opened(self._runtime, subjects) as run:
                return self._run_some(task, subjects, stretch, run)
        except Exception as error:
            # What they share could not be done. Alone, each may fail for its own reason.
            log.info("run_one_by_one", task=task.name, kind=type(error).__name__)
            return 0

    def _run_some(
        self, task: Task, subjects: Sequence[str], stretch: _Stretch, run: Callable[[str], None]
    ) -> int:
        for number, subject in enumerate(subjects, 1):
            goes_on = self._run_one(task, subject, run)
            if not goes_on or self._is_slow(stretch):
                return number
        return len(subjects)

    def _is_slow(self, stretch: _Stretch) -> bool:
        bound = CROWD_SECONDS if self._is_crowded(stretch) else SPREAD_AFTER_SECONDS
        return stretch.seconds > bound

    def _is_crowded(self, stretch: _Stretch) -> bool:
        threads = self._runtime.settings.work["threads"]
        return len(self._busy) > threads // 4 or stretch.is_ours

    def _run_together(self, task: Task, mine: list[str]) -> list[str]:
        """Those that are left to be run one by one: all, when anything stood in the way."""
        if task.run_together is None or len(mine) < 2:
            return mine
        try:
            return task.run_together(self._runtime, mine)
        except Exception as error:
            # Whatever it is, run alone it falls on the one it belongs to and is told there.
            log.info("run_one_by_one", task=task.name, kind=type(error).__name__)
            return mine

    def _spread(self, subjects: Sequence[str], job: Job) -> None:
        with self._runtime.database.begin() as session:
            self._submit_alone(session, subjects, job)

    def _jobs(self, claimed: int, done: int, stretch: _Stretch) -> int:
        """Into how many jobs to spread what is left of a claim.

        Alone, each may fail for its own reason; else in a few: should it not be the ATS that was
        slow but the machine, then one each would only be more work for it.
        """
        if not done:
            return claimed
        return 1 if self._is_crowded(stretch) else SPREAD

    def _let_go(self, task: Task, subjects: Sequence[str], job: Job, *, jobs: int) -> None:
        """Claimed, and not to be run now: under a new number, in so many jobs."""
        size = math.ceil(len(subjects) / jobs)
        with self._runtime.database.begin() as session:
            claims.let_go(session, task.row, subjects, process=self._runtime.process_id)
            for start in range(0, len(subjects), size):
                some = tuple(subjects[start : start + size])
                following = replace(job, subjects=some, attempt=job.attempt + 1)
                self._runtime.queue.submit(session, following)

    def _submit_alone(self, session: Session, subjects: Sequence[str], job: Job) -> None:
        for subject in subjects:
            self._runtime.queue.submit(session, replace(job, subjects=(subject,)))

    def _claim(self, task: Task, subjects: Sequence[str], job: Job) -> list[str]:
        with self._runtime.database.begin() as session:
            found = claims.claim(self._runtime, session, task, subjects, job.attempt)
            for row, wait in found.alone:
                self._runtime.submit(session, task.name, row, delay=wait)
            for row, wait in found.paused:
                row.due_at = self._runtime.clock() + wait
                self._runtime.submit(session, task.name, row, delay=_jittered(wait))
        return found.mine

    def _run_one(self, task: Task, subject: str, run: Callable[[str], None]) -> bool:
        """Whether the next one of the same account may follow at once."""
        try:
            with self._traced(task, subject):
                if self._needs_turn(task, subject):
                    run(subject)
        except CareerRelayError as error:
            self._fail(task, subject, error)
            return not isinstance(error, (ApiAuthenticationError, ApiRateLimitedError))
        except CONFLICTS as error:
            self._fail(task, subject, _not_taken(error))
        except Exception as error:
            found = defect(error)
            log.error("task_bug", task=task.name, subject=subject, where=found.message)
            self._fail(task, subject, found)
        return True

    @contextmanager
    def _traced(self, task: Task, subject: str) -> Iterator[None]:
        """A span under the one in which the work came to be owed."""
        if not tracing.is_on():
            yield
            return
        with self._runtime.database.read() as session:
            row = session.get(task.row, subject)
        made_in = getattr(row, "request", None) or getattr(row, "detail", None)
        with tracing.span(task.name, parent=made_in, subject=subject):
            yield

    def _needs_turn(self, task: Task, subject: str) -> bool:
        """False: done already, without the ATS, whose connection is paused.

        A signed webhook says all by itself, so a broken account must not keep it from being read.
        Raises PostponedError where the ATS must be asked and may not be.
        """
        if task.run_together is None or not self._is_paused(task, subject):
            return True
        if not task.run_together(self._runtime, [subject]):
            return False
        now = self._runtime.clock()
        with self._runtime.database.begin() as session:
            connection_id = session.get_one(task.row, subject).connection_id
            wait = claims.gate(session, [connection_id], now).get(connection_id)
        if wait is not None:
            raise PostponedError("the account is paused", retry_after=wait.total_seconds())
        return True

    def _is_paused(self, task: Task, subject: str) -> bool:
        query = (
            select(Connection.paused_until)
            .join(task.row, task.row.connection_id == Connection.id)
            .where(task.row.id == subject)
        )
        with self._runtime.database.read() as session:
            return session.scalar(query) is not None

    def _fail(self, task: Task, subject: str, error: CareerRelayError) -> None:
        now = self._runtime.clock()
        with self._runtime.database.begin() as session:
            row = session.get_one(task.row, subject, with_for_update=True)
            if row.state != WorkState.DUE.value or row.running_by != self._runtime.process_id:
                # Done, or taken over by a process that thought us dead: theirs to settle now.
                return
            if task.calls_ats:
                _pause_account(session, row.connection_id, error, now)
            delay = _delay(row, error, now)
            if delay is None:
                claims.kill(session, row, now, code=error.code, message=error.message)
                return
            claims.give_back(session, row, now, error=error, delay=delay)
            self._runtime.submit(session, task.name, row, delay=delay)


def _not_taken(error: Exception) -> StoreError:
    if isinstance(error, exc.IntegrityError):
        return ConflictError("another process has just made the same row")
    return StoreError(f"the database did not take it ({type(error).__name__})")


def defect(error: Exception) -> InternalError:
    """What no error of ours explains: told by its place, for its words may hold a person's data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return InternalError(f"{type(error).__name__} at {place.name}:{place.lineno}")


def _delay(row: OwedWork, error: CareerRelayError, now: datetime) -> timedelta | None:
    """When to try again; None: never."""
    if isinstance(error, PostponedError):
        return timedelta(seconds=error.retry_after or 0)
    if isinstance(error, (ApiAuthenticationError, CallsUsedUpError)):
        return _jittered(claims.PARKED)
    if isinstance(error, ConflictError) and row.attempts < RUNS_AT_ONCE:
        # Also because a delay counted while a clock runs ahead would last until it is right.
        return timedelta(0)
    if not _may_pass(error) or row.failures >= len(BACKOFF):
        return None
    wait = timedelta(seconds=error.retry_after or 0)
    if isinstance(error, ApiRateLimitedError) and error.retry_after is not None:
        return max(wait, timedelta(seconds=1))
    row.failures += 1
    return max(wait, _within(row, _jittered(BACKOFF[row.failures - 1]), now))


def _within(row: OwedWork, delay: timedelta, now: datetime) -> timedelta:
    """Work that expires is tried a last time when it does."""
    expires_at: datetime | None = getattr(row, "expires_at", None)
    if expires_at is None:
        return delay
    return min(delay, max(expires_at - now, timedelta(seconds=1)))


def _may_pass(error: CareerRelayError) -> bool:
    """Also when a mail server refuses the account: a password is corrected within the hour, and
    every notice of that hour would have to be replayed by hand."""
    return error.retryable or (isinstance(error, SmtpRejectedError) and error.concerns_account)


def _pause_account(
    session: Session, connection_id: str, error: CareerRelayError, now: datetime
) -> None:
    if isinstance(error, (ApiAuthenticationError, CallsUsedUpError)):
        claims.park(session, connection_id, error, now)
    elif isinstance(error, ApiRateLimitedError) and error.retry_after is not None:
        claims.pause(session, connection_id, now + timedelta(seconds=error.retry_after))


def _jittered(delay: timedelta) -> timedelta:
    # Not a secret: it only keeps retries from coming all at once.
    return delay * (1 + random.uniform(0, JITTER))  # noqa: S311
