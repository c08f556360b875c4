"""BDAT (RFC 3030): a message in pieces whose sizes are told, as Exchange sends it.

aiosmtpd has none. What follows the command is that many octets whatever they are, so they are read
even where they are not wanted: else they would be taken for commands.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from .house import Room
from .reading import TOO_LARGE, Unacceptable, wire_form

_ARGUMENT = re.compile(r"(\d{1,18})(?: +(LAST))?", re.IGNORECASE)
_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class ChunkHead:
    """The argument of BDAT."""

    size: int
    last: bool


def read_head(arg: str | None) -> ChunkHead | None:
    """None where it cannot be read, so that nobody knows where the next command begins."""
    found = _ARGUMENT.fullmatch(arg or "")
    return ChunkHead(int(found[1]), found[2] is not None) if found else None


class Chunks:
    """The pieces of one message so far. ``deadline``: of the loop's clock, for all of them."""

    def __init__(self, room: Room, *, max_bytes: int, deadline: float) -> None:
        self.room = room
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._pieces: list[bytes] = []
        self._size = 0

    async def read(self, reader: asyncio.StreamReader, size: int) -> None:
        """One more. Raises Unacceptable (it was read and thrown away), TimeoutError."""
        async with asyncio.timeout_at(self._deadline):
            self._size += size
            if self._size > self._max_bytes:
                await discard(reader, size)
                raise Unacceptable(TOO_LARGE)
            while size:
                piece = await reader.readexactly(min(size, _AT_ONCE))
                self._pieces.append(piece)
                size -= len(piece)

    def message(self, *, normalise: bool) -> bytes:
        """All of them, ended by CRLF. Raises Unacceptable."""
        message = wire_form(b"".join(self._pieces), normalise=normalise)
        return message if message.endswith(b"\r\n") else message + b"\r\n"

    def end(self) -> None:
        self._pieces.clear()
        self.room.leave()


async def discard(reader: asyncio.StreamReader, size: int) -> None:
    """Read octets that nobody wants."""
    while size:
        size -= len(await reader.readexactly(min(size, _AT_ONCE)))
