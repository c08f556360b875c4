"""Received headers: ours, and those that tell of a loop."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime

MOST_HOPS = 50
MOST_OF_OURS = 3
PRODUCT = "CareerRelay"

_END = re.compile(rb"\r\n\r\n")
_RECEIVED = re.compile(rb"^received[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile(r"[^A-Za-z0-9.:_-]")


def loops(message: bytes) -> bool:
    """The mail has been through too many servers, or through this product again and again."""
    end = _END.search(message)
    header = message[: end.start() + 2 if end else len(message)]
    hops = _RECEIVED.findall(header)
    ours = sum(1 for hop in hops if b"(" + PRODUCT.encode() + b")" in hop)
    return len(hops) > MOST_HOPS or ours >= MOST_OF_OURS


def received(*, helo: str, peer: str, by: str, protocol: str, id_: str, now: datetime) -> bytes:
    """Our trace line. Every value is cut to a closed alphabet; recipients are never named."""
    name, address, host = (_UNSAFE.sub("", value)[:255] for value in (helo, peer, by))
    date = format_datetime(now.astimezone(UTC))
    return (
        f"Received: from {name or 'unknown'} ([{address}])\r\n"
        f"\tby {host} ({PRODUCT}) with {protocol} id {id_};\r\n\t{date}\r\n"
    ).encode("ascii")
