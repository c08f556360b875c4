"""Our own side of a vendor's rate limit: stay under it rather than be told off."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol, cast

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from ..models.errors import ApiRateLimitedError
from .spec import RateLimit

_RESETS = ("x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset", "x-reset")
_EPOCH = 10**9
"""Larger is a moment in seconds since 1970; smaller the seconds that are left."""


class Limiter(Protocol):
    """Lets calls to one account through, or says when one may be made."""

    def wait(self, *, at_most: float) -> float:
        """Wait for a turn and return 0.0; or, if it would take longer, the seconds to wait."""
        ...


class CallLimiter:
    """Lets ``limit.calls`` through in any ``limit.seconds``; one object per vendor account."""

    def __init__(self, limit: RateLimit) -> None:
        self._calls = limit.calls
        self._bucket = InMemoryBucket([Rate(limit.calls, round(limit.seconds * 1000))])
        self._lock = threading.Lock()

    def wait(self, *, at_most: float) -> float:
        """Wait for a turn and return 0.0; or, if it would take longer, the seconds to wait."""
        deadline = time.monotonic() + at_most
        while delay := self._delay():
            if time.monotonic() + delay > deadline:
                return delay
            time.sleep(delay)
        return 0.0

    @property
    def left(self) -> int:
        """How many calls could be made now."""
        with self._lock:
            self._bucket.leak(round(time.monotonic() * 1000))
            return max(0, self._calls - cast(int, self._bucket.count()))

    def _delay(self) -> float:
        """Take a turn and return 0.0, or say in how many seconds one may be free."""
        with self._lock:
            now = round(time.monotonic() * 1000)
            self._bucket.leak(now)
            item = RateItem("call", now)
            if self._bucket.put(item):
                return 0.0
            delay = cast(int, self._bucket.waiting(item))  # awaitable only in other buckets
            return max(delay, 1) / 1000


@lru_cache(maxsize=4096)
def shared_limiter(account: tuple[str, str], limit: RateLimit) -> CallLimiter:  # noqa: ARG001 - cache key
    """The one limiter of a (connector, account) in this process, however many clients it has."""
    return CallLimiter(limit)


class Allowance:
    """What a vendor says in each answer is left of its limit; ``reserve`` of it is for others.

    ``clock`` gives the aware present moment. ``remedy`` says what would leave more of it.
    """

    def __init__(
        self, connector: str, *, reserve: int, clock: Callable[[], datetime], remedy: str = ""
    ) -> None:
        self._connector, self._clock = connector, clock
        self._reserve, self._remedy = reserve, remedy
        self.not_before: datetime | None = None

    def wait_turn(self, operation: str, *, not_before: datetime | None = None) -> None:
        """Raises ApiRateLimitedError while what is left belongs to others, or until
        ``not_before``, which another process was told."""
        until = max(filter(None, (self.not_before, not_before)), default=None)
        seconds = (until - self._clock()).total_seconds() if until else 0.0
        if seconds > 0:
            raise ApiRateLimitedError(
                f"{self._connector}: what is left of its limit is left to others until it begins "
                f"anew{self._remedy}",
                connector=self._connector,
                operation=operation,
                retry_after=seconds,
            )
        self.not_before = None

    def note(self, left: str, *, resets_in: float | None) -> None:
        """``left`` as the header has it, and in how many seconds the limit begins anew."""
        if resets_in and left.isascii() and left.isdigit() and int(left[:9]) < self._reserve:
            self.not_before = self._clock() + timedelta(seconds=resets_in)


def reset_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds until a vendor's window begins anew, for answers that have no Retry-After.

    ``headers`` in lower case. Vendors tell either the seconds left or the moment.
    """
    told = next((headers[name].strip() for name in _RESETS if name in headers), "")
    if not re.fullmatch(r"[0-9]{1,12}", told, re.ASCII):
        return None
    left = int(told)
    if left >= _EPOCH:
        left = round(left - (time.time() if now is None else now))
    return float(min(max(left, 1), 3600))
