"""What all sessions of one relay share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from .desk import Desk
from .limits import HourLimits, Memory
from .passage import Passage
from .passage import Settings as PassageSettings

log = structlog.get_logger(__name__)

COPIES = 4
"""How often a message stands in memory while it passes: as it came, undotted, changed, dotted."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """``memory_bytes``: of messages as they come, all sessions together. Seconds throughout."""

    hostname: str
    clock: Callable[[], datetime]
    sessions: int = 100
    memory_bytes: int = 120 << 20
    threads: int = 32
    idle_seconds: float = 120.0
    data_seconds: float = 600.0
    answer_seconds: float = 900.0
    wait_seconds: float = 60.0
    refusal_seconds: float = 1.0
    next_hop_seconds: float = 60.0
    allow_private: bool = True


class House:
    """The desk, the way on, and the bounds."""

    def __init__(self, desk: Desk, settings: RelaySettings) -> None:
        self.desk = desk
        self.settings = settings
        self.limits = HourLimits()
        self.passage = Passage(
            desk,
            PassageSettings(
                clock=settings.clock,
                allow_private=settings.allow_private,
                timeout=settings.next_hop_seconds,
            ),
        )
        self.threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="relay")
        self._memory: Memory | None = None
        self._inside: set[object] = set()

    def enter(self, session: object) -> bool:
        """Whether there is room for one more session."""
        if len(self._inside) >= self.settings.sessions:
            log.warning("relay_full", sessions=len(self._inside))
            return False
        self._inside.add(session)
        return True

    def leave(self, session: object) -> None:
        self._inside.discard(session)

    def memory(self, size: int) -> AbstractAsyncContextManager[None]:
        """Room for a message of that size. Raises TooManyError on entering."""
        if self._memory is None:
            self._memory = Memory(
                self.settings.memory_bytes, wait_seconds=self.settings.wait_seconds
            )
        return self._memory.hold(min(size, self.settings.memory_bytes))

    async def ask(self, question: Callable[..., Any], *words: str) -> Any:
        """Ask the desk, which may block. Its trouble is told as "nobody we know"."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self.threads, question, *words)
        except Exception as error:
            log.error("mail_desk_failed", kind=type(error).__name__)
            return None
