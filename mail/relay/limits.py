"""How much at once, and how much in an hour."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import Counter
from time import monotonic

from limits import RateLimitItem, RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from .desk import Account

SMALL = 256 << 10
"""Bytes. A share of the memory is for messages up to this alone, so that no crowd of large ones
keeps an invitation waiting."""
SHARE_OF_SMALL = 8
REST_SECONDS = 60.0


class TooManyError(Exception):
    """Not now; the words are for the client."""


class _Rest(threading.Timer):
    """Counts as a timer that runs, for a while."""

    def __init__(self) -> None:
        super().__init__(REST_SECONDS, lambda: None)
        self._until = monotonic() + REST_SECONDS

    def is_alive(self) -> bool:
        return monotonic() < self._until


class HourLimits:
    """Mails of an account in any hour, in this process, and how many people they went to.

    May be asked by several threads.
    """

    def __init__(self) -> None:
        self._storage = MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._lock = threading.Lock()

    def take(self, account: Account, recipient: str) -> None:
        """Count one more mail. Raises TooManyError naming the setting that is used up."""
        person = hashlib.blake2b(recipient.lower().encode("utf-8", "surrogatepass")).hexdigest()
        seen = RateLimitItemPerHour(1, namespace="seen")
        people = RateLimitItemPerHour(account.people_per_hour, namespace="people")
        mails = RateLimitItemPerHour(account.per_hour, namespace="mails")
        with self._lock:
            self._let_rest()
            is_new = self._limiter.test(seen, account.id, person)
            if is_new and not self._limiter.test(people, account.id):
                raise TooManyError("More recipients in this hour than people_per_hour of the relay")
            self._hit(mails, account)
            if is_new:
                self._limiter.hit(seen, account.id, person)
                self._limiter.hit(people, account.id)

    def _let_rest(self) -> None:
        """Whenever no timer of its runs, the storage starts one, a thread that looks through all
        it holds for what has ended: at most once a minute is enough, and a tenth of a small mail's
        time less. What has ended is not counted, whether it is still held or not."""
        timer = self._storage.timer
        if not isinstance(timer, _Rest) and not timer.is_alive():
            self._storage.timer = _Rest()

    def _hit(self, item: RateLimitItem, account: Account) -> None:
        if not self._limiter.hit(item, account.id):
            raise TooManyError("More mails in this hour than per_hour of the mail relay allows")


class Crowd:
    """How many of each kind are inside at once, up to a bound that is the same for all kinds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: Counter[str] = Counter()

    def enter(self, kind: str) -> bool:
        """False where it is full."""
        if self._inside[kind] >= self._most:
            return False
        self._inside[kind] += 1
        return True

    def leave(self, kind: str) -> None:
        self._inside[kind] -= 1
        if not self._inside[kind]:
            del self._inside[kind]


class Memory:
    """Bytes of messages that are held at once, for one event loop.

    One that does not fit waits before its 354. Large ones take turns as they came; small ones pass
    them.
    """

    def __init__(self, budget: int, *, wait_seconds: float) -> None:
        self._budget = self._free = budget
        self._reserve = budget // SHARE_OF_SMALL
        self._wait_seconds = wait_seconds
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    async def take(self, size: int) -> int:
        """Hold so many bytes, or all there are; returns what is to be given to ``free``.

        Raises TooManyError when nothing becomes free in time.
        """
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await (self._small(size) if size <= SMALL else self._large(size))
        except TimeoutError:
            raise TooManyError("Too much mail at once, please try again") from None

    async def _small(self, size: int) -> int:
        return await self._when_free(min(size, self._budget), keep=0)

    async def _large(self, size: int) -> int:
        size = min(size, self._budget - self._reserve)
        async with self._turn:
            return await self._when_free(size, keep=self._reserve)

    async def _when_free(self, size: int, *, keep: int) -> int:
        while self._free - keep < size:
            await self._changed.wait()
        self._free -= size
        return size

    def free(self, size: int) -> None:
        """Give back, and wake those that wait."""
        self._free += size
        # A new one each time: whoever wakes and still does not fit waits for the next change.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
