"""``make soak``: disasters for as long as wanted, on both shapes, then the auditor.

    python -m bench.soak [SECONDS [SEED]]

Each round is a fresh installation of real processes under load, web hooks, passing mail and people
who register, to which three disasters happen; all of them come round in turn. No round begins after
the time is over, and one takes a minute or two. It prints the figures of every round and ends with
1 as soon as something was lost, doubled, put in the wrong order or left open. A day without the
vendor is played with a clock that is moved by hand, for nobody's queue sleeps a day in ten minutes.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from datetime import timedelta
from itertools import islice
from pathlib import Path

from tests.disaster.audit import DOUBLED, LOST, OPEN, WRONG_ORDER, Findings
from tests.disaster.turmoil import Turmoil, crash, turmoil
from tests.support.postgres import PostgresServer, running_postgres

SECONDS = 600.0
PEOPLE = 40
REGISTERING = 4
"""Of those, so that a round makes a slot."""
DISASTERS_PER_ROUND = 3
LETTERS = 10
HOUR = 3600.0
SETTLED = timedelta(seconds=10)
DEAD_VENDOR = "tests/disaster/test_dead_vendor.py"

Disaster = Callable[[Turmoil, PostgresServer], None]


def killed(site: Turmoil, _server: PostgresServer) -> None:
    """kill -9 of one process."""
    site.kill_one()


def database_killed(site: Turmoil, server: PostgresServer) -> None:
    """kill -9 of PostgreSQL; on SQLite of the one process."""
    if site.grown:
        crash(server, seconds=site.chance.uniform(0.0, 2.0))
    else:
        site.kill_one()


def disk_full(site: Turmoil, server: PostgresServer) -> None:
    """No file grows for a while, of PostgreSQL neither."""
    with site.full_disk(), server.full() if site.grown else nullcontext():
        time.sleep(site.chance.uniform(0.5, 2.0))


def clock_jumped(site: Turmoil, _server: PostgresServer) -> None:
    """An hour ahead or back, and right again.

    Right before the next disaster: what fails under a clock that is an hour ahead is due again by
    that clock, and nobody would see the end of the round.
    """
    site.clockwork.jump(site.chance.choice((HOUR, -HOUR)))
    time.sleep(site.chance.uniform(0.5, 2.0))
    site.clockwork.jump(0.0)


def vendor_away(site: Turmoil, _server: PostgresServer) -> None:
    """The ATS answers 503 for a few seconds."""
    site.ats.away = True
    time.sleep(site.chance.uniform(0.5, 3.0))
    site.ats.away = False


def keys_rotated(site: Turmoil, _server: PostgresServer) -> None:
    """A new key, everything sealed anew, while a process dies."""
    with ThreadPoolExecutor(1) as beside:
        rotated = beside.submit(site.rotate_keys, settle=SETTLED)
        time.sleep(site.chance.uniform(0.0, 1.0))
        site.kill_one()
        rotated.result()


def asleep(site: Turmoil, _server: PostgresServer) -> None:
    """One process stands still past its lease."""
    with site.one_asleep(site.chance.choice(site.nodes), seconds=5):
        pass


DISASTERS: tuple[Disaster, ...] = (
    killed,
    database_killed,
    disk_full,
    clock_jumped,
    asleep,
    vendor_away,
    keys_rotated,
)


def in_turn(chance: random.Random) -> Iterator[Disaster]:
    """All of them, shuffled, again and again."""
    while True:
        yield from chance.sample(DISASTERS, len(DISASTERS))


def one_round(
    folder: Path,
    server: PostgresServer,
    disasters: Iterator[Disaster],
    *,
    chance: random.Random,
    grown: bool,
) -> Findings:
    """A fresh installation, three disasters, the audit."""
    url = server.create_database() if grown else ""
    those = list(islice(disasters, DISASTERS_PER_ROUND))
    names = ", ".join(disaster.__name__ for disaster in those)
    print(f"{'PostgreSQL' if url else 'SQLite'}: {names}", flush=True)
    try:
        with turmoil(folder, url=url, chance=chance, relay=True) as site:
            _disturb(site, server, those)
            return site.settle()
    finally:
        if url:
            server.drop_database(url)


def _disturb(site: Turmoil, server: PostgresServer, disasters: Sequence[Disaster]) -> None:
    with site.sender.running(threads=8):
        for disaster in disasters:
            site.tell(PEOPLE)
            site.register(REGISTERING)
            if site.letters is not None:
                site.letters.send(LETTERS)
            time.sleep(site.chance.uniform(0.1, 1.5))
            disaster(site, server)
        site.clockwork.jump(0.0)


def a_day_without_the_vendor() -> bool:
    """As the tests play it; whether all was well."""
    play = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", DEAD_VENDOR]
    return subprocess.run(play, check=False).returncode == 0


def main(seconds: float, seed: int) -> int:
    """Rounds until the time is over; the exit code."""
    chance, total, rounds = random.Random(seed), Counter[str](), 0
    disasters = in_turn(chance)
    print(f"seed {seed}")
    ends_at = time.monotonic() + seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres())
        while time.monotonic() < ends_at:
            rounds += 1
            found = one_round(
                folder / str(rounds), server, disasters, chance=chance, grown=rounds % 2 == 1
            )
            total += found.seen
            print(found, flush=True)
            if found.faults:
                print("\n".join(f"{kind}: {what}" for kind, what in found.faults))
                return 1
    kinds = (LOST, DOUBLED, WRONG_ORDER, OPEN)
    print(f"{rounds} rounds: {dict(total)}; {', '.join(f'{kind} 0' for kind in kinds)}")
    return 0 if a_day_without_the_vendor() else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        "python -m bench.soak", description="Disasters, then an audit."
    )
    parser.add_argument("seconds", metavar="SECONDS", nargs="?", type=float, default=SECONDS)
    parser.add_argument("seed", metavar="SEED", nargs="?", type=int, help="of an earlier run")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    sys.exit(main(asked.seconds, seed))
