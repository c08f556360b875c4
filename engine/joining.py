"""Work of one line that waits at the same time is done at once, by whoever's turn it is.

Like a group commit: alone, everybody is served at once; in a crowd, what is asked of the database
once for each call is asked once for many.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

Work = Callable[[Sequence[str]], list[str]]


@dataclass(slots=True)
class _Part:
    subjects: Sequence[str]
    taken: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    left: set[str] = field(default_factory=set)
    error: BaseException | None = None


class Joined:
    """``at_once`` turns at a time, over all lines; ``most`` subjects in a turn, or one caller's."""

    def __init__(self, *, at_once: int, most: int) -> None:
        self._turns = threading.Semaphore(at_once)
        self._most = most
        self._guard = threading.Lock()
        self._lines: dict[Hashable, deque[_Part]] = defaultdict(deque)

    def run(self, line: Hashable, subjects: Sequence[str], work: Work) -> list[str]:
        """``work`` for these and for whoever waits in the same line; returns which of these it
        left. What it raises, all those hear."""
        part = _Part(subjects)
        with self._guard:
            self._lines[line].append(part)
        while not part.taken:
            with self._turns:
                self._serve(self._next(line, part), work)
        part.done.wait()
        if part.error is not None:
            raise part.error
        return [subject for subject in subjects if subject in part.left]

    def _next(self, line: Hashable, mine: _Part) -> list[_Part]:
        """In the order they came; none where ``mine`` has been taken meanwhile."""
        parts: list[_Part] = []
        with self._guard:
            if mine.taken:
                return parts
            waiting, room = self._lines[line], self._most
            while waiting and (not parts or len(waiting[0].subjects) <= room):
                part = waiting.popleft()
                part.taken = True
                parts.append(part)
                room -= len(part.subjects)
            if not waiting:
                del self._lines[line]
        return parts

    @staticmethod
    def _serve(parts: Sequence[_Part], work: Work) -> None:
        if not parts:
            return
        left: set[str] = set()
        error: BaseException | None = None
        try:
            left = set(work([subject for part in parts for subject in part.subjects]))
        except BaseException as raised:
            error = raised
        for part in parts:
            part.left, part.error = left, error
            part.done.set()
