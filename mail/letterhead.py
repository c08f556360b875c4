"""What is read of a passing mail to tell whose it is: a few header fields, and nothing changed.

The header block alone is looked at, as bytes that came from outside: whatever is wrong with it
makes a field empty and never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32

MAX_HEADER = 256 * 1024
"""Bytes looked at; nobody's rules need more, and the relay refuses larger blocks anyway."""
_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Letterhead:
    """``message_id`` as written, "" when there is none; ``subject`` decoded to one line;
    ``fields`` by lower-case name, the first of each, undecoded; ``authors``: each From, of which
    there should be one."""

    message_id: str
    subject: str
    fields: Mapping[str, str] = field(repr=False)
    authors: tuple[str, ...] = field(repr=False, default=())


def read_letterhead(message: bytes) -> Letterhead:
    """The fields of a message's own header block. Never raises."""
    found = _END.search(message, 0, MAX_HEADER)
    block = message[: found.start() if found else MAX_HEADER]
    parsed = BytesHeaderParser(policy=compat32).parsebytes(block)
    items = [(name.lower(), _one_line(_written(str(v)))) for name, v in parsed.raw_items()]
    fields: dict[str, str] = {}
    for name, value in items:
        fields.setdefault(name, value)
    return Letterhead(
        message_id=fields.get("message-id", ""),
        subject=_decoded(fields.get("subject", "")),
        fields=fields,
        authors=tuple(value for name, value in items if name == "from"),
    )


def _written(value: str) -> str:
    """Bytes above ASCII are UTF-8 (RFC 6532); old senders write bare ISO-2022-JP."""
    raw = value.encode("utf-8", "surrogateescape")
    charset = "iso2022_jp" if b"\x1b$" in raw else "utf-8"
    return raw.decode(charset, "replace")


def _one_line(value: str) -> str:
    return " ".join(value.split())


def _decoded(value: str) -> str:
    """Encoded words resolved; as it stands where they cannot be."""
    try:
        return _one_line(str(make_header(decode_header(value))))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return value
