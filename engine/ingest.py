"""Stores signals before they are acknowledged: one writer thread, many requests per commit.

Each request is answered only after its own commit. Full durability then costs nothing: one
flush serves all that wait. A full queue, or a store that cannot commit, is an OverloadedError
(503 + Retry-After); nothing is acknowledged that is not on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Dialect, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from ..models.tables import Signal
from .group_commit import GroupCommit
from .queue import Job
from .runtime import MOST_IN_A_JOB, Runtime

READ_SIGNALS = "read_signal"
MOST_IN_A_STATEMENT = 128
"""Rows: a commit of web hooks has no more. PostgreSQL takes 65,535 values in a statement and SQLite
32,766 or more, which a list of all people of an ATS that has no other may well exceed."""
_Prepare = Callable[[Any], Any]

_SIGNALS = Signal.metadata.tables[Signal.__tablename__]
_WRITTEN = [column for column in _SIGNALS.columns if not column.nullable]


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
    new: set[str] = set()
    for start in range(0, len(rows), MOST_IN_A_STATEMENT):
        new |= _insert_some(session, rows[start : start + MOST_IN_A_STATEMENT])
    return new


def _insert_some(session: Session, rows: Sequence[dict[str, Any]]) -> set[str]:
    ids = {row["id"] for row in rows}
    connection = session.connection()
    sql, prepared = _statement(connection.dialect)
    values = tuple(prepare(row[name]) for row in rows for name, prepare in prepared)
    if connection.exec_driver_sql(sql(len(rows)), values).rowcount == len(rows):
        return ids
    return set(session.scalars(select(Signal.id).where(Signal.id.in_(ids))))


@cache
def _statement(dialect: Dialect) -> tuple[Callable[[int], str], list[tuple[str, _Prepare]]]:
    """The INSERT of so many rows, and what makes a row's values the driver's.

    One statement for all rows, for at each the drivers let go of the interpreter, which under load
    has a queue before it; and as text, for SQLAlchemy would compile so many parameters anew each
    time.
    """
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    one = f"({', '.join([mark] * len(_WRITTEN))})"
    names = ", ".join(column.name for column in _WRITTEN)

    @cache
    def sql(rows: int) -> str:
        return (
            f"INSERT INTO signals ({names})"  # noqa: S608 - our own names
            f" VALUES {', '.join([one] * rows)}"
            " ON CONFLICT (connection_id, dedupe_key) DO NOTHING"
        )

    return sql, [(c.name, _preparing(c.type, dialect)) for c in _WRITTEN]


def _preparing(type_: TypeEngine[Any], dialect: Dialect) -> _Prepare:
    processor = type_.dialect_impl(dialect).bind_processor(dialect)
    return processor or _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


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
