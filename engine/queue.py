"""The port to whatever runs our work. It carries task names and ids, nothing else.

The rows in ``models`` that derive from OwedWork are the truth; a queue only says *when* to look
at one. So a queue may drop everything (the sweep submits again) and may run a thing twice (the
row says that it is done).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

Run = Callable[["Job"], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One run of ``task`` on one or more subjects. ``key`` makes submitting idempotent."""

    task: str
    subjects: tuple[str, ...]
    attempt: int
    partition: str = ""

    @property
    def key(self) -> str:
        return f"{self.task}:{self.subjects[0]}:{self.attempt}"

    @property
    def line(self) -> str:
        """The partition it waits in."""
        return self.partition or self.task


class Queue(Protocol):
    """What the engine needs of a queue."""

    def submit(self, session: Session, job: Job, *, delay: timedelta = timedelta()) -> None:
        """Run ``job`` once ``delay`` has passed, if and when the session's transaction commits.

        The same ``key`` again is nothing new.
        """
        ...

    def start(self, run: Run) -> None:
        """Begin to run jobs in this process."""
        ...

    def stop(self) -> None:
        """Finish what runs, begin nothing more."""
        ...

    def alive(self, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` that will still run, or are running, somewhere."""
        ...

    def waiting_since(self) -> Mapping[str, datetime]:
        """By partition: no job of it that nobody has begun was submitted before that moment.

        A partition that is missing has none that waits.
        """
        ...

    def upkeep(self, now: datetime) -> None:
        """Heartbeat, take over from dead processes, delete what is long finished."""
        ...


class InlineQueue:
    """A queue in memory for tests and one-shot commands: ``drain`` runs what is due."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting: dict[str, tuple[datetime, Job]] = {}
        self._seen: set[str] = set()
        self._run: Run | None = None

    def submit(self, session: Session, job: Job, *, delay: timedelta = timedelta()) -> None:
        from sqlalchemy import event

        due = self._clock() + delay

        def enter(_session: Session) -> None:
            if job.key not in self._seen:
                self._seen.add(job.key)
                self._waiting[job.key] = (due, job)

        event.listen(session, "after_commit", enter, once=True)

    def start(self, run: Run) -> None:
        self._run = run

    def stop(self) -> None:
        self._run = None

    def alive(self, keys: Iterable[str]) -> set[str]:
        return {key for key in keys if key in self._waiting}

    def waiting_since(self) -> Mapping[str, datetime]:
        found: dict[str, datetime] = {}
        for due, job in self._waiting.values():
            if due <= self._clock():
                found[job.line] = min(due, found.get(job.line, due))
        return found

    def upkeep(self, now: datetime) -> None:
        """Nothing to keep up."""

    def lose_everything(self) -> None:
        """Forget all jobs, as a queue may."""
        self._waiting.clear()
        self._seen.clear()

    def drain(self, *, limit: int = 10_000) -> int:
        """Run everything due now, and what that makes due; returns how many ran."""
        if self._run is None:
            raise RuntimeError("start() was not called")
        ran = 0
        while ran < limit:
            now = self._clock()
            ready = [job for due, job in self._waiting.values() if due <= now]
            if not ready:
                return ran
            for job in ready:
                del self._waiting[job.key]
                self._run(job)
                ran += 1
        raise RuntimeError("the queue does not come to rest")
