"""Stores signals before they are acknowledged: one writer thread, many requests per commit.

Each request is answered only after its own commit. Full durability then costs nothing: one
flush serves all that wait. A full queue, or a store that cannot commit, is an OverloadedError
(503 + Retry-After); nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Container, Sequence
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from ..models.tables import Signal
from .group_commit import GroupCommit, Pending
from .queue import Job
from .runtime import MOST_IN_A_JOB, Runtime

READ_SIGNALS = "read_signal"
LEFT_SECONDS = 0.1
"""Reading is queued that often, however many commits follow each other."""

_SIGNALS = Signal.metadata.tables[Signal.__tablename__]
_WRITTEN = [column for column in _SIGNALS.columns if not column.nullable]
_INSERT = (
    # As text, for SQLAlchemy compiles an insert() with ON CONFLICT anew at each execution.
    text(
        f"INSERT INTO signals ({', '.join(c.name for c in _WRITTEN)})"  # noqa: S608 - our own names
        f" VALUES ({', '.join(f':{c.name}' for c in _WRITTEN)})"
        " ON CONFLICT (connection_id, dedupe_key) DO NOTHING"
    )
    .bindparams(*(bindparam(c.name, type_=c.type) for c in _WRITTEN))
    .execution_options(preserve_rowcount=True)
)


def store_signals(runtime: Runtime, session: Session, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Insert signal rows and queue their reading, in the caller's transaction.

    Returns the ids that were new; a row whose dedupe key is known is nothing new.
    """
    new = insert_signals(session, rows)
    _queue_reading(runtime, session, _owners(rows, new))
    return new


def _owners(rows: Sequence[dict[str, Any]], ids: Container[str]) -> list[tuple[str, str]]:
    return [(row["connection_id"], row["id"]) for row in rows if row["id"] in ids]


def _queue_reading(runtime: Runtime, session: Session, signals: Sequence[tuple[str, str]]) -> None:
    subjects: dict[str, list[str]] = defaultdict(list)
    for connection_id, id_ in signals:
        subjects[connection_id].append(id_)
    for connection_id, ids in subjects.items():
        # A line of its own for each connection: nobody waits behind somebody else's bulk.
        for start in range(0, len(ids), MOST_IN_A_JOB):
            some = tuple(ids[start : start + MOST_IN_A_JOB])
            runtime.queue.submit(session, Job(READ_SIGNALS, some, 1, connection_id))


def insert_signals(session: Session, rows: Sequence[dict[str, Any]]) -> set[str]:
    """The ids of those that are new; nothing else knows of them yet."""
    ids = {row["id"] for row in rows}
    stored = session.connection().execute(_INSERT, rows).rowcount
    if stored == len(rows):
        return ids
    return set(session.scalars(select(Signal.id).where(Signal.id.in_(ids))))


class Ingest(GroupCommit[dict[str, Any]]):
    """The group-commit writer of one process for signals.

    To queue work costs as much as to store twenty rows. So while others wait already, whose commit
    follows at once, a commit leaves that to it; should that never come, the sweep finds the rows.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._unqueued: list[tuple[str, str]] = []
        self._left_over: list[tuple[str, str]] = []
        self._queued_at = 0.0
        most = runtime.settings.work["ingest_queue"]
        super().__init__(runtime.database, self._stored, name="ingest", most_waiting=most)

    def _begin(self, rows: int) -> None:
        self._runtime.rush.stored(rows)

    def _stored(self, session: Session, rows: Sequence[dict[str, Any]]) -> list[bool]:
        new = insert_signals(session, rows)
        unqueued = self._unqueued + _owners(rows, new)
        now = time.monotonic()
        if self.waiting and now - self._queued_at < LEFT_SECONDS:
            self._left_over = unqueued
        else:
            _queue_reading(self._runtime, session, unqueued)
            self._left_over, self._queued_at = [], now
        return [row["id"] in new for row in rows]

    def _write(self, batch: list[Pending[dict[str, Any]]]) -> None:
        super()._write(batch)
        self._unqueued = self._left_over
