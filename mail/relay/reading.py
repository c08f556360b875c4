"""Reads one message from the wire: its end is CRLF.CRLF and nothing else.

RFC 5321 section 4.1.1.4. Two servers that disagree about where a message ends let a sender smuggle
a second one past the first: https://www.postfix.org/smtp-smuggling.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

END = b"\r\n.\r\n"
_BARE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_DOTTED_BARE_LINE_END = re.compile(rb"(?:\r(?!\n)|(?<!\r)\n)(?:\.(?=\.))?")


class Unacceptable(Exception):  # noqa: N818 - an answer to the client, not an error of ours
    """The message was read to its end and is not taken; ``reply`` says why."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


TOO_LARGE = "552 5.3.4 Larger than announced, or than [mail_relay] megabytes allows"


async def read_message(
    reader: asyncio.StreamReader, *, max_bytes: int, normalise: bool = False
) -> bytes:
    """The message of a DATA command, its dots undone, with CRLF line ends. Raises Unacceptable.

    One that is too large is read to its end all the same, so that the session stays usable, and
    kept nowhere. ``normalise``: bare CR and LF become line ends instead of a refusal.
    """
    raw = await _read_raw(reader, max_bytes=max_bytes)
    return wire_form(_undotted(raw), normalise=normalise, dotted=True)


def _undotted(raw: bytes) -> bytes:
    """The first dot of each line goes, and a line ends with CRLF (RFC 5321 section 4.5.2)."""
    undotted = raw.replace(b"\r\n.", b"\r\n") if b"\r\n." in raw else raw
    return undotted[1:] if undotted.startswith(b".") else undotted


def wire_form(message: bytes, *, normalise: bool, dotted: bool = False) -> bytes:
    """A message of which any server sees the same lines. Raises Unacceptable.

    ``dotted``: whoever ends lines with bare CR or LF has doubled the dots behind these as well.
    """
    if b"\0" in message:
        raise Unacceptable("550 5.6.0 NUL bytes are not taken")
    if not _has_bare_line_ends(message):
        return message
    if not normalise:
        raise Unacceptable(
            "550 5.6.0 Bare CR or LF: lines must end with CRLF, or the mail relay's "
            "bare_line_ends be normalise"
        )
    return (_DOTTED_BARE_LINE_END if dotted else _BARE_LINE_END).sub(b"\r\n", message)


def _has_bare_line_ends(message: bytes) -> bool:
    both = message.count(b"\r\n")
    return message.count(b"\n") != both or message.count(b"\r") != both


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
        raise Unacceptable(TOO_LARGE)
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
