"""The milter protocol, version 6, as packets: no sockets here.

A packet is a length (4 octets, network order), a command (1 octet) and that command's data.
``Packet`` holds the last two. What the MTA says is taken apart by the functions that read; what a
filter answers is made by the functions named after the answer. Written after libmilter's
``mfdef.h`` and Postfix's ``MILTER_README``, and tried against a real Postfix.

Of the libraries on PyPI none fitted in 2026: pymilter and python-libmilter need libmilter and a
thread for each connection; kilter drops the connection at a HELO name or macro that is not ASCII,
and sends a new body in pieces of one kilobyte; purepythonmilter has rested at 0.0.1 since 2023.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ...models.errors import MilterProtocolError

VERSION = 6
LARGEST_PACKET = 1 << 20
"""Octets; libmilter's own largest (MILTER_MDS_1M), many times what an MTA sends at once."""
BODY_CHUNK = 65535
"""Octets of body in one packet (MILTER_CHUNK_SIZE); an MTA need not take more."""

# What we may do, of SMFIF_*: add headers, replace the body, change headers.
ACTIONS = 0x01 | 0x02 | 0x10
# What we would like, of SMFIP_*: not hear of helo, unknown commands and DATA; not answer connect,
# RCPT, headers and their end; SMFIS_SKIP understood; header values with their leading blank. MAIL
# is answered: of mail that is none of ours nothing more is sent.
_NOT_SENT = 0x02 | 0x100 | 0x200
_NOT_ANSWERED = {b"C": 0x1000, b"R": 0x8000, b"L": 0x80, b"N": 0x40000}
_SKIP = 0x400
_LEADING_BLANK = 0x100000
_WANTED = _NOT_SENT | sum(_NOT_ANSWERED.values()) | _SKIP | _LEADING_BLANK

UNKNOWN = "unknown"
"""What stands for the address of a client that the MTA cannot name."""

_OFFER = struct.Struct("!III")
_LENGTH = struct.Struct("!I")


class Packet(NamedTuple):
    """``command``: one octet."""

    command: bytes
    data: bytes = b""

    def encode(self) -> bytes:
        return _LENGTH.pack(len(self.data) + 1) + self.command + self.data


CONTINUE = Packet(b"c")
ACCEPT = Packet(b"a")
TEMPFAIL = Packet(b"t")
SKIP = Packet(b"s")


class Terms(NamedTuple):
    """What was agreed on with this MTA."""

    actions: int
    steps: int

    @property
    def may_change(self) -> bool:
        """Whether the MTA lets us change headers and body at all."""
        return self.actions == ACTIONS

    @property
    def leading_blank(self) -> bool:
        """Header values are exchanged with the blank after the colon."""
        return bool(self.steps & _LEADING_BLANK)

    @property
    def may_skip(self) -> bool:
        """A body may be cut short with SKIP."""
        return bool(self.steps & _SKIP)

    def answered(self, command: bytes) -> bool:
        """Whether the MTA waits for an answer to this command."""
        return not self.steps & _NOT_ANSWERED.get(command, 0)


def packet_length(head: bytes) -> int:
    """How many octets follow these four. Raises MilterProtocolError for an impossible length."""
    length: int = _LENGTH.unpack(head)[0]
    if not 0 < length <= LARGEST_PACKET:
        raise MilterProtocolError("the milter's client announced a packet of impossible length")
    return length


def negotiated(data: bytes) -> tuple[Terms, Packet]:
    """The terms for an MTA's offer, and the answer that says so.

    Raises MilterProtocolError for an MTA older than version 2 (before header changes).
    """
    if len(data) < _OFFER.size:
        raise MilterProtocolError("the milter's client sent a short offer")
    version, actions, steps = _OFFER.unpack_from(data)
    if version < 2:
        raise MilterProtocolError("the milter's client speaks no protocol version we know")
    terms = Terms(actions & ACTIONS, steps & _WANTED)
    return terms, Packet(b"O", _OFFER.pack(min(version, VERSION), *terms))


def strings(data: bytes) -> list[bytes]:
    """The zero-terminated strings of a packet. Raises MilterProtocolError for a cut-off one."""
    if data and not data.endswith(b"\0"):
        raise MilterProtocolError("the milter's client sent a string without end")
    return data.split(b"\0")[:-1]


def header(data: bytes) -> tuple[bytes, bytes]:
    """Name and value of a header packet."""
    found = strings(data)
    if len(found) != 2 or not found[0]:
        raise MilterProtocolError("the milter's client sent a header that is not name and value")
    return found[0], found[1]


def address(data: bytes) -> str:
    """The address of a MAIL or RCPT packet, without its brackets; "" is the null sender."""
    found = strings(data)
    if not found:
        raise MilterProtocolError("the milter's client sent an envelope without an address")
    return found[0].decode("utf-8", "surrogateescape").strip().removeprefix("<").removesuffix(">")


def client(data: bytes) -> str:
    """The address in a connect packet; "" for whoever comes by no network. Never raises: what
    cannot be read is no address that anybody trusts.
    """
    family, address = data.partition(b"\0")[2][:1], data.partition(b"\0")[2][3:]
    if family not in (b"4", b"6"):
        return "" if family == b"L" else UNKNOWN
    return address.rstrip(b"\0").decode("ascii", "replace").removeprefix("IPv6:") or UNKNOWN


def macros(data: bytes) -> dict[str, str]:
    """The macros of a packet, by their names without braces; the first octet says for what."""
    words = [word.decode("utf-8", "replace") for word in strings(data[1:])]
    return {name.strip("{}"): value for name, value in zip(words[::2], words[1::2], strict=False)}


def reply(code: int, enhanced: str, text: str) -> Packet:
    """An SMTP answer of our own; all ASCII. ``%`` is doubled: sendmail takes it for a format."""
    line = f"{code} {enhanced} {text}".replace("%", "%%")
    return Packet(b"y", line.encode("ascii") + b"\0")


def insert_header(position: int, name: bytes, value: bytes) -> Packet:
    """``position``: how many headers stand above it."""
    return Packet(b"i", _LENGTH.pack(position) + name + b"\0" + value + b"\0")


def add_header(name: bytes, value: bytes) -> Packet:
    """Below all others."""
    return Packet(b"h", name + b"\0" + value + b"\0")


def change_header(occurrence: int, name: bytes, value: bytes) -> Packet:
    """``occurrence``: 1 is the first header of this name. An empty ``value`` takes it away."""
    return Packet(b"m", _LENGTH.pack(occurrence) + name + b"\0" + value + b"\0")


def replace_body(body: memoryview) -> Iterator[Packet]:
    """The whole new body; at least one packet, even for an empty one."""
    for start in range(0, max(1, len(body)), BODY_CHUNK):
        yield Packet(b"b", bytes(body[start : start + BODY_CHUNK]))
