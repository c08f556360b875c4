"""kill -9 of the intake under load: what was acknowledged is there, each signal with its job.

A server takes web hooks over 32 connections and is killed at a random moment, again and again on
the same rows. Then what the senders were told is compared with what is stored, and the stored
signals with the jobs in the queue, which nobody works meanwhile. Losing power cannot be tried
here: the file system keeps what a process has written, whether it was flushed or not.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import select

from bench.processes import child
from bench.results import Result, compared
from bench.sites import found, settings
from bench.webhooks import signed
from careerrelay.engine.dbos_queue import QUEUE, DbosQueue
from careerrelay.engine.runtime import Runtime
from careerrelay.models.tables import Signal

KILLS = 10
"""Of each database's server."""
CONNECTIONS = 32
SHORTEST, LONGEST = 0.3, 1.2
"""Seconds under load until a kill."""
TIMEOUT = 10.0


@dataclass
class Senders:
    """What was posted, and what of it was answered with 200."""

    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=count)

    def post_until_it_dies(self, url: str) -> list[threading.Thread]:
        """Begun: so many connections, each until the server is gone."""
        threads = [
            threading.Thread(target=self._post, args=(url,), daemon=True)
            for _ in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _post(self, url: str) -> None:
        parts = urlsplit(url)
        body, signature = signed(1)
        connection = HTTPConnection(str(parts.hostname), parts.port, timeout=TIMEOUT)
        with suppress(OSError, HTTPException):
            while True:
                delivery = f"kill-{next(self._numbers)}"
                self.sent.add(delivery)
                headers = {"Signature": signature, "Greenhouse-Event-ID": delivery}
                connection.request("POST", parts.path, body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.acknowledged.add(delivery)
        connection.close()


def compare(folder: Path, databases: Mapping[str, str], *, kills: int = KILLS) -> list[Result]:
    """``databases``: name to URL, "" for SQLite."""
    return [
        line for name, url in databases.items() for line in _killed(folder / name, name, url, kills)
    ]


def _killed(folder: Path, name: str, url: str, kills: int) -> list[Result]:
    folder.mkdir()
    made = settings(folder, url=url)
    found(made)
    senders, chance = Senders(), random.Random(name)
    for _ in range(kills):
        with child("bench.server", "ours", folder, url) as (port, pid):
            threads = senders.post_until_it_dies(f"http://127.0.0.1:{port}/webhooks/bench")
            time.sleep(chance.uniform(SHORTEST, LONGEST))
            os.kill(pid, signal.SIGKILL)
            for thread in threads:
                thread.join(TIMEOUT * 2)
    runtime = Runtime(made)
    try:
        runtime.database.check()
        return _judged(f"kills, {name}", senders, *_left(runtime))
    finally:
        runtime.close()


def _left(runtime: Runtime) -> tuple[dict[str, str], list[str]]:
    """The stored signals, delivery to id; and the ids in all jobs."""
    with runtime.database.read() as session:
        rows = session.execute(select(Signal.dedupe_key, Signal.id)).all()
    assert isinstance(runtime.queue, DbosQueue)
    jobs = runtime.queue.client.list_workflows(queue_name=QUEUE, load_output=False)
    inputs = [job.input for job in jobs]
    ids = [id_ for found_ in inputs if found_ for id_ in found_["args"][1]]
    return {key.split(":")[1]: id_ for key, id_ in rows}, ids


def _judged(
    what: str, senders: Senders, stored: Mapping[str, str], in_jobs: Sequence[str]
) -> list[Result]:
    signals, jobs = set(stored.values()), set(in_jobs)
    cut_off = stored.keys() - senders.acknowledged
    print(
        f"{what}: {len(senders.sent):,} posted, {len(senders.acknowledged):,} acknowledged, "
        f"{len(stored):,} stored, {len(cut_off)} of them committed with their answer cut off, "
        f"{len(in_jobs):,} signals in jobs; the file is whole",
        flush=True,
    )
    if not senders.acknowledged or stored.keys() - senders.sent:
        raise RuntimeError("nothing was acknowledged, or something stored that nobody sent")
    faults = {
        "acknowledged and lost": len(senders.acknowledged - stored.keys()),
        "stored without a job": len(signals - jobs),
        "jobs without what they are for, or twice": len(jobs - signals) + len(in_jobs) - len(jobs),
    }
    return [
        compared(f"{what}: {name}", ours=1 + number, peer=1, target="<= 1")
        for name, number in faults.items()
    ]
