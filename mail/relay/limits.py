"""How much at once, and how much in an hour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from .desk import Account


class TooManyError(Exception):
    """Not now; the words are for the client."""


class HourLimits:
    """Mails of an account in any hour, in this process."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, account: Account) -> bool:
        """Count one more; False where the hour's are used up."""
        return self._limiter.hit(RateLimitItemPerHour(account.per_hour), account.id)


class Memory:
    """Bytes of messages that are held at once. One that does not fit waits before its 354."""

    def __init__(self, budget: int, *, wait_seconds: float) -> None:
        self._free = budget
        self._wait_seconds = wait_seconds
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Raises TooManyError when nothing becomes free in time. Small ones pass large ones."""
        await self._take(size)
        try:
            yield
        finally:
            async with self._changed:
                self._free += size
                self._changed.notify_all()

    async def _take(self, size: int) -> None:
        try:
            async with asyncio.timeout(self._wait_seconds), self._changed:
                await self._changed.wait_for(lambda: self._free >= size)
                self._free -= size
        except TimeoutError:
            raise TooManyError("Too much mail at once, please try again") from None
