"""Stores signals before they are acknowledged: one writer thread, many requests per commit.

Each request is answered only after its own commit. Full durability then costs nothing: one
flush serves all that wait. A full queue, or a store that cannot commit, is an OverloadedError
(503 + Retry-After); nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from ..models.tables import Signal
from .group_commit import GroupCommit
from .queue import Job
from .runtime import MOST_IN_A_JOB, Runtime

READ_SIGNALS = "read_signal"

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
    new = _insert(session, rows)
    subjects: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["id"] in new:
            subjects[row["connection_id"]].append(row["id"])
    for connection_id, ids in subjects.items():
        # A line of its own for each connection: nobody waits behind somebody else's bulk.
        for start in range(0, len(ids), MOST_IN_A_JOB):
            some = tuple(ids[start : start + MOST_IN_A_JOB])
            runtime.queue.submit(session, Job(READ_SIGNALS, some, 1, connection_id))
    return new


def _insert(session: Session, rows: Sequence[dict[str, Any]]) -> set[str]:
    """The ids of those that are new."""
    ids = {row["id"] for row in rows}
    stored = session.connection().execute(_INSERT, rows).rowcount
    if stored == len(rows):
        return ids
    return set(session.scalars(select(Signal.id).where(Signal.id.in_(ids))))


class Ingest(GroupCommit[dict[str, Any]]):
    """The group-commit writer of one process for signals."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        most = runtime.settings.work["ingest_queue"]
        super().__init__(runtime.database, self._stored, name="ingest", most_waiting=most)

    def _begin(self, rows: int) -> None:
        self._runtime.rush.stored(rows)

    def _stored(self, session: Session, rows: Sequence[dict[str, Any]]) -> list[bool]:
        new = store_signals(self._runtime, session, rows)
        return [row["id"] in new for row in rows]
