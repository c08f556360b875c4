"""Twenty thousand rejected applications on the stand-ins of real ATSs, polled, read, decided.

    python -m bench.backfill_vendors NAME PEOPLE FOLDER

The process is killed once in the middle and another one goes on. Prints JSON: calls to the
vendor, seconds of them at the vendor's limit (null where none is published), the peak of memory in
MiB (the stand-in's own included), and how many deaths there were.
"""

from __future__ import annotations

import json
import resource
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog

from bench.processes import measured
from bench.results import Result, compared
from careerrelay.cli.demo.ports import choose
from careerrelay.cli.rehearsal.house import House
from careerrelay.cli.rehearsal.play import Play
from careerrelay.connectors import connector_class
from careerrelay.connectors.testing.story import story_beside

NAMES = ("greenhouse", "ashby", "herp")
PEOPLE = 20_000
PAGE = 100


def compare(folder: Path, *, people: int = PEOPLE) -> list[Result]:
    """Calls against the pages there are, one after the other."""
    return [
        compared(
            f"backfill: {name}, {people:,} rejected, killed once, calls against pages",
            ours=measured("bench.backfill_vendors", name, people, folder / f"fill-{name}")["calls"],
            peer=people / PAGE,
            target="<= 4",
        )
        for name in NAMES
    ]


def run(name: str, people: int, folder: Path) -> dict[str, Any]:
    """One backfill; the death comes when about half of the pages have been stored."""
    connector = connector_class(name)
    tell = story_beside(connector)
    assert tell is not None, name
    ports = choose(None)
    house = House(folder, port=ports.server, smtp_port=ports.smtp)
    play = Play(connector, tell(house.clock), house, bulk=people)
    with ExitStack() as stack:
        url = stack.enter_context(play.story.stand_in.serve())
        stack.enter_context(house.living())
        calls = play.backfill(url, die_at=max(2, people // PAGE // 2))
    limit = connector.spec.rate_limit
    return {
        "name": name,
        "people": people,
        "calls": calls,
        "seconds_at_limit": calls * play.pace.total_seconds() if limit else None,
        "peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "deaths": house.deaths,
    }


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
