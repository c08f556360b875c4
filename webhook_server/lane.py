"""One thread that runs many requests by turns: each until it waits, then the next.

Web hooks wait for one commit together. In threads of their own each would have to be woken, and
wait for the interpreter behind all others, several times; here all requests of a commit go on one
after the other. They are written as for threads: greenlets switch between them.
https://greenlet.readthedocs.io/en/stable/
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from typing import TypeVar

import structlog
from greenlet import getcurrent, greenlet

from ..engine import turns
from ..engine.group_commit import RETRY_AFTER
from ..engine.turns import Start
from ..models.errors import OverloadedError

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

GATHERING_SECONDS = 0.02
"""So long what some wait for is put off while others still run, that it may serve them as well."""
LINGER_SECONDS = 0.0002
"""So long the server's loop is let read what has come in before the lane takes it for idle."""
LOOK_SECONDS = 0.5
"""How often it is looked whether somebody has waited for too long."""
ELSEWHERE_THREADS = 4
"""For each line of calls."""
ELSEWHERE_SECONDS = 2.0
"""What takes longer hangs; together with a commit's patience it is what an ATS waits at least."""


class Lane:
    """Runs what it is given in a thread of its own, until ``stop``."""

    def __init__(self, name: str) -> None:
        self._ready: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._starts: set[Start] = set()
        self._gathered = 0
        self._start_by = math.inf
        self._deadlines: list[tuple[float, int, _Turn]] = []
        self._numbers = count()
        self._running = 0
        self._idle: list[greenlet] = []
        self._open = True
        self._lines: dict[str, _Line] = {}
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, task: Callable[[], None]) -> None:
        """From any thread: run it soon. What it raises is logged by its kind."""
        self._ready.put(partial(self._begin, task))

    def stop(self, *, seconds: float) -> None:
        """Let those that run come to their end; nothing more is taken."""
        self._ready.put(self._close)
        self._thread.join(seconds)
        turns.ended(self)
        for line in self._lines.values():
            line.stop()

    def goes_on(self, *, seconds: float) -> bool:
        seen = threading.Event()
        self._ready.put(seen.set)
        return seen.wait(seconds)

    def turn(self) -> _Turn:
        return _Turn(self)

    def elsewhere(self, call: Callable[[], Answer], *, line: str) -> Answer:
        if line not in self._lines:
            self._lines[line] = _Line(f"{self._thread.name}-{line}")
        waiting = self.turn()
        outcome = self._lines[line].run(call)
        outcome.add_done_callback(lambda _: waiting.over())
        if not waiting.wait(None, seconds=ELSEWHERE_SECONDS):
            outcome.cancel()
            raise OverloadedError(f"no answer in time ({line})", retry_after=RETRY_AFTER)
        return outcome.result()

    def give_way(self, waiting: _Turn, start: Start | None) -> None:
        """The caller that runs now waits; returns when it is resumed."""
        if waiting.until < math.inf:
            heappush(self._deadlines, (waiting.until, next(self._numbers), waiting))
        if start is not None:
            if not self._starts:
                self._start_by = time.monotonic() + GATHERING_SECONDS
            self._starts.add(start)
            self._gathered += 1
        self._hub.switch()

    def resume(self, waiting: _Turn) -> None:
        """From any thread: it may go on."""
        self._ready.put(waiting.go_on)

    def _work(self) -> None:
        self._hub = getcurrent()
        turns.run_by(self)
        while self._open or self._running:
            try:
                step = self._next()
                if step is not None:
                    step()
                if self._starts and (step is None or time.monotonic() > self._start_by):
                    self._start()
                self._give_up()
            except BaseException as error:
                # Whatever one caller did, all others would wait for ever without this thread.
                with suppress(OSError):
                    log.error("lane_failed", kind=type(error).__name__)

    def _next(self) -> Callable[[], object] | None:
        """What can go on now; None after a while in which nothing could."""
        try:
            return self._ready.get(timeout=self._patience())
        except Empty:
            return None

    def _patience(self) -> float:
        if not self._starts:
            return LOOK_SECONDS
        return LINGER_SECONDS if self._gathered > 1 else 0.0

    def _start(self) -> None:
        for start in self._starts:
            start()
        self._starts.clear()
        self._gathered = 0

    def _give_up(self) -> None:
        while self._deadlines and self._deadlines[0][-1].is_past():
            heappop(self._deadlines)[-1].go_on()

    def _begin(self, task: Callable[[], None]) -> None:
        # Kept for the next one: to make a greenlet takes as long as a twentieth of a request.
        caller = self._idle.pop() if self._idle else greenlet(self._run_all, self._hub)
        self._running += 1
        caller.switch(task)

    def _run_all(self, task: Callable[[], None]) -> None:
        """In a greenlet of its own."""
        while True:
            try:
                task()
            except Exception as error:
                log.error("request_failed", kind=type(error).__name__)
            finally:
                self._running -= 1
            self._idle.append(getcurrent())
            task = self._hub.switch()

    def _close(self) -> None:
        self._open = False


class _Line:
    """Threads for calls that may hang, and then keep only their like waiting.

    Daemons, other than an executor's: a process ends, however long the store hangs.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        for number in range(ELSEWHERE_THREADS):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def run(self, call: Callable[[], Answer]) -> Future[Answer]:
        outcome: Future[Answer] = Future()
        self._calls.put(partial(_run, call, outcome))
        return outcome

    def stop(self) -> None:
        """Once what has come is done."""
        for _ in range(ELSEWHERE_THREADS):
            self._calls.put(None)

    def _work(self) -> None:
        while call := self._calls.get():
            call()


def _run(call: Callable[[], Answer], outcome: Future[Answer]) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        outcome.set_result(call())
    except BaseException as error:  # its caller's to judge
        outcome.set_exception(error)


class _Turn:
    """One wait of one caller in a lane."""

    __slots__ = ("_caller", "_is_over", "_lane", "_waits", "until")

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._caller = getcurrent()
        self._is_over = False
        self._waits = False
        self.until = math.inf

    def wait(self, start: Start | None, *, seconds: float) -> bool:
        if self._is_over:
            return True
        self.until = time.monotonic() + seconds
        self._waits = True
        self._lane.give_way(self, start)
        return self._is_over

    def over(self) -> None:
        self._is_over = True
        self._lane.resume(self)

    def go_on(self) -> None:
        """In the lane's thread: have the caller go on, unless it did already."""
        if self._waits:
            self._waits = False
            self._caller.switch()

    def is_past(self) -> bool:
        """Whether nobody has to look at it any more, or somebody has to give up."""
        return not self._waits or time.monotonic() > self.until
