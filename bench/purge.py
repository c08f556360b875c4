"""The purge at ten million rows: what it deletes in a second, against a tenth of the rows.

    python -m bench.purge [FEW MANY]

PostgreSQL, filled by the database itself with signals and attempts, of which the same number is
past its time in both sizes. Rounds alternate; the oldest rows are the ones that came first.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from sqlalchemy import text

from bench.results import Result, compared, table
from bench.sites import CONNECTION, found, settings
from careerrelay.engine import retention
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime, utcnow
from tests.support.postgres import PostgresServer, running_postgres

FEW, MANY = 1_000_000, 10_000_000
OLD = 20_000
"""Rows of each kind that a round deletes."""
ROUNDS = 5
SLOWER = 1.3
FILL = (
    """INSERT INTO signals (id, connection_id, source, dedupe_key, received_at, request,
    body_sealed, body_sha256, state, due_at, attempts, failures, crashes) SELECT md5('s' || n),
    :connection, 'webhook', md5('k' || n), now() - (:n - n) * interval '10 milliseconds', '{}',
    'sealed', '', 'done', now(), 1, 0, 0 FROM generate_series(1, :n) n""",
    """INSERT INTO attempts (id, task, subject_id, number, started_at, finished_at) SELECT
    md5('a' || n), 'deliver', md5('s' || n), 1, at, at FROM generate_series(1, :n) n,
    LATERAL (SELECT now() - (:n - n) * interval '10 milliseconds' AS at) moment""",
)
AGE = (
    """UPDATE signals SET received_at = received_at - interval '10 years' WHERE id IN
    (SELECT id FROM signals ORDER BY received_at LIMIT :old)""",
    """UPDATE attempts SET finished_at = finished_at - interval '10 years' WHERE id IN
    (SELECT id FROM attempts ORDER BY finished_at LIMIT :old)""",
)


@contextmanager
def filled(folder: Path, url: str, rows: int) -> Iterator[Runtime]:
    """An installation with so many signals and attempts."""
    made = settings(folder, url=url)
    found(made)
    runtime = Runtime(made, queue=InlineQueue(utcnow))
    try:
        for statement in FILL:
            _run(runtime, statement, n=rows, connection=CONNECTION)
        _run(runtime, "VACUUM ANALYZE")
        yield runtime
    finally:
        runtime.close()


def _run(runtime: Runtime, statement: str, **values: object) -> None:
    engine = runtime.database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        asked = {name: value for name, value in values.items() if f":{name}" in statement}
        connection.execute(text(statement), asked)


def rate(runtime: Runtime) -> float:
    """Rows that one purge deletes in a second. ValueError: it deleted others than were due."""
    for statement in AGE:
        _run(runtime, statement, old=OLD)
    began = time.perf_counter()
    counts = retention.purge(runtime)
    seconds = time.perf_counter() - began
    if (counts["signals"], counts["attempts"]) != (OLD, OLD):
        raise ValueError(counts)
    return 2 * OLD / seconds


def compare(server: PostgresServer, few: int = FEW, many: int = MANY) -> list[Result]:
    """Both sizes on one server."""
    with (
        tempfile.TemporaryDirectory() as folder,
        filled(Path(folder) / "few", server.create_database(), few) as small,
        filled(Path(folder) / "many", server.create_database(), many) as large,
    ):
        rounds = [(rate(small), rate(large)) for _ in range(ROUNDS)]
    return [
        compared(
            f"purge: rows a second at {many:,} rows against {few:,}",
            ours=median(pair[1] for pair in rounds),
            peer=median(pair[0] for pair in rounds),
            target=f">= {1 / SLOWER:.2g}",
        )
    ]


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:3]] or [FEW, MANY]
    with running_postgres(checkpoint_timeout="30min", max_wal_size="8GB") as own:
        print(table(compare(own, *sizes)))
