"""A store that does not commit: how soon a sender hears 503 and when to come again.

Another program holds the write lock of the SQLite file, so that nothing can be committed, while
more connections post than the server has threads. A sender that is kept waiting gives up (most
ATSs after 5 to 10 seconds) and counts it against the web hook; an early 503 with Retry-After is
understood. Nothing may be acknowledged meanwhile, and all must be well again afterwards. Ten times
as many large web hooks must then take no more memory than those that come first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import requests

from bench.processes import child
from bench.relay import MEGABYTE, peak_bytes
from bench.results import Result, compared
from bench.sites import found, settings
from bench.webhooks import signed

POSTS, SENDERS = 640, 64
SOON_SECONDS = 1.0
LARGE = 900_000
"""Bytes of a body; of more than a MiB none is taken."""


def compare(folder: Path) -> list[Result]:
    """Against a second; against the memory that the first ones took."""
    made = settings(folder / "overload")
    found(made)
    file = made.folder / "careerrelay.db"
    with child("bench.server", "ours", folder / "overload") as (port, pid):
        url = f"http://127.0.0.1:{port}/webhooks/bench"
        assert _post(url, 0)[0] == 200
        with _stuck(file):
            waits = _all_refused(url, range(1, POSTS + 1))
        _until_taken(url)
        with _stuck(file):
            large = range(POSTS, POSTS * 2)
            _all_refused(url, large[:SENDERS], padding=LARGE)
            first = peak_bytes(pid)
            _all_refused(url, large[SENDERS:], padding=LARGE)
            all_of_them = peak_bytes(pid)
        _until_taken(url)
    return [*_judged(waits), _memory(all_of_them, first)]


def _judged(waits: list[float]) -> list[Result]:
    return [
        compared(
            f"overload: 503 while the store is stuck, {name}, s, against {SOON_SECONDS:g} s",
            ours=seconds,
            peer=SOON_SECONDS,
            target=target,
        )
        for name, seconds, target in (("p50", median(waits), "<= 1"), ("longest", max(waits), ""))
    ]


def _memory(all_of_them: int, first: int) -> Result:
    return compared(
        f"overload: peak of memory, {POSTS} web hooks of 0.9 MB against the first {SENDERS}, MB",
        ours=all_of_them / MEGABYTE,
        peer=first / MEGABYTE,
        target="<= 1.3",
    )


def _all_refused(url: str, numbers: Sequence[int], *, padding: int = 0) -> list[float]:
    """Seconds until each heard 503, and when to come again."""
    with ThreadPoolExecutor(SENDERS) as crowd:
        answers = list(crowd.map(lambda n: _post(url, n, padding=padding), numbers))
    false_yes = [status for status, _, _ in answers if status != 503]
    if false_yes or not all(told for _, told, _ in answers):
        raise RuntimeError(f"answered {false_yes[:5]}, or without Retry-After")
    return [seconds for _, _, seconds in answers]


@contextmanager
def _stuck(file: Path) -> Iterator[None]:
    holder = sqlite3.connect(file, timeout=30, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def _post(url: str, number: int, *, padding: int = 0) -> tuple[int, str | None, float]:
    body, signature = signed(number, padding=padding)
    headers = {"Signature": signature, "Greenhouse-Event-ID": f"overload-{number}"}
    began = time.monotonic()
    answer = requests.post(url, data=body, headers=headers, timeout=60)
    return answer.status_code, answer.headers.get("Retry-After"), time.monotonic() - began


def _until_taken(url: str) -> None:
    deadline = time.monotonic() + 60
    while _post(url, POSTS + 1)[0] != 200:
        if time.monotonic() > deadline:
            raise TimeoutError("the server does not recover")
        time.sleep(0.2)
