"""The parts of the benchmark: what each measures, its time limit, and its two sizes.

    python -m bench.parts NAME FILE

runs one, prints what it has to say and writes its lines to FILE. ``BENCH_FULL`` in the
environment: the full sizes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.results import Result, write
from tests.support.postgres import running_postgres

FULL = "BENCH_FULL"
FULL_LIMITS = 3.0
"""So many times the limits, with the full sizes, where a part states no other."""


@dataclass(frozen=True, slots=True)
class Part:
    """``run`` gets an empty folder; it may take ``minutes``, or with the full sizes ``full``."""

    run: Callable[[Path], list[Result]]
    minutes: float
    full: float | None = None
    daily: bool = True
    """Else it runs with the full sizes, or when it is named."""

    @property
    def seconds(self) -> float:
        """Its limit with the sizes that are asked for."""
        full = self.minutes * FULL_LIMITS if self.full is None else self.full
        return 60 * (full if is_full() else self.minutes)


def is_full() -> bool:
    """The sizes of the targets, which take hours, and not those of every day."""
    return bool(os.environ.get(FULL))


def asked_for() -> list[str]:
    """The parts of a run that names none."""
    return [name for name, part in PARTS.items() if part.daily or is_full()]


def _links(_folder: Path) -> list[Result]:
    from bench import links

    return links.compare()


def _ingest(_folder: Path) -> list[Result]:
    from bench import ingest

    with running_postgres() as postgres:
        return ingest.measure({"SQLite": "", "PostgreSQL": postgres.create_database()})


def _slow_disk(_folder: Path) -> list[Result]:
    from bench import ingest

    return ingest.measure_slow_disk()


def _ways(folder: Path) -> list[Result]:
    from bench import ways

    with running_postgres() as postgres:
        return ways.compare(folder, postgres.create_database())


def _kills(folder: Path) -> list[Result]:
    from bench import kills

    with running_postgres() as postgres:
        return kills.compare(folder, {"SQLite": "", "PostgreSQL": postgres.create_database()})


def _queue(folder: Path) -> list[Result]:
    from bench import queue

    with running_postgres() as postgres:
        return queue.compare(folder, f"sqlite:///{folder}/queue.db", postgres.create_database())


def _flood(folder: Path) -> list[Result]:
    from bench import flood

    return flood.compare(folder)


def _overload(folder: Path) -> list[Result]:
    from bench import overload

    return overload.compare(folder)


def _backfill(folder: Path) -> list[Result]:
    from bench import backfill

    return backfill.compare(folder)


def _vendors(folder: Path) -> list[Result]:
    from bench import backfill_vendors

    return backfill_vendors.compare(folder, people=20_000 if is_full() else 4_000)


def _bulk(folder: Path) -> list[Result]:
    from bench import bulk_rejections

    return bulk_rejections.compare(folder, people=200)


def _grown(folder: Path) -> list[Result]:
    from bench import grown

    with running_postgres() as postgres:
        return grown.compare(folder, postgres, bulk=5_000 if is_full() else 1_000)


def _scale(_folder: Path) -> list[Result]:
    from bench import scale

    few = scale.FEW if is_full() else scale.FEW // 5
    with running_postgres(**scale.SERVER) as postgres:
        return scale.compare(postgres, few, few * 10)


def _purge(_folder: Path) -> list[Result]:
    from bench import purge

    few = purge.FEW if is_full() else purge.FEW // 20
    few_on_sqlite = purge.FEW_ON_SQLITE if is_full() else purge.FEW_ON_SQLITE // 10
    on_sqlite = purge.compare(str, few_on_sqlite, few_on_sqlite * 10)
    with running_postgres(**purge.SERVER) as postgres:
        return purge.compare(postgres.create_database, few, few * 10) + on_sqlite


def _injection(folder: Path) -> list[Result]:
    from bench import injection

    return injection.compare(folder)


def _relay(_folder: Path) -> list[Result]:
    from bench import relay

    return relay.compare()


PARTS: Mapping[str, Part] = {
    "links": Part(_links, 0.5),
    "ingest": Part(_ingest, 4),
    "slow_disk": Part(_slow_disk, 4),
    "ways": Part(_ways, 3.5),
    "kills": Part(_kills, 5, full=5, daily=False),
    "queue": Part(_queue, 5, full=5, daily=False),
    "flood": Part(_flood, 3),
    "overload": Part(_overload, 2),
    "backfill": Part(_backfill, 5),
    "vendors": Part(_vendors, 5),
    "bulk": Part(_bulk, 6),
    "grown": Part(_grown, 8),
    "scale": Part(_scale, 8),
    "purge": Part(_purge, 3, full=25),
    "injection": Part(_injection, 4),
    "relay": Part(_relay, 4),
}


def main(name: str, file: Path) -> None:
    """One part, in this process."""
    with tempfile.TemporaryDirectory(prefix="careerrelay-bench-") as folder:
        write(PARTS[name].run(Path(folder)), file)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
