"""Many webhooks at once: their senders wait for an answer, the reading of them can wait.

A process that stores and reads shares one interpreter, and on SQLite one write lock. Without
this, five thousand rejections posted together are answered only as fast as they are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable

CROWD = 8
"""So many stored by one commit make a rush."""
ENDS_AFTER_SECONDS = 0.1
LONGEST_SECONDS = 5.0
"""Work goes on under the longest rush, only more slowly."""
_LOOK_SECONDS = 0.01


class Rush:
    """Told by the writer of one process, heeded by its worker."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._until = 0.0

    def stored(self, rows: int) -> None:
        """A commit took so many rows."""
        if rows >= CROWD:
            self._until = self._clock() + ENDS_AFTER_SECONDS

    def give_way(self) -> None:
        """Wait until it is over, but not for ever."""
        latest = self._clock() + LONGEST_SECONDS
        while self._clock() < min(self._until, latest):
            self._sleep(_LOOK_SECONDS)
