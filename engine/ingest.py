"""Stores signals before they are acknowledged: one writer thread, many requests per commit.

Each request is answered only after its own commit. Full durability then costs nothing: one
flush serves all that wait. A full queue, or a store that cannot commit, is an OverloadedError
(503 + Retry-After); nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from ..models.tables import Signal
from .group_commit import GroupCommit
from .queue import Job
from .runtime import Runtime

READ_SIGNALS = "read_signal"

_SIGNALS = Signal.metadata.tables[Signal.__tablename__]
_KEY = ["connection_id", "dedupe_key"]
# On the table and with the rows as parameters: compiled once, however many rows there are.
_INSERT_SQLITE = (
    sqlite_insert(_SIGNALS).on_conflict_do_nothing(index_elements=_KEY).returning(_SIGNALS.c.id)
)
_INSERT_POSTGRESQL = (
    postgresql_insert(_SIGNALS).on_conflict_do_nothing(index_elements=_KEY).returning(_SIGNALS.c.id)
)


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
