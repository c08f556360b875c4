"""``python -m bench``: measure, print the table, write build/bench.json."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench import (
    backfill,
    backfill_vendors,
    bulk_rejections,
    flood,
    grown,
    ingest,
    injection,
    links,
    relay,
    scale,
)
from bench.results import table, write
from tests.support.postgres import running_postgres

OUTPUT = Path("build/bench.json")


def main() -> None:
    """Everything, one after the other; about half an hour on two cores."""
    results = links.compare()
    with running_postgres() as postgres:
        results += ingest.measure({"SQLite": "", "PostgreSQL": postgres.create_database()})
    results += ingest.measure_slow_disk()
    with tempfile.TemporaryDirectory() as folder:
        results += flood.compare(Path(folder))
        results += backfill.compare(Path(folder))
        results += backfill_vendors.compare(Path(folder))
        results += bulk_rejections.compare(Path(folder))
        with running_postgres() as postgres:
            results += grown.compare(Path(folder), postgres)
            results += scale.compare(postgres)
    results += injection.compare()
    results += relay.compare()
    print(table(results))
    write(results, OUTPUT)
    print(f"\nwritten to {OUTPUT}")


if __name__ == "__main__":
    main()
