"""Open a database URL: SQLite in one folder, or PostgreSQL; migrate; one transaction per call."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from .errors import ConfigurationError
from .schema import Schema

_WRITE = "careerrelay_write"
_GIVE_UP = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}
"""Where the server's machine is gone without a word, the one writer of a process would wait for a
quarter of an hour. Whoever wants other values names them in the URL.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""


def normalised_url(url: str) -> str:
    """``postgresql://`` means psycopg 3; everything else must name a driver we test."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("postgresql+psycopg", "sqlite"):
        raise ConfigurationError("store.url: only sqlite:///... and postgresql://... are supported")
    return parsed.render_as_string(hide_password=False)


def open_engine(url: str, *, pool_size: int = 10) -> Engine:
    """An engine with our durability: WAL and FULL on SQLite, defaults on PostgreSQL."""
    # An error that quotes its parameters would carry names and addresses into a log.
    shared = {"hide_parameters": True, "pool_size": pool_size, "max_overflow": 20}
    if url.startswith("sqlite"):
        engine = create_engine(url, **shared)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    parsed = make_url(url)
    whole = parsed.update_query_dict({**_GIVE_UP, **parsed.query})
    return create_engine(whole, pool_pre_ping=True, **shared)


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # Transactions are begun by _begin_sqlite; FULL because NORMAL may lose the last commits
    # at power loss, and an acknowledged signal would be gone.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _take_turns(engine: Engine, lock: threading.RLock) -> None:
    """Each transaction of ``engine`` holds ``lock`` until its connection is given back.

    The driver itself begins (IMMEDIATE) at the first write, so that a library may read on one
    connection while it writes on another.
    """
    event.remove(engine, "begin", _begin_sqlite)
    event.listen(engine, "connect", _begin_at_first_write)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if not connection.info.get("turn"):
            lock.acquire()
            connection.info["turn"] = True

    @event.listens_for(engine, "checkin")
    def rest(_dbapi: Any, record: Any) -> None:
        if record.info.pop("turn", False):
            lock.release()


def _begin_at_first_write(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = "IMMEDIATE"


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a read that later writes cannot fail half-way.
    write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def insert_into(session: Session, table: Any) -> Any:
    """The INSERT of the session's database, which knows ``on_conflict_do_nothing``."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return sqlite_insert(table) if is_sqlite else postgresql_insert(table)


class Database:
    """The store. ``begin()`` for writes, ``read()`` for reads; nothing else opens sessions."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = normalised_url(url)
        self.engine = open_engine(self.url, pool_size=pool_size)
        self._write_engine = self.engine.execution_options(**{_WRITE: True})
        # SQLite's own waiting is unfair (p99 near a second); one lock per process is not.
        self._lock = threading.RLock() if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One write transaction: commits at the end, rolls back on any exception."""
        if self._lock is None:
            with Session(self._write_engine, expire_on_commit=False) as session, session.begin():
                yield session
            return
        with (
            self._lock,
            Session(self._write_engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One read transaction; nothing in it is written."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    def second_engine(self, *, pool_size: int) -> Engine:
        """A separate pool on the same database, for a library that opens its own transactions.

        On SQLite each of them takes our write lock: waiting on SQLite's own lock is a sleep
        that grows, and two writers that do so slow each other down a hundredfold.
        """
        engine = open_engine(self.url, pool_size=pool_size)
        if self._lock is not None:
            _take_turns(engine, self._lock)
        return engine

    @cached_property
    def schema(self) -> Schema:
        """Which revision there is, and which is wanted."""
        return Schema(self._write_engine)

    def upgrade(self) -> None:
        """Bring the schema to this version's, creating it where there is none."""
        self.schema.upgrade()

    def revision(self) -> str | None:
        """The schema's revision, None before the first upgrade."""
        return self.schema.revision()

    def head(self) -> str:
        """The revision ``upgrade`` would bring the schema to."""
        return self.schema.head

    def backup(self, target: Path) -> None:
        """A consistent copy of a live SQLite file; PostgreSQL has its own tools for that."""
        if not self.is_sqlite:
            raise ConfigurationError(
                "database backup copies SQLite only; use pg_dump for PostgreSQL"
            )
        with self.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
            connection.exec_driver_sql("BEGIN")

    def check(self) -> None:
        """A round trip, and SQLite's own consistency check."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            if self.is_sqlite:
                answer = connection.exec_driver_sql("PRAGMA quick_check").scalar()
                if answer != "ok":
                    raise ConfigurationError("the SQLite file is damaged; restore a backup")

    def close(self) -> None:
        self.engine.dispose()
