"""From the embedded SQLite file to the configured database, typically PostgreSQL.

Rows move as they are: sealed values stay sealed, so both sides need the same key file. The
queue's own tables do not move; the sweep finds owed work that nothing in the queue points at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from ..models.database import Database
from ..models.errors import ConfigurationError, RefusedError
from ..models.tables import Base, Company, Heartbeat
from .audit import note
from .installation import check_revision, locked, store_errors
from .rotation import sealed_columns
from .runtime import Runtime

log = structlog.get_logger(__name__)

BATCH = 500
_LEFT_BEHIND = frozenset({Heartbeat.__tablename__})
"""Processes of the old place mean nothing in the new one."""


def import_sqlite(
    runtime: Runtime,
    source: Path,
    *,
    actor: str,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> dict[str, int]:
    """Copy every row of ``source`` into the runtime's empty database, all or nothing.

    Returns rows per table. ``source`` is only read, and not while a process works on it.
    Raises ConfigurationError (no such file, another version, another key file), RefusedError
    (it is in use; the database here holds companies already).
    """
    if not source.is_file():
        raise ConfigurationError(f"the database file {source} does not exist")
    with locked(Path(f"{source}.lock"), what="database import"):
        database = Database(f"sqlite:///{source}")
        try:
            with store_errors(), database.read() as old:
                check_revision(database)
                _check_keys(runtime, old)
                return _copy(runtime, old, actor, progress)
        finally:
            database.close()


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


def _copy(
    runtime: Runtime, old: Session, actor: str, progress: Callable[[str, int, int], None]
) -> dict[str, int]:
    copied: dict[str, int] = {}
    with runtime.database.begin() as new:
        if new.scalar(select(func.count()).select_from(Company)):
            raise RefusedError(
                "the database of these settings holds companies already; import into an empty one"
            )
        for table in Base.metadata.sorted_tables:
            if table.name not in _LEFT_BEHIND:
                copied[table.name] = _copy_table(old, new, table, progress)
        note(runtime, new, actor=actor, action="database.import", subject="database", rows=copied)
    log.info("database_imported", rows=sum(copied.values()))
    return copied


def _copy_table(
    old: Session, new: Session, table: Table, progress: Callable[[str, int, int], None]
) -> int:
    total = old.scalar(select(func.count()).select_from(table)) or 0
    done = 0
    for rows in old.execute(select(table)).partitions(BATCH):
        values: list[dict[str, Any]] = [dict(row._mapping) for row in rows]
        new.execute(insert(table), values)
        done += len(values)
        progress(table.name, done, total)
    return done
