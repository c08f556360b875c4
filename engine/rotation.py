"""Keys rotate while everything runs: a new key seals, every stored value is sealed anew, and
only then the old key goes.

Which columns are sealed is told by their ``info``; nothing here lists tables. A kill at any
moment leaves values under the old or the new key, both of which open; running ``rotate`` again
goes on where it stopped, for a value under the newest key is passed over.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Column, Row, Select, Table, func, select, tuple_
from sqlalchemy.orm import Session

from ..models.errors import ConfigurationError, RefusedError
from ..models.tables import Base
from .audit import note
from .runtime import Runtime

log = structlog.get_logger(__name__)

BATCH = 200
SETTLE = timedelta(seconds=45)
"""A value sealed with the old key just before the switch is stored by then: SQLite's lock is
waited for 30 seconds at most."""
MAX_PASSES = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one column is, in rows looked at."""

    column: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """What ``rotate`` did. ``unreadable`` names columns with values that no key opens."""

    switched: bool
    resealed: int
    dropped_old: bool
    unreadable: tuple[str, ...] = ()


def new_key(runtime: Runtime, *, actor: str) -> None:
    """Add a key that opens but does not seal yet, so that copies of the file can be handed out.

    Raises ConfigurationError while another one waits.
    """
    with _alone(runtime):
        runtime.keys.save(runtime.keys.current().with_new())
        _audit(runtime, actor=actor, action="keys.new")


def rotate(
    runtime: Runtime,
    *,
    actor: str,
    keep_old: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    settle: timedelta = SETTLE,
    sleep: Callable[[float], None] = time.sleep,
    batch: int = BATCH,
) -> Rotation:
    """Put the waiting key to use, seal everything anew with it, drop the old sealing keys.

    ``keep_old`` leaves out the last step, until every machine has the new key file. Old signing
    keys always stay: links in mails were signed with them. Raises RefusedError when no key
    waits and none is left over from a rotation that was cut off.
    """
    with _alone(runtime):
        keys = runtime.keys.current()
        switched = bool(keys.next_sealing)
        if not switched and len(keys.sealing) == 1:
            raise RefusedError("no new key is waiting; run 'careerrelay keys new' first")
        if switched:
            runtime.keys.save(keys.rotated())
            _audit(runtime, actor=actor, action="keys.rotate")
        resealed, unreadable = _pass(runtime, progress, batch)
        if keep_old or unreadable:
            return Rotation(switched, resealed, False, unreadable)
        sleep(_still_to_wait(runtime, settle))
        resealed += _until_nothing_is_left(runtime, progress, batch)
        runtime.keys.save(runtime.keys.current().only_newest_seal())
        _audit(runtime, actor=actor, action="keys.drop_old")
        log.info("keys_rotated", resealed=resealed)
        return Rotation(switched, resealed, True)


@contextmanager
def _alone(runtime: Runtime) -> Iterator[None]:
    """One at a time: two would overwrite each other's key file. Dies with the process."""
    with runtime.keys.path.with_suffix(".lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RefusedError("another 'careerrelay keys' command is at work") from None
        yield


def _audit(runtime: Runtime, *, actor: str, action: str) -> None:
    with runtime.database.begin() as session:
        note(runtime, session, actor=actor, action=action, subject="keys")


def _still_to_wait(runtime: Runtime, settle: timedelta) -> float:
    """Seconds until ``settle`` after the switch, told by the key file's own time stamp."""
    since = time.time() - runtime.keys.path.stat().st_mtime
    return max(0.0, settle.total_seconds() - since)


def _until_nothing_is_left(
    runtime: Runtime, progress: Callable[[Progress], None], batch: int
) -> int:
    """Passes until one finds every value under the newest key; returns how many were not."""
    found = 0
    for _ in range(MAX_PASSES):
        resealed, _ = _pass(runtime, progress, batch)
        found += resealed
        if not resealed:
            return found
    raise RefusedError(
        "values sealed with an old key keep appearing: a process still uses an old copy of the "
        "key file; hand out the new one, then run 'careerrelay keys rotate' again"
    )


def sealed_columns() -> list[Column[Any]]:
    """Every column that holds sealed values."""
    tables = Base.metadata.sorted_tables
    return [column for table in tables for column in table.columns if column.info.get("sealed")]


def _pass(
    runtime: Runtime, progress: Callable[[Progress], None], batch: int
) -> tuple[int, tuple[str, ...]]:
    """Once over all sealed columns: values sealed anew, columns with values that do not open."""
    resealed, unreadable = 0, []
    for column in sealed_columns():
        sweep = _ColumnSweep(runtime, column, batch)
        resealed += sweep.run(progress)
        if sweep.unreadable:
            unreadable.append(f"{column.table.name}.{column.name}")
    return resealed, tuple(unreadable)


class _ColumnSweep:
    """One sealed column, in batches along the primary key, each its own transaction."""

    def __init__(self, runtime: Runtime, column: Column[Any], batch: int) -> None:
        self._runtime = runtime
        self._vault = runtime.vault
        self._column = column
        self._table: Table = column.table
        self._key = list(self._table.primary_key.columns)
        # Bodies of signals are up to 1 MiB each; a batch of them is held in memory.
        self._batch = max(1, batch // 10) if column.info["sealed"] == "bytes" else batch
        if column.info.get("large"):
            self._batch = 1  # whole mails
        self.unreadable = 0

    def run(self, progress: Callable[[Progress], None]) -> int:
        """Seal anew what is not under the newest key; returns how many values that were."""
        with self._runtime.database.read() as session:
            total = session.scalar(select(func.count()).select_from(self._table)) or 0
            # What comes in meanwhile, some of it behind all others for ever, is the next pass's.
            end = session.execute(self._rows_by_key(descending=True).limit(1)).first()
        if end is None:
            return 0
        done = resealed = 0
        last: tuple[Any, ...] | None = None
        while rows := self._next(last, end=tuple(end[:-1])):
            stale = [tuple(row[:-1]) for row in rows if self._is_stale(row[-1])]
            if stale:
                resealed += self._reseal(stale)
            last, done = tuple(rows[-1][:-1]), done + len(rows)
            progress(Progress(f"{self._table.name}.{self._column.name}", done, max(done, total)))
        return resealed

    def _rows_by_key(self, *, descending: bool = False) -> Select[Any]:
        order = [column.desc() for column in self._key] if descending else self._key
        return select(*self._key, self._column).order_by(*order)

    def _next(self, last: tuple[Any, ...] | None, *, end: tuple[Any, ...]) -> Sequence[Row[Any]]:
        query = self._rows_by_key().where(tuple_(*self._key) <= tuple_(*end)).limit(self._batch)
        if last is not None:
            query = query.where(tuple_(*self._key) > tuple_(*last))
        with self._runtime.database.read() as session:
            return session.execute(query).all()

    def _is_stale(self, value: Any) -> bool:
        return any(not self._vault.is_newest(sealed) for sealed in self._sealed_in(value))

    def _sealed_in(self, value: Any) -> list[bytes]:
        """The sealed values in one cell: a text, bytes, or some values of a JSON object."""
        if not value:
            return []
        if isinstance(value, dict):
            return [v.encode() for n, v in value.items() if v and self._is_meant(n)]
        return [value if isinstance(value, bytes) else value.encode()]

    def _is_meant(self, name: str) -> bool:
        only = self._column.info.get("only")
        return only is None or name in only

    def _reseal(self, keys: list[tuple[Any, ...]]) -> int:
        with self._runtime.database.begin() as session:
            return sum(self._reseal_row(session, key) for key in keys)

    def _reseal_row(self, session: Session, key: tuple[Any, ...]) -> int:
        """Read again under a lock: the row may have changed, or gone, since it was looked at."""
        where = [column == part for column, part in zip(self._key, key, strict=True)]
        found = session.execute(select(self._column).where(*where).with_for_update()).first()
        if found is None or not self._is_stale(found[0]):
            return 0
        try:
            value = self._sealed_anew(found[0])
        except ConfigurationError:
            self.unreadable += 1
            return 0
        session.execute(self._table.update().where(*where).values({self._column: value}))
        return 1

    def _sealed_anew(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                n: self._vault.reseal(v.encode()).decode() if v and self._is_meant(n) else v
                for n, v in value.items()
            }
        if isinstance(value, bytes):
            return self._vault.reseal(value)
        return self._vault.reseal(value.encode()).decode()
