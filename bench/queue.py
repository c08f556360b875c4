"""What the queue does for us, on both databases: work of a killed process, delays, many accounts,
deletion of what is finished; and an account's limit of calls.

The contract itself stands in ``tests/engine/queue_contract.py``; here it is timed.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bench.processes import child
from bench.queue_worker import LEASE, TASK, open_queue
from bench.results import Result, compared
from careerrelay.connectors.limits import CallLimiter, Limiter
from careerrelay.connectors.spec import RateLimit
from careerrelay.engine import dbos_queue
from careerrelay.engine.call_limits import SharedCalls
from careerrelay.engine.queue import Job
from careerrelay.engine.runtime import utcnow
from careerrelay.models.database import Database
from tests.disaster.nodes import wait_until
from tests.support.databases import migrate

LONG = 8
DELAYED, DELAY_SECONDS = 50, 3.0
ACCOUNTS, OF_EACH = 100, 5
FINISHED = 2_000
LIMIT = RateLimit(calls=5, seconds=1.0)
CALLS, LIMITED = 20, 4
WINDOW = 0.9
"""Seconds. A caller is told a little later than its turn was given out, some more and some less."""
NONE_AND_ONE = "(both counted from one)"


@dataclass(frozen=True, slots=True)
class Line:
    """Something a worker wrote down."""

    word: str
    subject: str
    at: float


class Place:
    """A database of its own with workers on it, and what they have written so far."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.name, self.url = name, url
        self._file = folder / f"{name}.lines"
        migrate(url)
        self.database = Database(url)
        self.queue = open_queue(self.database)
        self.queue.migrate()

    @contextmanager
    def worker(self) -> Iterator[int]:
        """One more; its process id."""
        with child("bench.queue_worker", self.url, self._file) as (_, pid):
            yield pid

    def submit(self, subjects: Sequence[str], *, delay: float = 0.0, accounts: int = 0) -> None:
        """One job each, in one transaction; spread over so many accounts, or without one."""
        with self.database.begin() as session:
            for number, subject in enumerate(subjects):
                line = f"account {number % accounts}" if accounts else ""
                job = Job(TASK, (subject,), 1, line)
                self.queue.submit(session, job, delay=timedelta(seconds=delay))

    def lines(self, word: str, kind: str) -> list[Line]:
        """Those of one kind of subject."""
        told = self._file.read_text().splitlines() if self._file.exists() else []
        found = (line.split() for line in told)
        lines = [Line(word_, subject, float(at)) for word_, subject, at in found]
        return [x for x in lines if x.word == word and x.subject.startswith(f"{kind}-")]

    def wait_for(self, number: int, word: str, kind: str) -> None:
        """Until so many different ones have done so."""

        def done() -> bool:
            return len({line.subject for line in self.lines(word, kind)}) >= number

        wait_until(done, what=f"{number} of {kind} {word}")

    def forget(self) -> None:
        """What was written."""
        self._file.unlink(missing_ok=True)

    def close(self) -> None:
        self.queue.stop()
        self.database.close()


def compare(folder: Path, sqlite_url: str, postgresql_url: str) -> list[Result]:
    """Both databases, both empty."""
    results = []
    for name, url in (("SQLite", sqlite_url), ("PostgreSQL", postgresql_url)):
        place = Place(name, url, folder)
        try:
            results += _all_of(place)
        finally:
            place.close()
    return results


def _all_of(place: Place) -> list[Result]:
    results = _killed(place, begins_again=True)
    if not place.database.is_sqlite:
        results += _killed(place, begins_again=False)
    with place.worker():
        results += [*_late(place), _chained(place), _of_many(place)]
        place.submit([f"done-{number}" for number in range(FINISHED)])
        place.wait_for(FINISHED, "ended", "done")
    return [*results, _deleted(place), _limited(place)]


def _killed(place: Place, *, begins_again: bool) -> list[Result]:
    """Eight jobs of ten seconds, two workers (one on SQLite); the one that has them is killed."""
    place.forget()
    how = "again" if begins_again else "alone"
    with ExitStack() as stack:
        victim = stack.enter_context(place.worker())
        place.submit([f"long-{how}-{n}" for n in range(LONG)], accounts=LONG)
        place.wait_for(LONG, "began", "long")
        if not place.database.is_sqlite:
            stack.enter_context(place.worker())
        cut_off = {line.subject for line in place.lines("began", "long")}
        os.kill(victim, signal.SIGKILL)
        died = time.time()
        cut_off -= {line.subject for line in place.lines("ended", "long")}
        if begins_again:
            time.sleep(0.5)
            stack.enter_context(place.worker())
        place.wait_for(LONG, "ended", "long")
    return _told(place, cut_off, died, begins_again=begins_again)


def _told(place: Place, cut_off: set[str], died: float, *, begins_again: bool) -> list[Result]:
    again = [line for line in place.lines("began", "long") if line.at > died]
    ended = Counter(line.subject for line in place.lines("ended", "long"))
    twice = sum(number - 1 for number in ended.values())
    how = "begun again" if begins_again else "not begun again"
    what = f"queue, {place.name}, a worker killed and {how}"
    waits = [line.at - died for line in again if line.subject in cut_off]
    lease = LEASE.total_seconds()
    return [
        compared(f"{what}: jobs lost {NONE_AND_ONE}", ours=1 + LONG - len(ended), peer=1,
                 target="<= 1"),
        compared(f"{what}: done twice {NONE_AND_ONE}", ours=1 + twice, peer=1, target="<= 1"),
        compared(f"{what}: all {len(cut_off)} ran again within, s, against a lease of {lease:g} s",
                 ours=max(waits), peer=lease, target="<= 2"),
    ]  # fmt: skip


def _late(place: Place) -> list[Result]:
    due = time.time() + DELAY_SECONDS
    place.submit([f"delayed-{number}" for number in range(DELAYED)], delay=DELAY_SECONDS)
    place.wait_for(DELAYED, "began", "delayed")
    late = sorted(line.at - due for line in place.lines("began", "delayed"))
    if late[0] < -0.5:
        raise RuntimeError(f"a job began {-late[0]} s before its time")
    return [
        compared(f"queue, {place.name}: due in {DELAY_SECONDS:g} s, late by, p50, s",
                 ours=late[len(late) // 2], peer=1.0, target=""),
        compared(f"queue, {place.name}: the same, longest, s, against 1 s",
                 ours=late[-1], peer=1.0, target="<= 1"),
    ]  # fmt: skip


def _chained(place: Place) -> Result:
    began = time.time()
    place.submit(["chain-1"])
    place.wait_for(3, "ended", "chain")
    took = max(line.at for line in place.lines("ended", "chain")) - began
    return compared(
        f"queue, {place.name}: two re-submits due in a second each, s, against 2 s",
        ours=took,
        peer=2.0,
        target="<= 2",
    )


def _of_many(place: Place) -> Result:
    jobs = ACCOUNTS * OF_EACH
    began = time.time()
    place.submit([f"many-{number}" for number in range(jobs)], accounts=ACCOUNTS)
    place.wait_for(jobs, "ended", "many")
    took = max(line.at for line in place.lines("ended", "many")) - began
    return compared(
        f"queue, {place.name}: {OF_EACH} jobs of each of {ACCOUNTS} accounts, s",
        ours=took,
        peer=1.0,
        target="",
    )


def _deleted(place: Place) -> Result:
    """In one turn, while which its process does not beat."""
    if dbos_queue.PURGED_AT_ONCE != FINISHED:
        raise RuntimeError("a turn deletes another number")
    began = time.perf_counter()
    place.queue.upkeep(utcnow() + timedelta(days=3))
    return compared(
        f"queue, {place.name}: {FINISHED:,} finished jobs deleted, s, against 1 s",
        ours=time.perf_counter() - began,
        peer=1.0,
        target="<= 1",
    )


def _limited(place: Place) -> Result:
    """The most calls of an account at once, by callers with connections of their own each."""
    others = [Database(place.url) for _ in range(2)]
    try:
        most = max(_most_at_once(_limiters(place, n, others)) for n in range(LIMITED))
    finally:
        for database in others:
            database.close()
    return compared(
        f"calls, {place.name}: most of an account in {WINDOW:g} s, of {LIMIT.calls} a second",
        ours=most,
        peer=LIMIT.calls,
        target="<= 1",
    )


def _limiters(place: Place, number: int, others: Sequence[Database]) -> list[Limiter]:
    """On SQLite the one of the one process."""
    if place.database.is_sqlite:
        return [CallLimiter(LIMIT)] * len(others)
    return [SharedCalls(database, f"account {number}", LIMIT) for database in others]


def _most_at_once(limiters: Sequence[Limiter]) -> int:
    moments: list[float] = []
    lock = threading.Lock()

    def call(limiter: Limiter) -> None:
        for _ in range(CALLS // len(limiters)):
            limiter.wait(at_most=60)
            with lock:
                moments.append(time.monotonic())

    with ThreadPoolExecutor(len(limiters)) as pool:
        list(pool.map(call, limiters))
    moments.sort()
    return max(sum(at <= later < at + WINDOW for later in moments) for at in moments)
