"""A vendor's limit holds over all processes together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from careerrelay.connectors.limits import shared_limiter
from careerrelay.connectors.spec import RateLimit
from careerrelay.engine.call_limits import SharedCalls, calls_left
from careerrelay.models.database import Database

LIMIT = RateLimit(calls=20, seconds=3600.0)


def test_several_processes_share_one_limit(postgresql_url: str) -> None:
    """Each with connections of its own, all at once."""
    processes = [Database(postgresql_url) for _ in range(3)]
    start = threading.Barrier(len(processes) * 4)

    def call(process: Database) -> int:
        limiter = SharedCalls(process, "account", LIMIT)
        start.wait(30)
        return sum(limiter.wait(at_most=0) == 0 for _ in range(10))

    with ThreadPoolExecutor(len(processes) * 4) as pool:
        made = list(pool.map(call, processes * 4))
    assert sum(made) == LIMIT.calls
    with processes[0].read() as session:
        assert calls_left(session, "account", LIMIT) == 0
        assert calls_left(session, "another", LIMIT) == LIMIT.calls
    for process in processes:
        process.close()


def test_a_full_window_says_when_the_next_call_may_be_made(postgresql_url: str) -> None:
    database = Database(postgresql_url)
    limiter = SharedCalls(database, "account", RateLimit(calls=2, seconds=0.3))
    assert [limiter.wait(at_most=0) for _ in range(2)] == [0.0, 0.0]
    assert 0 < limiter.wait(at_most=0) <= 0.3
    assert limiter.wait(at_most=5) == 0.0
    database.close()


def test_a_single_process_says_what_is_left_too() -> None:
    limiter = shared_limiter(("toy", "left"), LIMIT)
    assert limiter.left == 20
    limiter.wait(at_most=0)
    assert limiter.left == 19
