"""How a caller waits for another thread: on a lock, or by giving its turn to the next caller.

A thread that runs many callers by turns (``webhook_server/lane.py``) says so with ``run_by``; what
waits in it then holds nobody up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

Answer = TypeVar("Answer")
Start = Callable[[], None]


class Turn(Protocol):
    """One wait of one caller."""

    def wait(self, start: Start, *, seconds: float) -> bool:
        """Until ``over``; False where that took longer than ``seconds``.

        ``start`` begins what is waited for: at once, or when nobody else of the thread can go on.
        """
        ...

    def over(self) -> None:
        """From any thread: the caller goes on. Before ``wait``, too."""
        ...


class Runner(Protocol):
    """A thread that runs callers by turns."""

    def turn(self) -> Turn:
        """For the caller that runs now."""
        ...

    def elsewhere(self, call: Callable[[], Answer], *, line: str) -> Answer:
        """What another thread returns or raises, while others have their turns here."""
        ...


class _Lock:
    """A thread of its own waits. A bare lock, for an Event is several of them, and Python's."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wait(self, start: Start, *, seconds: float) -> bool:
        start()
        return self._lock.acquire(timeout=seconds)

    def over(self) -> None:
        self._lock.release()


_this_thread = threading.local()


@contextmanager
def run_by(runner: Runner) -> Iterator[None]:
    """Meanwhile, callers in this thread wait as ``runner`` has them wait."""
    _this_thread.runner = runner
    try:
        yield
    finally:
        _this_thread.runner = None


def turn() -> Turn:
    """The next wait of whoever calls."""
    runner: Runner | None = getattr(_this_thread, "runner", None)
    return _Lock() if runner is None else runner.turn()


def elsewhere(call: Callable[[], Answer], *, line: str) -> Answer:
    """What ``call`` returns or raises. Calls of one ``line`` hold up none of another.

    Raises OverloadedError where others have their turns meanwhile and it takes too long.
    """
    runner: Runner | None = getattr(_this_thread, "runner", None)
    return call() if runner is None else runner.elsewhere(call, line=line)
