"""What all sessions of one relay share: the desk, the way on, and the bounds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

import structlog

from ..smtp_pool import SmtpPool
from .accounts import Accounts
from .desk import Account, Desk
from .limits import Crowd, HourLimits, Memory, TooManyError
from .passage import Passage
from .passage import Settings as PassageSettings

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

SHARE = 3 / 4
"""Of sessions to one address, of mails under way to one account: somebody else gets in, too."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """``memory_bytes``: of messages as they come, all sessions together; each stands in memory up
    to four times while it passes. ``max_bytes``: the largest message. Seconds throughout."""

    hostname: str
    clock: Callable[[], datetime]
    sessions: int = 100
    max_bytes: int = 30 << 20
    memory_bytes: int = 120 << 20
    threads: int = 64
    idle_seconds: float = 120.0
    data_seconds: float = 600.0
    answer_seconds: float = 900.0
    wait_seconds: float = 60.0
    refusal_seconds: float = 1.0
    ask_seconds: float = 20.0
    next_hop_seconds: float = 60.0
    final_seconds: float = 600.0
    end_seconds: float = 20.0
    allow_private: bool = True


class Leaving(Protocol):
    """A session, as the house sees it when it closes."""

    def wind_up(self) -> None:
        """End at once if no mail is under way, else after it."""
        ...


class Room:
    """Memory for one message and its account's place; ``leave`` once it is through."""

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    def leave(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()


class House:
    """Used from one event loop."""

    def __init__(self, desk: Desk, settings: RelaySettings) -> None:
        self.desk = desk
        self.settings = settings
        self.accounts = Accounts(desk, seconds=settings.ask_seconds)
        self.limits = HourLimits()
        self._pool = SmtpPool()
        self.passage = Passage(
            desk,
            PassageSettings(
                clock=settings.clock,
                allow_private=settings.allow_private,
                timeout=settings.next_hop_seconds,
                answer_timeout=settings.final_seconds,
            ),
            pool=self._pool,
        )
        self.closing = False
        self._passing = ThreadPoolExecutor(settings.threads, thread_name_prefix="relay")
        self._memory = Memory(settings.memory_bytes, wait_seconds=settings.wait_seconds)
        self._sessions: dict[Leaving, str] = {}
        self._peers = Crowd(max(1, int(settings.sessions * SHARE)))
        self._under_way = Crowd(max(1, int(settings.threads * SHARE)))

    # Sessions.

    def enter(self, session: Leaving, peer: str) -> bool:
        """Whether there is room for one more session."""
        full = len(self._sessions) >= self.settings.sessions
        if self.closing or full or not self._peers.enter(peer):
            log.warning("relay_full", sessions=len(self._sessions), closing=self.closing)
            return False
        self._sessions[session] = peer
        return True

    def leave(self, session: Leaving) -> None:
        peer = self._sessions.pop(session, None)
        if peer is not None:
            self._peers.leave(peer)

    async def close(self) -> None:
        """Nobody new comes in; whoever has a mail under way may end it, for a while."""
        self.closing = True
        deadline = asyncio.get_running_loop().time() + self.settings.end_seconds
        for session in list(self._sessions):
            session.wind_up()
        while self._sessions and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.05)
        self.accounts.close()
        self._passing.shutdown(wait=False, cancel_futures=True)
        self._pool.close()

    # Messages.

    async def room(self, account: Account, size: int) -> Room:
        """For a message of that size. Raises TooManyError."""
        if not self._under_way.enter(account.id):
            raise TooManyError("Too many mails of this relay at once, please try again")
        try:
            held = await self._memory.take(size)
        except BaseException:
            self._under_way.leave(account.id)
            raise

        def leave() -> None:
            self._memory.free(held)
            self._under_way.leave(account.id)

        return Room(leave)

    async def work(self, task: Callable[[], Answer], room: Room) -> Answer:
        """Do in a thread what may block, and leave the room only when it is done: a client that
        hangs up frees no memory that is still in use."""
        loop = asyncio.get_running_loop()
        future = self._passing.submit(task)

        def done(_: Future[Answer]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and all memory with it
                loop.call_soon_threadsafe(room.leave)

        future.add_done_callback(done)
        return await asyncio.wrap_future(future)
