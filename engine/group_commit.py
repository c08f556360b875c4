"""One writer thread, many callers per commit, each answered only after its own commit.

Full durability then costs nothing: one flush serves all that wait.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from ..models.database import Database
from ..models.errors import OverloadedError
from . import turns
from .turns import Turn

log = structlog.get_logger(__name__)
Row = TypeVar("Row")

BATCH = 128
WAIT_SECONDS = 4.0
"""ATSs give up after five to ten; and whoever waits keeps a thread of gunicorn's busy."""
STUCK_SECONDS = 2.0
"""A commit that has gone on for so long will not take the next row soon either: whoever comes
now hears so at once, before every thread of the server waits for the same."""
STOP_SECONDS = 10.0
RETRY_AFTER = 5.0
STORE_DOWN = (OperationalError, InterfaceError)
"""No row's fault: trying them one by one would only keep their senders waiting."""


@dataclass(slots=True)
class _Pending(Generic[Row]):
    """Somebody waits for this row."""

    row: Row
    turn: Turn = field(default_factory=turns.turn)
    stored: bool = False
    new: bool = False


class GroupCommit(Generic[Row]):
    """The writer of one process for one kind of row. ``write`` stores rows in its session and
    says of each whether it is new."""

    def __init__(
        self,
        database: Database,
        write: Callable[[Session, Sequence[Row]], Sequence[bool]],
        *,
        name: str,
        most_waiting: int,
        batch: int = BATCH,
    ) -> None:
        self._database = database
        self._write_rows = write
        self._name = name
        self._most_waiting = most_waiting
        self._batch = batch
        self._rows: deque[_Pending[Row]] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._wanted = False
        self._committing_since: float | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the writer can still answer."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """How many wait for the next commit."""
        return len(self._rows)

    @property
    def stuck(self) -> bool:
        """Whether the store has not been able to commit for a while."""
        since = self._committing_since
        return since is not None and time.monotonic() - since > STUCK_SECONDS

    def store(self, row: Row) -> bool:
        """Wait until the row is on disk. True: new; False: seen before. Or OverloadedError."""
        pending = self._enter(row)
        answered = pending.turn.wait(self._start, seconds=WAIT_SECONDS)
        if not answered or not pending.stored:
            raise OverloadedError("the store cannot commit now", retry_after=RETRY_AFTER)
        return pending.new

    def _enter(self, row: Row) -> _Pending[Row]:
        pending = _Pending(row)
        with self._changed:
            if not self._open:
                raise OverloadedError("the server is stopping", retry_after=RETRY_AFTER)
            if self.stuck:
                raise OverloadedError("the store does not commit", retry_after=RETRY_AFTER)
            if len(self._rows) >= self._most_waiting:
                raise OverloadedError(f"too much at once ({self._name})", retry_after=RETRY_AFTER)
            self._rows.append(pending)
        return pending

    def _start(self) -> None:
        """Somebody waits for the next commit. Whoever still runs would better be in it, too."""
        with self._changed:
            self._wanted = True
            self._changed.notify()

    def stop(self) -> None:
        """Commit what waits, then end; nothing more is taken."""
        with self._changed:
            self._open = False
            self._changed.notify()
        self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while batch := self._next():
            self._begin(len(batch))
            self._committing_since = time.monotonic()
            self._commit(batch)
            self._committing_since = None

    def _begin(self, rows: int) -> None:
        """Called before each commit."""

    def _next(self) -> list[_Pending[Row]]:
        """All that wait, as far as one commit takes them; none once nothing more will come."""
        with self._changed:
            while self._open and not (self._rows and self._wanted):
                self._changed.wait()
            batch = [self._rows.popleft() for _ in range(min(self._batch, len(self._rows)))]
            self._wanted = bool(self._rows)
            return batch

    def _commit(self, batch: list[_Pending[Row]]) -> None:
        try:
            self._write(batch)
        except Exception as error:
            # Whatever it was, nothing is on disk and the senders hear so; and the writer lives
            # on, for without it nothing would ever be taken again.
            with suppress(OSError):
                log.error(f"{self._name}_commit_failed", rows=len(batch), kind=type(error).__name__)
            if len(batch) > 1 and not isinstance(error, STORE_DOWN):
                # One bad row must not refuse its neighbours.
                middle = len(batch) // 2
                self._commit(batch[:middle])
                self._commit(batch[middle:])
                return
        for pending in batch:
            pending.turn.over()

    def _write(self, batch: list[_Pending[Row]]) -> None:
        with self._database.begin() as session:
            new = self._write_rows(session, [pending.row for pending in batch])
        for pending, is_new in zip(batch, new, strict=True):
            pending.stored = True
            pending.new = is_new
