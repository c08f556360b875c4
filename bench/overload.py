"""A store that does not commit: how soon a sender hears 503 and when to come again.

Another program holds the write lock of the SQLite file, so that nothing can be committed, while
more connections post than the server has threads. A sender that is kept waiting gives up (most
ATSs after 5 to 10 seconds) and counts it against the web hook; an early 503 with Retry-After is
understood. Nothing may be acknowledged meanwhile, and all must be well again afterwards.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import requests

from bench.processes import server
from bench.results import Result, compared
from bench.sites import found, settings
from bench.webhooks import signed

POSTS, SENDERS = 640, 64
SOON_SECONDS = 1.0


def compare(folder: Path) -> list[Result]:
    """Against a second."""
    made = settings(folder / "overload")
    found(made)
    with server("ours", str(folder / "overload")) as url:
        assert _post(url, 0)[0] == 200
        with _stuck(made.folder / "careerrelay.db"), ThreadPoolExecutor(SENDERS) as crowd:
            answers = list(crowd.map(lambda n: _post(url, n), range(1, POSTS + 1)))
        false_yes = [status for status, _, _ in answers if status != 503]
        if false_yes or not all(told for _, told, _ in answers):
            raise RuntimeError(f"answered {false_yes[:5]}, or without Retry-After")
        _until_taken(url)
    waits = sorted(seconds for _, _, seconds in answers)
    return [
        compared(
            f"overload: 503 while the store is stuck, {name}, s, against {SOON_SECONDS:g} s",
            ours=seconds,
            peer=SOON_SECONDS,
            target=target,
        )
        for name, seconds, target in (("p50", median(waits), "<= 1"), ("longest", waits[-1], ""))
    ]


@contextmanager
def _stuck(file: Path) -> Iterator[None]:
    holder = sqlite3.connect(file, timeout=30, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


def _post(url: str, number: int) -> tuple[int, str | None, float]:
    body, signature = signed(number)
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
