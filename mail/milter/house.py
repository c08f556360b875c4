"""What all connections of one milter share: the desk, the bounds, and whom it may hear."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog

from ..relay.desk import Account
from .desk import MilterDesk
from .gathering import Gathering
from .passage import MilterPassage, Plan, without_desk
from .place import Network

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

MOST_KNOWN = 1000
"""Senders whose account is remembered for a time without the store."""


@dataclass(frozen=True, slots=True)
class MilterSettings:
    """``memory_bytes``: of messages, all connections together. ``peers``: who may connect from
    another machine. Seconds throughout: ``idle`` between two packets (an MTA keeps its connection
    while its own client thinks), ``packet`` for the rest of one that has begun."""

    max_bytes: int = 30 << 20
    memory_bytes: int = 120 << 20
    connections: int = 200
    threads: int = 32
    idle_seconds: float = 900.0
    packet_seconds: float = 60.0
    answer_seconds: float = 120.0
    end_seconds: float = 20.0
    peers: tuple[Network, ...] = ()


class MilterHouse:
    """Lives in one event loop."""

    def __init__(self, desk: MilterDesk, settings: MilterSettings) -> None:
        self.settings = settings
        self._desk = desk
        self._passage = MilterPassage(desk)
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="milter")
        self._connections = 0
        self._free = settings.memory_bytes
        self._known: dict[str, Account] = {}
        self._answering: set[asyncio.Task[Any] | None] = set()
        self.closing = False

    def enter(self, peer: str) -> bool:
        """Whether this peer may speak, and there is room for one more."""
        if not self._may_speak(peer):
            log.warning("milter_peer_refused", peer=peer)
            return False
        if self._connections >= self.settings.connections:
            log.warning("milter_full", connections=self._connections)
            return False
        self._connections += 1
        return True

    def leave(self) -> None:
        self._connections -= 1

    def _may_speak(self, peer: str) -> bool:
        """``peer``: an address, "" for a socket file."""
        if not peer:
            return True
        address = ipaddress.ip_address(peer.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or any(address in network for network in self.settings.peers)

    def hold(self, size: int) -> bool:
        """Take so many bytes of the memory there is; False where there are not so many."""
        if size > self._free:
            log.warning("milter_memory_full", size=size)
            return False
        self._free -= size
        return True

    def free(self, size: int) -> None:
        self._free += size

    async def account(self, sender: str, *, client: str, signed_in: bool) -> Account | None:
        """Raises what the desk raises, TimeoutError included, for a sender it never told of."""

        def ask() -> Account | None:
            return self._desk.account_of_sender(sender, client=client, signed_in=signed_in)

        key = f"{sender}\0{client}\0{signed_in}"
        try:
            found = await self._within(ask)
        except Exception as error:
            log.error("mail_desk_failed", kind=type(error).__name__)
            if key not in self._known:
                raise
            return self._known[key]
        self._remember(key, found)
        return found

    def _remember(self, key: str, account: Account | None) -> None:
        self._known.pop(key, None)
        if account is not None:
            self._known[key] = account
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    async def plan(
        self, gathering: Gathering, account: Account | None, *, may_change: bool
    ) -> Plan:
        """What becomes of the message, and the house is told of it before the MTA is: whoever
        hears of a link that never went out hears of it again when the mail comes again."""
        if account is None:
            return await asyncio.to_thread(without_desk, gathering, None)
        began = time.monotonic()
        try:
            plan = await self._within(
                lambda: self._passage.plan(gathering, account=account, may_change=may_change)
            )
        except Exception as error:
            log.error("mail_desk_failed", relay=account.id, kind=type(error).__name__)
            return await asyncio.to_thread(without_desk, gathering, account)
        took = round((time.monotonic() - began) * 1000)
        tell = partial(self._passage.tell, queue_id=gathering.queue_id, milliseconds=took)
        await asyncio.to_thread(tell, plan)
        return plan

    async def _within(self, question: Callable[[], Answer]) -> Answer:
        """Asked in a thread. What takes too long is heard no more."""
        asked = asyncio.get_running_loop().run_in_executor(self._threads, question)
        return await asyncio.wait_for(asked, self.settings.answer_seconds)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """The connection of this task is about to answer a message."""
        task = asyncio.current_task()
        self._answering.add(task)
        try:
            yield
        finally:
            self._answering.discard(task)

    async def close(self, connections: Iterable[asyncio.Task[None]]) -> None:
        """Those that answer a message may do so; the others end now."""
        self.closing = True
        for task in (ended := set(connections)):
            if task not in self._answering:
                task.cancel()
        if ended:
            _, late = await asyncio.wait(ended, timeout=self.settings.end_seconds)
            for task in late:
                task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
