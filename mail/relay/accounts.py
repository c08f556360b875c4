"""Who may send: the desk's answers, and its last ones while it is away."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from .desk import Account, Desk

log = structlog.get_logger(__name__)

THREADS = 8
"""Of their own: sign-ins must not wait behind mails whose next server is slow."""
MOST_KEPT = 1000
FRESH_SECONDS = 1.0
"""An address is asked about once in this time: some senders open a connection for each mail."""


class DeskAwayError(Exception):
    """The desk cannot be asked now, and it has not answered this before."""


class Accounts:
    """Asks the desk, which may block. What it said last is kept for while it is away: a company's
    mail must not wait because our store does. Logins and passwords are kept as keyed hashes alone.
    """

    def __init__(self, desk: Desk, *, seconds: float) -> None:
        self._desk = desk
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="relay-ask")
        self._key = secrets.token_bytes(32)
        self._answers: dict[bytes, tuple[Account, ...]] = {}
        self._fresh: dict[str, tuple[float, tuple[Account, ...]]] = {}

    async def signed_in(self, login: str, password: str) -> tuple[Account, ...]:
        """One account, or none where login or password are wrong. Raises DeskAwayError."""

        def ask() -> tuple[Account, ...]:
            found = self._desk.account(login, password)
            return (found,) if found is not None else ()

        return await self._asked(ask, "login", login, password)

    async def of_address(self, peer: str) -> tuple[Account, ...]:
        """The accounts of a peer that need not sign in. Raises DeskAwayError."""
        now = asyncio.get_running_loop().time()
        asked_at, found = self._fresh.get(peer, (-FRESH_SECONDS, ()))
        if now - asked_at < FRESH_SECONDS:
            return found
        found = await self._asked(lambda: tuple(self._desk.accounts_of_address(peer)), "peer", peer)
        if found:
            self._fresh[peer] = now, found
        if len(self._fresh) > MOST_KEPT:
            del self._fresh[next(iter(self._fresh))]
        return found

    async def _asked(
        self, question: Callable[[], tuple[Account, ...]], *words: str
    ) -> tuple[Account, ...]:
        key = hashlib.blake2b("\0".join(words).encode(), key=self._key).digest()
        asked = asyncio.get_running_loop().run_in_executor(self._threads, question)
        try:
            found = await asyncio.wait_for(asked, self._seconds)
        except Exception as error:
            # Whatever it is: an error's words may hold a login.
            log.error("mail_desk_failed", kind=type(error).__name__)
            if key not in self._answers:
                raise DeskAwayError from None
            return self._answers[key]
        self._keep(key, found)
        return found

    def _keep(self, key: bytes, found: tuple[Account, ...]) -> None:
        self._answers.pop(key, None)
        if found:
            self._answers[key] = found
        if len(self._answers) > MOST_KEPT:
            del self._answers[next(iter(self._answers))]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
