"""A new connection whose ATS holds thousands of rejections: walked, stored, read, decided.

    python -m bench.backfill PEOPLE FOLDER

Runs the whole engine in this process, as ``careerrelay serve`` does, and prints JSON: seconds from
the first page to the last decision, and the peak of this process's memory in MiB.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import structlog
from sqlalchemy import func, select

from bench.processes import measured
from bench.results import Result, compared, middle
from bench.sites import CONNECTION, found, settings
from careerrelay.engine import polling
from careerrelay.engine.runtime import Runtime
from careerrelay.engine.service import Service
from careerrelay.models.tables import Decision
from tests.support import plugins

FEW, MANY = 1_000, 10_000
PATIENCE_SECONDS = 280.0


def compare(folder: Path) -> list[Result]:
    """Ten thousand against one thousand, the thousand before and after."""
    path = plugins.install(folder / "plugins", name="bulk", target="bench.bulk_ats:BulkConnector")
    runs = [
        measured("bench.backfill", people, folder / f"backfill{n}", PYTHONPATH=path)
        for n, people in enumerate((FEW, MANY, FEW))
    ]
    few, many = (runs[0], runs[2]), runs[1]
    return [
        compared(
            f"backfill: {MANY:,} against {FEW:,} rejections, s",
            ours=many["seconds"],
            peer=middle([run["seconds"] for run in few]),
            target=f"<= {MANY / FEW * 1.2:g}",
        ),
        compared(
            f"backfill: {MANY:,} against {FEW:,} rejections, peak MiB",
            ours=many["peak"],
            peer=middle([run["peak"] for run in few]),
            target="<= 1.2",
        ),
    ]


def run(people: int, folder: Path) -> dict[str, float]:
    """One backfill on a fresh installation."""
    made = settings(folder)
    found(
        made, connection={"connector": "bulk", "settings": {"people": str(people)}, "secrets": {}}
    )
    runtime = Runtime(made)
    service = Service(runtime)
    service.start()
    try:
        polling.poll_now(runtime, CONNECTION, at=runtime.clock())
        began = time.monotonic()
        while _decided(runtime) < people:
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise TimeoutError(f"{_decided(runtime)} of {people} after {PATIENCE_SECONDS} s")
            time.sleep(0.1)
        seconds = time.monotonic() - began
    finally:
        service.stop()
        runtime.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "peak": peak}


def _decided(runtime: Runtime) -> int:
    with runtime.database.read() as session:
        return session.scalar(select(func.count(Decision.id))) or 0


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print(json.dumps(run(int(sys.argv[1]), Path(sys.argv[2]))))
