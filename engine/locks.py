"""One holder at a time per name, over all processes that share the database.

SQLite has one process, so a lock in memory is enough; PostgreSQL has session advisory locks,
taken on connections of their own because calls to a vendor are made while they are held.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sqlalchemy import Engine, text

from ..models.database import Database, open_engine

# One trip for all of them, taken in the order of the array.
_EACH = "FROM unnest(CAST(:numbers AS bigint[])) AS n"
_LOCK = text(f"SELECT pg_advisory_lock(n) {_EACH}")
_UNLOCK = text(f"SELECT pg_advisory_unlock(n) {_EACH}")


class Locks:
    """Named locks; not re-entrant. Take a candidate's before a token's, never the other way."""

    def __init__(self, database: Database) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, threading.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._engine = None
        if not database.is_sqlite:
            # A session's lock needs no transaction, and each would cost two trips more.
            opened = open_engine(database.url, pool_size=20)
            self._engine = opened.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def hold(self, *names: str) -> Iterator[None]:
        """Wait for the locks, and free them at the end (or at the process's death).

        Several are taken in one order, so that two holders never wait for each other.
        """
        with ExitStack() as held:
            for name in sorted(set(names)):
                held.enter_context(self._in_process(name))
            if self._engine is not None and names:
                held.enter_context(self._over_processes(self._engine, names))
            yield

    @contextmanager
    def _over_processes(self, engine: Engine, names: Sequence[str]) -> Iterator[None]:
        numbers = {"numbers": sorted({_number(name) for name in names})}
        with engine.connect() as connection:
            connection.execute(_LOCK, numbers)
            try:
                yield
            finally:
                connection.execute(_UNLOCK, numbers)

    @contextmanager
    def _in_process(self, name: str) -> Iterator[None]:
        with self._guard:
            lock = self._held.setdefault(name, threading.Lock())
            self._waiting[name] += 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                self._waiting[name] -= 1
                if not self._waiting[name]:
                    del self._waiting[name], self._held[name]

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
