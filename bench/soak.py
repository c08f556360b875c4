"""``make soak``: disasters at random for as long as wanted, on both shapes, then the auditor.

    python -m bench.soak [SECONDS [SEED]]

Each round is a fresh installation of real processes under load, to which three disasters happen.
It prints the figures of every round and ends with 1 as soon as something was lost, doubled, put
in the wrong order or left open.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.disaster.audit import DOUBLED, LOST, OPEN, WRONG_ORDER, Findings
from tests.disaster.turmoil import Turmoil, crash, turmoil
from tests.support.postgres import PostgresServer, running_postgres

SECONDS = 600.0
PEOPLE = 40
DISASTERS_PER_ROUND = 3
HOUR = 3600.0

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


def disk_full(site: Turmoil, _server: PostgresServer) -> None:
    """No file grows for a while."""
    with site.full_disk():
        time.sleep(site.chance.uniform(0.5, 2.0))


def clock_jumped(site: Turmoil, _server: PostgresServer) -> None:
    """An hour ahead, an hour back, or right again."""
    site.clockwork.jump(site.chance.choice((HOUR, -HOUR, 0.0)))


def asleep(site: Turmoil, _server: PostgresServer) -> None:
    """One process stands still past its lease."""
    with site.one_asleep(site.chance.choice(site.nodes), seconds=5):
        pass


DISASTERS: tuple[Disaster, ...] = (killed, database_killed, disk_full, clock_jumped, asleep)


def one_round(folder: Path, server: PostgresServer, chance: random.Random) -> Findings:
    """A fresh installation, three disasters, the audit."""
    url = server.create_database() if chance.random() < 0.5 else ""
    try:
        with turmoil(folder, url=url, chance=chance) as site:
            names = _disturb(site, server)
            print(f"{'PostgreSQL' if url else 'SQLite'}: {', '.join(names)}")
            return site.settle()
    finally:
        if url:
            server.drop_database(url)


def _disturb(site: Turmoil, server: PostgresServer) -> list[str]:
    names = []
    with site.sender.running(threads=8):
        for _ in range(DISASTERS_PER_ROUND):
            site.tell(PEOPLE)
            time.sleep(site.chance.uniform(0.1, 1.5))
            disaster = site.chance.choice(DISASTERS)
            disaster(site, server)
            names.append(disaster.__name__)
        site.clockwork.jump(0.0)
    return names


def main(seconds: float, seed: int) -> int:
    """Rounds until the time is over; the exit code."""
    chance, total, rounds = random.Random(seed), Counter[str](), 0
    print(f"seed {seed}")
    ends_at = time.monotonic() + seconds
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres())
        while time.monotonic() < ends_at:
            rounds += 1
            found = one_round(folder / str(rounds), server, chance)
            total += found.seen
            if found.faults:
                print("\n".join(f"{kind}: {what}" for kind, what in found.faults))
                return 1
    kinds = (LOST, DOUBLED, WRONG_ORDER, OPEN)
    print(f"{rounds} rounds: {dict(total)}; {', '.join(f'{kind} 0' for kind in kinds)}")
    return 0


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(
        main(
            float(given[0]) if given else SECONDS,
            int(given[1]) if len(given) > 1 else random.SystemRandom().randrange(10**6),
        )
    )
