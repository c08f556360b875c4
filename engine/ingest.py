"""Stores signals before they are acknowledged: one writer thread, many requests per commit.

Each request is answered only after its own commit. Full durability then costs nothing: one
flush serves all that wait. A full queue, or a store that cannot commit, is an OverloadedError
(503 + Retry-After); nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Insert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
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
    insert = sqlite_insert if runtime.database.is_sqlite else postgresql_insert
    statement: Insert = (
        insert(Signal)
        .values(list(rows))
        .on_conflict_do_nothing(index_elements=["connection_id", "dedupe_key"])
        .returning(Signal.id)
    )
    new = set(session.scalars(statement))
    subjects = tuple(row["id"] for row in rows if row["id"] in new)
    if subjects:
        runtime.queue.submit(session, Job(READ_SIGNALS, subjects, 1))
    return new


class Ingest:
    """The group-commit writer of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: queue.Queue[_Pending | None] = queue.Queue(
            runtime.settings.work["ingest_queue"]
        )
        self._thread = threading.Thread(target=self._work, name="ingest", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the writer can still answer."""
        return self._thread.is_alive()

    def store(self, row: dict[str, Any]) -> bool:
        """Wait until the row is on disk. True: new; False: seen before. Or OverloadedError."""
        pending = _Pending(row)
        try:
            self._waiting.put_nowait(pending)
        except queue.Full:
            raise OverloadedError("too many signals at once", retry_after=RETRY_AFTER) from None
        if not pending.done.wait(WAIT_SECONDS) or not pending.stored:
            raise OverloadedError("the store cannot commit now", retry_after=RETRY_AFTER)
        return pending.new

    def stop(self) -> None:
        """Commit what waits, then end."""
        self._waiting.put(None)
        self._thread.join(WAIT_SECONDS)

    def _work(self) -> None:
        while True:
            first = self._waiting.get()
            if first is None:
                return
            batch, last = self._fill([first])
            self._commit(batch)
            if last:
                return

    def _fill(self, batch: list[_Pending]) -> tuple[list[_Pending], bool]:
        while len(batch) < BATCH:
            try:
                pending = self._waiting.get_nowait()
            except queue.Empty:
                return batch, False
            if pending is None:
                return batch, True
            batch.append(pending)
        return batch, False

    def _commit(self, batch: list[_Pending]) -> None:
        try:
            self._write(batch)
        except Exception as error:
            # Whatever it was, nothing is on disk and the senders hear so; and the writer lives
            # on, for without it nothing would ever be taken again.
            log.error("ingest_commit_failed", rows=len(batch), kind=type(error).__name__)
            if len(batch) > 1:
                # One bad row must not refuse its neighbours.
                for pending in batch:
                    self._commit([pending])
                return
        for pending in batch:
            pending.done.set()

    def _write(self, batch: list[_Pending]) -> None:
        with self._runtime.database.begin() as session:
            new = store_signals(self._runtime, session, [p.row for p in batch])
        for pending in batch:
            pending.stored = True
            pending.new = pending.row["id"] in new
