"""Whoever waits in one line is served by one turn, each hears of their own, and nobody is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from careerrelay.engine.joining import Joined


class Desk:
    """Work that can be held up, and notes who was served together."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.begun = threading.Semaphore(0)
        self.turns: list[list[str]] = []

    def __call__(self, subjects: Sequence[str]) -> list[str]:
        self.turns.append(list(subjects))
        self.begun.release()
        assert self.free.wait(30)
        if "bad" in subjects:
            raise ValueError
        return [subject for subject in subjects if subject.endswith("!")]


def crowd(
    pool: ThreadPoolExecutor, joined: Joined, desk: Desk, *asked: tuple[str, Sequence[str]]
) -> list[Future[list[str]]]:
    """The first of these is served, and the others come while it is."""
    found = [pool.submit(joined.run, asked[0][0], asked[0][1], desk)]
    assert desk.begun.acquire(timeout=30)
    for line, subjects in asked[1:]:
        before = waiting(joined)
        found.append(pool.submit(joined.run, line, subjects, desk))
        while waiting(joined) == before:
            time.sleep(0.001)
    desk.free.set()
    return found


def waiting(joined: Joined) -> int:
    return sum(len(line) for line in joined._lines.values())


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_those_who_wait_in_one_line_are_served_at_once_and_hear_of_their_own(
    pool: ThreadPoolExecutor, desk: Desk
) -> None:
    joined = Joined(at_once=1, most=4)
    found = crowd(
        pool, joined, desk, ("a", ["1"]), ("a", ["2", "3!"]), ("a", ["4!"]), ("a", ["5", "6"])
    )
    assert [future.result(30) for future in found] == [[], ["3!"], ["4!"], []]
    assert sorted(desk.turns) == [["1"], ["2", "3!", "4!"], ["5", "6"]]
    assert waiting(joined) == 0


def test_lines_are_not_mixed(pool: ThreadPoolExecutor, desk: Desk) -> None:
    joined = Joined(at_once=1, most=9)
    found = crowd(pool, joined, desk, ("a", ["1"]), ("b", ["2"]), ("a", ["3"]), ("b", ["4"]))
    assert [future.result(30) for future in found] == [[]] * 4
    assert sorted(desk.turns) == [["1"], ["2", "4"], ["3"]]


def test_one_callers_subjects_are_never_parted(pool: ThreadPoolExecutor, desk: Desk) -> None:
    joined = Joined(at_once=1, most=2)
    found = crowd(pool, joined, desk, ("a", ["1"]), ("a", ["2", "3", "4!"]), ("a", ["5"]))
    assert [future.result(30) for future in found] == [[], ["4!"], []]
    assert sorted(desk.turns) == [["1"], ["2", "3", "4!"], ["5"]]


def test_what_goes_wrong_all_of_that_turn_hear_and_nobody_else(
    pool: ThreadPoolExecutor, desk: Desk
) -> None:
    joined = Joined(at_once=1, most=2)
    found = crowd(pool, joined, desk, ("a", ["1"]), ("a", ["2"]), ("a", ["bad"]), ("a", ["3"]))
    for future in found[1:3]:
        with pytest.raises(ValueError, match=r"^$"):
            future.result(30)
    assert [found[0].result(30), found[3].result(30)] == [[], []]
    assert joined.run("a", ["4!"], desk) == ["4!"]
