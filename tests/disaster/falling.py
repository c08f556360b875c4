"""Dying at a chosen commit, deterministically: an exception nobody catches, at the n-th commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from careerrelay.engine.queue import InlineQueue, Job, Run

Begin = Callable[[], AbstractContextManager[Session]]


class Killed(BaseException):
    """The process is gone. No ``except Exception`` sees it, as none sees a kill."""


@dataclass
class Fall:
    """Dies at the ``at``-th commit, just before it or just after it; 0: never."""

    at: int
    before: bool
    commits: int = 0

    def watching(self, begin: Begin) -> Begin:
        """``Database.begin`` with its commits counted."""

        @contextmanager
        def counted() -> Iterator[Session]:
            with begin() as session:
                yield session
                self.commits += 1
                if self.before:
                    self._strike()
            if not self.before:
                self._strike()

        return counted

    def _strike(self) -> None:
        if self.commits == self.at:
            raise Killed

    @property
    def fell(self) -> bool:
        return 0 < self.at <= self.commits


class LastingQueue(InlineQueue):
    """A queue that survives its process: what was under way runs again under the same key."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._under_way: Job | None = None

    def start(self, run: Run) -> None:
        def noted(job: Job) -> None:
            self._under_way = job
            run(job)
            self._under_way = None

        super().start(noted)

    def survive(self) -> LastingQueue:
        """The same queue as the next process finds it."""
        heir = LastingQueue(self._clock)
        heir._waiting = dict(self._waiting)
        heir._seen = set(self._seen)
        if self._under_way is not None:
            heir._waiting[self._under_way.key] = (self._clock(), self._under_way)
        return heir
