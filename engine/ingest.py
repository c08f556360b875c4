"""Stores signals before they are acknowledged: one writer thread, many requests per commit.

Each request is answered only after its own commit. Full durability then costs nothing: one
flush serves all that wait. A full queue, or a store that cannot commit, is an OverloadedError
(503 + Retry-After); nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from ..models.errors import OverloadedError
from ..models.tables import Signal
from .queue import Job
from .runtime import Runtime

log = structlog.get_logger(__name__)

BATCH = 128
WAIT_SECONDS = 10.0
RETRY_AFTER = 5.0
READ_SIGNALS = "read_signal"
STORE_DOWN = (OperationalError, InterfaceError)
"""No row's fault: trying them one by one would only keep their senders waiting."""


_SIGNALS = Signal.metadata.tables[Signal.__tablename__]
_KEY = ["connection_id", "dedupe_key"]
# On the table and with the rows as parameters: compiled once, however many rows there are.
_INSERT_SQLITE = (
    sqlite_insert(_SIGNALS).on_conflict_do_nothing(index_elements=_KEY).returning(_SIGNALS.c.id)
)
_INSERT_POSTGRESQL = (
    postgresql_insert(_SIGNALS).on_conflict_do_nothing(index_elements=_KEY).returning(_SIGNALS.c.id)
)


@dataclass(slots=True)
class _Pending:
    row: dict[str, Any]
    done: threading.Event = field(default_factory=threading.Event)
    stored: bool = False
    new: bool = False


def store_signals(runtime: Runtime, session: Session, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Insert signal rows and queue their reading, in the caller's transaction.

    Returns the ids that were new; a row whose dedupe key is known is nothing new.
    """
    statement = _INSERT_SQLITE if runtime.database.is_sqlite else _INSERT_POSTGRESQL
    new = set(session.connection().execute(statement, rows).scalars())
    subjects: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["id"] in new:
            subjects[row["connection_id"]].append(row["id"])
    for connection_id, ids in subjects.items():
        # A line of its own for each connection: nobody waits behind somebody else's bulk.
        runtime.queue.submit(session, Job(READ_SIGNALS, tuple(ids), 1, connection_id))
    return new


class Ingest:
    """The group-commit writer of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._rows: deque[_Pending] = deque()
        self._changed = threading.Condition()
        self._open = True
        self._thread = threading.Thread(target=self._work, name="ingest", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the writer can still answer."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """How many wait for the next commit."""
        return len(self._rows)

    def store(self, row: dict[str, Any]) -> bool:
        """Wait until the row is on disk. True: new; False: seen before. Or OverloadedError."""
        pending = self._enter(row)
        if not pending.done.wait(WAIT_SECONDS) or not pending.stored:
            raise OverloadedError("the store cannot commit now", retry_after=RETRY_AFTER)
        return pending.new

    def _enter(self, row: dict[str, Any]) -> _Pending:
        pending = _Pending(row)
        with self._changed:
            if not self._open:
                raise OverloadedError("the server is stopping", retry_after=RETRY_AFTER)
            if len(self._rows) >= self._runtime.settings.work["ingest_queue"]:
                raise OverloadedError("too many signals at once", retry_after=RETRY_AFTER)
            self._rows.append(pending)
            self._changed.notify()
        return pending

    def stop(self) -> None:
        """Commit what waits, then end; nothing more is taken."""
        with self._changed:
            self._open = False
            self._changed.notify()
        self._thread.join(WAIT_SECONDS)

    def _work(self) -> None:
        while batch := self._next():
            self._runtime.rush.stored(len(batch))
            self._commit(batch)

    def _next(self) -> list[_Pending]:
        """All that wait, as far as one commit takes them; none once nothing more will come."""
        with self._changed:
            while not self._rows and self._open:
                self._changed.wait()
            return [self._rows.popleft() for _ in range(min(BATCH, len(self._rows)))]

    def _commit(self, batch: list[_Pending]) -> None:
        try:
            self._write(batch)
        except Exception as error:
            # Whatever it was, nothing is on disk and the senders hear so; and the writer lives
            # on, for without it nothing would ever be taken again.
            log.error("ingest_commit_failed", rows=len(batch), kind=type(error).__name__)
            if len(batch) > 1 and not isinstance(error, STORE_DOWN):
                # One bad row must not refuse its neighbours.
                middle = len(batch) // 2
                self._commit(batch[:middle])
                self._commit(batch[middle:])
                return
        for pending in batch:
            pending.done.set()

    def _write(self, batch: list[_Pending]) -> None:
        with self._runtime.database.begin() as session:
            new = store_signals(self._runtime, session, [p.row for p in batch])
        for pending in batch:
            pending.stored = True
            pending.new = pending.row["id"] in new
