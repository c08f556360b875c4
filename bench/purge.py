"""The purge at ten million rows: what it deletes in a second, against a tenth of the rows.

    python -m bench.purge [FEW MANY [sqlite]]

Signals and attempts lie in order of time under random ids, as an installation's do; they are
filled in by the database itself, before the indexes are made. A round moves the clock on, so that
the same number is past its time in both sizes, the oldest ones; rounds alternate. Last, ten times
as many go at once, as when the days are shortened.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection as Session
from sqlalchemy import Constraint, UniqueConstraint, text
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from bench.results import Result, compared, table
from bench.sites import CONNECTION, found, settings
from careerrelay.engine import retention
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime
from careerrelay.models.tables import Attempt, Signal
from tests.support.postgres import running_postgres

FEW, MANY = 1_000_000, 10_000_000
FEW_ON_SQLITE, MANY_ON_SQLITE = 100_000, 1_000_000
ROUNDS = 5
SHARE = 25
"""A round deletes so small a part of the few."""
AT_ONCE = 25
"""The last one deletes so small a part of the many."""
SLOWER = 1.3
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(milliseconds=10)
SERVER = {
    "checkpoint_timeout": "30min",
    "max_wal_size": "8GB",
    "wal_level": "minimal",
    "max_wal_senders": 0,
    "maintenance_work_mem": "512MB",
}
"""Filling is quick with these; the purge itself gains nothing by them but rare checkpoints."""

ON_POSTGRES = {
    "numbers": "SELECT n FROM generate_series(0, :n - 1) n",
    "id": "substr(md5(random()::text || n), 1, 22)",
    "at": "timestamptz '2026-01-01 00:00+00' + n * interval '10 milliseconds'",
}
ON_SQLITE = {
    "numbers": """WITH RECURSIVE numbers(n) AS (
        SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :n - 1) SELECT n FROM numbers""",
    "id": "lower(hex(randomblob(11)))",
    "at": "strftime('%Y-%m-%d %H:%M:%f', 1767225600 + n * 0.01, 'unixepoch') || '000'",
}
FILL = {
    Signal: """INSERT INTO signals (id, connection_id, source, dedupe_key, received_at, request,
    body_sealed, body_sha256, state, due_at, attempts, failures, crashes)
    SELECT {id}, :connection, 'webhook', {id}, {at}, '{{}}', 'sealed', '', 'done', {at}, 1, 0, 0
    FROM ({numbers}) numbers""",
    Attempt: """INSERT INTO attempts (id, task, subject_id, number, started_at, finished_at)
    SELECT {id}, 'deliver', {id}, 1, {at}, {at} FROM ({numbers}) numbers""",
}


@dataclass
class Site:
    """A filled installation, whose clock stands where it is put."""

    runtime: Runtime
    rows: int
    gone: int = 0

    def now(self) -> datetime:
        """When all that should be gone by now is past its time."""
        keep = self.runtime.settings.retention["signal_days"]
        return FIRST + timedelta(days=keep) + self.gone * APART - APART / 2

    def rate(self, old: int) -> float:
        """Rows deleted in a second, of so many of each kind. ValueError: others than were due."""
        self.gone += old
        began = time.perf_counter()
        counts = retention.purge(self.runtime)
        seconds = time.perf_counter() - began
        if (counts["signals"], counts["attempts"]) != (old, old):
            raise ValueError(counts)
        return 2 * old / seconds


@contextmanager
def filled(folder: Path, url: str, rows: int) -> Iterator[Site]:
    """An installation with so many signals and attempts."""
    made = settings(folder, url=url)
    found(made)
    clocks: list[Callable[[], datetime]] = [lambda: FIRST]
    runtime = Runtime(made, queue=InlineQueue(lambda: clocks[0]()), clock=lambda: clocks[0]())
    site = Site(runtime, rows)
    clocks[0] = site.now
    began = time.perf_counter()
    try:
        _fill(runtime, rows)
        print(f"{rows:,} of each filled in, {time.perf_counter() - began:.0f} s", flush=True)
        yield site
    finally:
        runtime.close()


def _fill(runtime: Runtime, rows: int) -> None:
    words = ON_SQLITE if runtime.database.is_sqlite else ON_POSTGRES
    for row, statement in FILL.items():
        asked: dict[str, Any] = {"n": rows}
        if ":connection" in statement:
            asked["connection"] = CONNECTION
        with runtime.database.engine.begin() as session, _without_indexes(session, row.__table__):
            if not runtime.database.is_sqlite:
                # Emptied in the same transaction, a table is filled without PostgreSQL's log.
                session.execute(text(f"TRUNCATE {row.__tablename__}"))
            session.execute(text(statement.format(**words)), asked)
    with runtime.database.engine.execution_options(
        isolation_level="AUTOCOMMIT"
    ).connect() as session:
        session.execute(text("ANALYZE" if runtime.database.is_sqlite else "VACUUM ANALYZE"))


@contextmanager
def _without_indexes(session: Session, filled_table: Any) -> Iterator[None]:
    """Made again at the end, in one go each; SQLite's of constraints cannot be taken away."""
    keys: list[Constraint] = [
        filled_table.primary_key,
        *(found for found in filled_table.constraints if isinstance(found, UniqueConstraint)),
    ]
    if session.dialect.name == "sqlite":
        keys = []
    for index in filled_table.indexes:
        session.execute(DropIndex(index))
    for key in keys:
        session.execute(DropConstraint(key))
    yield
    for key in keys:
        session.execute(AddConstraint(key))
    for index in filled_table.indexes:
        session.execute(CreateIndex(index))


def compare(urls: Callable[[], str], few: int = FEW, many: int = MANY) -> list[Result]:
    """Both sizes, each on a database that ``urls`` makes; "" is SQLite in a folder."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        small = stack.enter_context(filled(folder / "few", urls(), few))
        large = stack.enter_context(filled(folder / "many", urls(), many))
        old = few // SHARE
        rounds = [(small.rate(old), large.rate(old)) for _ in range(ROUNDS)]
        print("rows a second:", ", ".join(f"{a:,.0f} and {b:,.0f}" for a, b in rounds), flush=True)
        pace = median(pair[1] for pair in rounds)
        at_once = large.rate(many // AT_ONCE)
        database = "SQLite" if large.runtime.database.is_sqlite else "PostgreSQL"
    target = f">= {1 / SLOWER:.2g}"
    return [
        compared(
            f"purge, {database}: rows a second at {many:,} rows against {few:,}",
            ours=pace,
            peer=median(pair[0] for pair in rounds),
            target=target,
        ),
        compared(
            f"purge, {database}: rows a second, {many // AT_ONCE:,} at once against {old:,}",
            ours=at_once,
            peer=pace,
            target=target,
        ),
    ]


def main(words: list[str]) -> None:
    """One database, the sizes that are asked for."""
    sizes = [int(word) for word in words if word.isdigit()]
    if "sqlite" in words:
        print(table(compare(str, *(sizes or (FEW_ON_SQLITE, MANY_ON_SQLITE)))))
        return
    with running_postgres(**SERVER) as server:
        print(table(compare(server.create_database, *(sizes or (FEW, MANY)))))


if __name__ == "__main__":
    main(sys.argv[1:])
