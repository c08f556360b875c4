"""From the embedded SQLite file to the configured database, typically PostgreSQL.

Rows move as they are: sealed values stay sealed, so both sides need the same key file. The
queue's own tables do not move; the sweep finds owed work that nothing in the queue points at.

Every batch is a transaction of its own that also notes how far the move is, so a kill costs one
batch at most and the same command goes on. Until all rows are there, and found to be the same,
nobody can work on the new database (``installation.check_schema``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Column, LargeBinary, Row, Table, func, insert, make_url, select, tuple_
from sqlalchemy.orm import Session

from ..models.database import Database
from ..models.errors import ConfigurationError, RefusedError
from ..models.facts import MOVE
from ..models.tables import Base, Fact, Heartbeat
from .audit import note
from .installation import check_schema, locked, moved_note, store_errors
from .rotation import sealed_columns
from .runtime import Runtime

log = structlog.get_logger(__name__)

Progress = Callable[[str, int, int], None]

BATCH = 500
BATCH_OF_BODIES = 25
"""A signal's body may have 1 MiB, and a batch is held in memory."""
_LEFT_BEHIND = frozenset({Heartbeat.__tablename__, Fact.__tablename__})
"""Processes of the old place, and its schema's facts, mean nothing in the new one."""
_SUM_BITS = 256


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows a table has, and a sum over all their values, whatever their order."""

    rows: int = 0
    total: int = 0

    def with_row(self, row: Row[Any]) -> Sum:
        """The sum with one row more."""
        told = json.dumps([_plain(value) for value in row], ensure_ascii=False, sort_keys=True)
        number = int.from_bytes(hashlib.sha256(told.encode()).digest())
        return Sum(self.rows + 1, (self.total + number) % 2**_SUM_BITS)

    @property
    def checksum(self) -> str:
        """For people to compare."""
        return f"{self.total:064x}"[:16]


def move(
    runtime: Runtime,
    source: Path,
    *,
    actor: str,
    progress: Progress = lambda _what, _done, _all: None,
) -> dict[str, Sum]:
    """Copy every row of ``source`` into the runtime's empty database; returns sums by table.

    ``source`` is only read, and not while a process works on it; a note beside it keeps it from
    being served again. Raises ConfigurationError (no such file, another version, another key
    file), RefusedError (it is in use; the database here has rows of its own; a copied table is
    not the same).
    """
    if not source.is_file():
        raise ConfigurationError(f"the database file {source} does not exist")
    with (
        locked(Path(f"{source}.lock"), what="database move"),
        _opened(source) as old,
        store_errors(),
    ):
        check_schema(old)
        if old.revision() != runtime.database.revision():
            raise ConfigurationError(
                f"{source} is at another revision than the database of these settings; "
                "run 'careerrelay database upgrade' with the settings of each"
            )
        with old.read() as session:
            _check_keys(runtime, session)
        _begin(runtime, source)
        for table in _tables():
            _Copy(old, runtime.database, table, progress).run()
        sums = {table.name: _same(old, runtime.database, table, progress) for table in _tables()}
        _end(runtime, source, sums, actor=actor)
    log.info("database_moved", rows=sum(found.rows for found in sums.values()))
    return sums


@contextmanager
def _opened(source: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{source}")
    try:
        yield database
    finally:
        database.close()


def _tables() -> list[Table]:
    """In an order that never has a row point at one that is not there yet."""
    return [table for table in Base.metadata.sorted_tables if table.name not in _LEFT_BEHIND]


def _check_keys(runtime: Runtime, old: Session) -> None:
    """One value of each sealed column must open here, before anything is copied."""
    for column in sealed_columns():
        value = next((v for v in old.scalars(select(column).limit(20)) if v), None)
        for sealed in value.values() if isinstance(value, dict) else (value,):
            if isinstance(sealed, (str, bytes)) and _looks_sealed(sealed):
                runtime.vault.reseal(sealed if isinstance(sealed, bytes) else sealed.encode())


def _looks_sealed(value: str | bytes) -> bool:
    """Fernet's version byte in base64; a company's SMTP account has plain values beside it."""
    return value[:5] in ("gAAAA", b"gAAAA")


def _begin(runtime: Runtime, source: Path) -> None:
    """Close the new database to everybody else, or find that an earlier run did."""
    name = str(source.resolve())
    with runtime.database.begin() as session:
        begun = session.get(Fact, MOVE, with_for_update=True)
        if begun is not None and begun.value["source"] != name:
            raise RefusedError(
                f"a move from {begun.value['source']} into this database has begun; "
                "end it with that file, or begin anew with an empty database"
            )
        if begun is None:
            filled = next((t.name for t in _tables() if _count(session, t)), None)
            if filled is not None:
                raise RefusedError(
                    f"the database of these settings holds {filled} already; move into an empty one"
                )
            session.add(Fact(name=MOVE, value={"source": name, "at": {}}))


def _count(session: Session, table: Table) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


class _Copy:
    """One table, in batches along its primary key."""

    def __init__(self, old: Database, new: Database, table: Table, progress: Progress) -> None:
        self._old = old
        self._new = new
        self._table = table
        self._key: list[Column[Any]] = list(table.primary_key.columns)
        has_bodies = any(isinstance(column.type, LargeBinary) for column in table.columns)
        self._batch = BATCH_OF_BODIES if has_bodies else BATCH
        if any(column.info.get("large") for column in table.columns):
            self._batch = 1  # whole mails
        self._progress = progress

    def run(self) -> None:
        """All that an earlier run has not copied yet."""
        with self._old.read() as session:
            total = _count(session, self._table)
        with self._new.read() as session:
            at = session.get_one(Fact, MOVE).value["at"].get(self._table.name, {})
        last, done = at.get("key"), at.get("rows", 0)
        while rows := self._next(last):
            last, done = [rows[-1]._mapping[column] for column in self._key], done + len(rows)
            self._store(rows, {"key": last, "rows": done})
            self._progress(self._table.name, done, total)

    def _next(self, last: Sequence[Any] | None) -> Sequence[Row[Any]]:
        query = select(self._table).order_by(*self._key).limit(self._batch)
        if last is not None:
            query = query.where(tuple_(*self._key) > tuple_(*last))
        with self._old.read() as session:
            return session.execute(query).all()

    def _store(self, rows: Sequence[Row[Any]], at: dict[str, Any]) -> None:
        with self._new.begin() as session:
            session.execute(insert(self._table), [dict(row._mapping) for row in rows])
            fact = session.get_one(Fact, MOVE, with_for_update=True)
            places = {**fact.value["at"], self._table.name: at}
            fact.value = {**fact.value, "at": places}


def _same(old: Database, new: Database, table: Table, progress: Progress) -> Sum:
    """What both have, read back whole. Raises RefusedError when they differ."""
    before, after = _summed(old, table, progress), _summed(new, table, progress)
    if before != after:
        raise RefusedError(
            f"the table {table.name} is not the same in both databases ({before.rows} rows, "
            f"{before.checksum}; {after.rows} rows, {after.checksum}): the file has changed since "
            "the move began. Begin anew with an empty database"
        )
    return after


def _summed(database: Database, table: Table, progress: Progress) -> Sum:
    found = Sum()
    with database.read() as session:
        total = _count(session, table)
        rows = session.execute(select(table).execution_options(yield_per=BATCH_OF_BODIES))
        for row in rows:
            found = found.with_row(row)
            if found.rows % BATCH == 0:
                progress(f"{table.name}, compared", found.rows, total)
    return found


def _plain(value: Any) -> Any:
    """A value as both databases give it back, for JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, (bytes, memoryview)):
        return hashlib.sha256(value).hexdigest()
    return value


def _end(runtime: Runtime, source: Path, sums: dict[str, Sum], *, actor: str) -> None:
    """Open the new place, after closing the old one: never both."""
    target = make_url(runtime.database.url).render_as_string(hide_password=True)
    at = runtime.clock().isoformat(timespec="seconds")
    moved_note(source).write_text(f"moved to {target} at {at}\n", encoding="utf-8")
    with runtime.database.begin() as session:
        rows = {name: found.rows for name, found in sums.items()}
        note(runtime, session, actor=actor, action="database.move", subject="database", rows=rows)
        session.delete(session.get_one(Fact, MOVE))
