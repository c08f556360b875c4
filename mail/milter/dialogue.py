"""One connection of an MTA: packet after packet, message after message."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from ...models.errors import MilterProtocolError
from ..relay.desk import Account
from .codec import ACCEPT, CONTINUE, SKIP, TEMPFAIL, Packet, packet_length
from .conversation import Conversation
from .gathering import Gathering
from .house import MilterHouse

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Case:
    """The message under way. ``account`` None: the desk could not say whose it is."""

    account: Account | None
    held: int = 0
    starved: bool = False
    """There was no memory for all of it."""


class Dialogue:
    """Answers an MTA until it hangs up. Raises MilterProtocolError, and what reading raises."""

    def __init__(
        self, house: MilterHouse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._house = house
        self._reader = reader
        self._writer = writer
        self._conversation = Conversation(max_bytes=house.settings.max_bytes)
        self._case: _Case | None = None

    async def run(self) -> None:
        try:
            while not self._house.closing:
                packet = await self._read()
                if packet.command == b"Q":
                    return
                for answer in await self._answers(packet):
                    self._writer.write(answer.encode())
                await asyncio.wait_for(self._writer.drain(), self._house.settings.packet_seconds)
        finally:
            self._forget()

    async def _read(self) -> Packet:
        settings = self._house.settings
        head = await asyncio.wait_for(self._reader.readexactly(4), settings.idle_seconds)
        length = packet_length(head)
        data = await asyncio.wait_for(self._reader.readexactly(length), settings.packet_seconds)
        return Packet(data[:1], data[1:])

    async def _answers(self, packet: Packet) -> list[Packet]:
        if packet.command == b"E":
            return await self._end(packet.data)
        answer = self._conversation.hear(packet)
        if packet.command == b"M":
            return [await self._begin()]
        gathering = self._conversation.gathering
        if gathering is None or self._case is None:
            self._forget()
        elif not self._grow(self._case, gathering) and packet.command == b"B":
            answer = SKIP if self._conversation.terms.may_skip else answer
        return [answer] if answer is not None else []

    async def _begin(self) -> Packet:
        """After MAIL: ACCEPT lets mail go that is none of ours; CONTINUE: we want to hear it."""
        self._forget()
        case = await self._opened()
        if case is None:
            self._conversation.let_go()
            return ACCEPT
        self._case = case
        return CONTINUE

    async def _opened(self) -> _Case | None:
        talk = self._conversation
        assert talk.gathering is not None  # noqa: S101 - MAIL was just heard
        sender = talk.gathering.sender
        if not sender:
            return None
        try:
            account = await self._house.account(
                sender, client=talk.client, signed_in=talk.signed_in
            )
        except Exception:  # told by the house; what is said at the end depends on the message
            return _Case(None)
        return _Case(account) if account is not None else None

    def _grow(self, case: _Case, gathering: Gathering) -> bool:
        """Memory for what has come; False where there is none, and the rest is not wanted."""
        more = gathering.size - case.held
        if not case.starved and self._house.hold(more):
            case.held += more
            return True
        case.starved = True
        gathering.headers.clear()
        gathering.body.clear()
        return False

    async def _end(self, data: bytes) -> list[Packet]:
        terms = self._conversation.terms
        whole = self._conversation.finish(data)
        case = self._case
        assert case is not None  # noqa: S101 - what was let go cannot be finished
        with self._house.answering():
            try:
                if case.starved or not self._house.hold(whole.size - case.held):
                    return [TEMPFAIL]
                case.held = whole.size
                plan = await self._house.plan(whole, case.account, may_change=terms.may_change)
                return list(plan.packets())
            finally:
                self._forget()

    def _forget(self) -> None:
        """The message is through, or will not come."""
        case, self._case = self._case, None
        if case is not None:
            self._house.free(case.held)


async def converse(
    house: MilterHouse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection to its end; no end of it is an error of ours."""
    try:
        await Dialogue(house, reader, writer).run()
    except MilterProtocolError as error:
        log.warning("milter_peer_wrong", cause=error.message)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        log.info("milter_peer_gone", kind=type(error).__name__)
