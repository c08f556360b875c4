"""Five thousand rejections posted at once to a whole server that also works its queue.

    python -m bench.flood http://127.0.0.1:8080/webhooks/bench PEOPLE CONNECTIONS

posts each once and prints JSON: seconds until all were taken.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import func, select

from bench.load import Sender, Tally, request_bytes
from bench.processes import measured, server
from bench.results import Result, compared
from bench.sites import found, settings
from bench.webhooks import signed
from careerrelay.models.database import Database
from careerrelay.models.tables import Decision

PEOPLE = 5_000
CONNECTIONS = 32
TAKEN_SECONDS, DECIDED_SECONDS = 5.0, 60.0
PATIENCE_SECONDS = 240.0


def compare(folder: Path) -> list[Result]:
    """Both against the seconds a company with a bulk rejection may be left waiting."""
    made = settings(folder / "flood")
    found(made)
    with server("whole", str(folder / "flood")) as url:
        began = time.monotonic()
        taken = measured("bench.flood", url, PEOPLE, CONNECTIONS)["seconds"]
        database = Database(made.database_url)
        try:
            while (decided := _decided(database)) < PEOPLE:
                if time.monotonic() - began > PATIENCE_SECONDS:
                    raise TimeoutError(f"{decided} of {PEOPLE} after {PATIENCE_SECONDS} s")
                time.sleep(0.1)
            seconds = time.monotonic() - began
        finally:
            database.close()
    return [
        compared(
            f"flood: {PEOPLE:,} rejections taken, s, against {TAKEN_SECONDS:g} s",
            ours=taken,
            peer=TAKEN_SECONDS,
            target="<= 1",
        ),
        compared(
            f"flood: the same all decided, s, against {DECIDED_SECONDS:g} s",
            ours=seconds,
            peer=DECIDED_SECONDS,
            target="<= 1",
        ),
    ]


def _decided(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count(Decision.id))) or 0


def each_once(url: SplitResult, people: int) -> list[bytes]:
    """One rejection of each person."""
    return [
        request_bytes(url, delivery=f"flood-{n}", body=body, signature=signature)
        for n in range(people)
        for body, signature in [signed(n)]
    ]


async def post_all(url: SplitResult, *, people: int, connections: int) -> dict[str, float]:
    """All of them, until each was taken."""
    waiting, tally = each_once(url, people), Tally(measuring=True)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    requests: Iterator[bytes] = iter(waiting)
    senders = [
        (
            await loop.create_connection(
                lambda: Sender(requests, tally), url.hostname or "127.0.0.1", url.port or 80
            )
        )[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(sender.closed for sender in senders))
    if set(tally.statuses) != {200}:
        raise RuntimeError(f"not all were taken: {dict(tally.statuses)}")
    return {"seconds": time.perf_counter() - began}


if __name__ == "__main__":
    address, people_, connections_ = sys.argv[1:4]
    posted = post_all(urlsplit(address), people=int(people_), connections=int(connections_))
    print(json.dumps(asyncio.run(posted)))
