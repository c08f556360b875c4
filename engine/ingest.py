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
"""Rows: a commit of web hooks has no more. SQLite takes 32,766 values or more in a statement, which
a list of all people of an ATS that has no other may well exceed."""
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
    of_rows = _of_columns if connection.dialect.name == "postgresql" else _of_rows
    sql, values = of_rows(connection.dialect, rows)
    if connection.exec_driver_sql(sql, values).rowcount == len(rows):
        return ids
    return set(session.scalars(select(Signal.id).where(Signal.id.in_(ids))))


# One statement for all rows, for at each the drivers let go of the interpreter, which under load
# has a queue before it; and as text, for SQLAlchemy would compile all of it anew each time.

_INSERT = f"INSERT INTO signals ({', '.join(column.name for column in _WRITTEN)})"
_ONCE = "ON CONFLICT (connection_id, dedupe_key) DO NOTHING"


def _of_rows(dialect: Dialect, rows: Sequence[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
    """SQLite's: a mark for each value."""
    prepared = _prepared(dialect)
    return _marks(len(rows)), tuple(
        prepare(row[name]) for row in rows for name, prepare in prepared
    )


@cache
def _marks(rows: int) -> str:
    one = f"({', '.join('?' * len(_WRITTEN))})"
    return f"{_INSERT} VALUES {', '.join([one] * rows)} {_ONCE}"


def _of_columns(dialect: Dialect, rows: Sequence[dict[str, Any]]) -> tuple[str, tuple[Any, ...]]:
    """PostgreSQL's: an array for each column, so that it is one statement however many rows come,
    which driver and server read but once."""
    prepared = _prepared(dialect)
    return _arrays(dialect), tuple(
        [prepare(row[name]) for row in rows] for name, prepare in prepared
    )


@cache
def _arrays(dialect: Dialect) -> str:
    # %b: as bytes, not as text; https://www.psycopg.org/psycopg3/docs/basic/params.html
    arrays = ", ".join(f"%b::{column.type.compile(dialect)}[]" for column in _WRITTEN)
    return f"{_INSERT} SELECT * FROM unnest({arrays}) {_ONCE}"  # noqa: S608 - our own names


@cache
def _prepared(dialect: Dialect) -> list[tuple[str, _Prepare]]:
    """Each column, and what makes its value the driver's."""
    return [(c.name, _preparing(c.type, dialect)) for c in _WRITTEN]


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
