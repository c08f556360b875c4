"""Reads one message from the wire: its end is CRLF.CRLF and nothing else.

RFC 5321 section 4.1.1.4. Two servers that disagree about where a message ends let a sender smuggle
a second one past the first: https://www.postfix.org/smtp-smuggling.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

END = b"\r\n.\r\n"
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Unacceptable(Exception):  # noqa: N818 - an answer to the client, not an error of ours
    """The message was read to its end and is not taken; ``reply`` says why."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


async def read_message(
    reader: asyncio.StreamReader, *, max_bytes: int, normalise: bool = False
) -> bytes:
    """The message with its dots undone and CRLF line ends. Raises Unacceptable.

    One that is too large is read to its end all the same, so that the session stays usable, and
    kept nowhere. ``normalise``: bare CR and LF become line ends instead of a refusal.
    """
    raw = await _read_raw(reader, max_bytes=max_bytes)
    if b"\0" in raw:
        raise Unacceptable("550 5.6.0 NUL bytes are not taken")
    if _has_bare_line_ends(raw):
        if not normalise:
            raise Unacceptable("550 5.6.0 Bare CR or LF: lines must end with CRLF")
        raw = _LINE_END.sub(b"\r\n", raw)
    undotted = raw.replace(b"\r\n..", b"\r\n.")
    return undotted[1:] if undotted.startswith(b".") else undotted


def _has_bare_line_ends(raw: bytes) -> bool:
    both = raw.count(b"\r\n")
    return raw.count(b"\n") != both or raw.count(b"\r") != both


async def _read_raw(reader: asyncio.StreamReader, *, max_bytes: int) -> bytes:
    """Everything before the end mark, dots as they came, the last line end included."""
    pieces: list[bytes] = []
    size = 0
    async for piece in _pieces(reader):
        size += len(piece)
        if size <= max_bytes:
            pieces.append(piece)
        else:
            pieces.clear()
    if size > max_bytes:
        raise Unacceptable("552 5.3.4 The message is too large")
    return b"".join(pieces)


async def _pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Sign by sign while at the beginning of a line, then the rest in large chunks.

    Inside a line the end mark is five bytes that can be searched for; only at the beginning of
    one does it look different. A line begins behind CRLF, never behind CR or LF alone.
    """
    while True:
        head = await reader.readexactly(1)
        if head == b".":
            head += await reader.readexactly(1)
        while head.endswith(b"\r"):
            head += await reader.readexactly(1)
        if head == b".\r\n":
            return
        yield head
        if not head.endswith(b"\r\n"):
            break
    async for chunk in _until_end(reader):
        yield chunk


async def _until_end(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """All before the final dot, in chunks as large as the reader holds."""
    while True:
        try:
            last = await reader.readuntil(END)
        except asyncio.LimitOverrunError as error:
            yield await reader.readexactly(error.consumed)
            continue
        yield last.removesuffix(b".\r\n")
        return
