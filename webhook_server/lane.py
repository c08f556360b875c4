"""Many requests in one thread by turns: each until it waits, then the next.

Web hooks wait for one commit together. In threads of their own each would have to be woken, and
wait for the interpreter behind all others, several times; here all requests of a commit go on one
after the other, in the very thread that reads them from their connections and begins the next
turn. They are written as for threads: greenlets switch between them.
https://greenlet.readthedocs.io/en/stable/
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from itertools import count
from queue import SimpleQueue
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
LOOK_SECONDS = 0.5
"""How often it is looked whether somebody has waited for too long."""
ELSEWHERE_THREADS = 4
"""For each line of calls."""
ELSEWHERE_SECONDS = 2.0
"""What takes longer hangs; together with a commit's patience it is what an ATS waits at least."""


class Lane:
    """What one thread has to run beside what it does itself: it calls ``work`` again and again.

    ``wake`` has it do so soon, and may be called from any thread.
    """

    def __init__(self, name: str, *, wake: Callable[[], object]) -> None:
        self._name = name
        self._wake = wake
        self._woken = False
        self._ready: deque[Callable[[], object]] = deque()
        self._starts: set[Start] = set()
        self._start_by = math.inf
        self._deadlines: list[tuple[float, int, _Turn]] = []
        self._numbers = count()
        self._idle: list[greenlet] = []
        self._lines: dict[str, _Line] = {}

    def run(self, task: Callable[[], None]) -> None:
        """From any thread: run it soon. What it raises is logged by its kind."""
        self._put(partial(self._begin, task))

    def work(self) -> None:
        """Run what can go on. Always called by the same thread."""
        self._hub = getcurrent()
        self._woken = False
        ready = len(self._ready)
        with turns.run_by(self):
            for _ in range(ready):
                self._step(self._ready.popleft())
            # Who has just begun to wait may have company as soon as the thread has read on.
            if self._starts and (not ready or time.monotonic() > self._start_by):
                self._start()
            self._give_up()

    def patience(self) -> float:
        """Seconds until ``work`` has to be called again, unless ``wake`` says so before."""
        return 0.0 if self._ready or self._starts else LOOK_SECONDS

    def stop(self) -> None:
        """The threads for calls elsewhere end, once what they were given is done."""
        for line in self._lines.values():
            line.stop()

    def turn(self) -> _Turn:
        return _Turn(self)

    def elsewhere(self, call: Callable[[], Answer], *, line: str) -> Answer:
        if line not in self._lines:
            self._lines[line] = _Line(f"{self._name}-{line}")
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
        self._hub.switch()

    def resume(self, waiting: _Turn) -> None:
        """From any thread: it may go on."""
        self._put(waiting.go_on)

    def _put(self, step: Callable[[], object]) -> None:
        self._ready.append(step)
        # Put first, then looked, and in ``work`` the other way round: so it is never overlooked.
        if not self._woken:
            self._woken = True
            self._wake()

    def _step(self, step: Callable[[], object]) -> None:
        try:
            step()
        except BaseException as error:
            # Whatever one caller did, all others would wait for ever without this thread.
            with suppress(OSError):
                log.error("lane_failed", kind=type(error).__name__)

    def _start(self) -> None:
        starts, self._starts = self._starts, set()
        for start in starts:
            self._step(start)

    def _give_up(self) -> None:
        while self._deadlines and self._deadlines[0][-1].is_past():
            self._step(heappop(self._deadlines)[-1].go_on)

    def _begin(self, task: Callable[[], None]) -> None:
        # Kept for the next one: to make a greenlet takes as long as a twentieth of a request.
        caller = self._idle.pop() if self._idle else greenlet(self._run_all, self._hub)
        caller.switch(task)

    def _run_all(self, task: Callable[[], None]) -> None:
        """In a greenlet of its own."""
        while True:
            try:
                task()
            except Exception as error:
                log.error("request_failed", kind=type(error).__name__)
            self._idle.append(getcurrent())
            task = self._hub.switch()


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
