"""A second opinion on a sample of the changed mails: that of a parser in another language.

The engine proves each result by its own reading of the mail, and a fault in that reading would
prove itself right. So of some mails a parser that shares no line with it, the Rust crate mailparse,
says what it sees before and after. All it can do is to keep a mail as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote
from zlib import crc32

import structlog
from fast_mail_parser import PyMimePart, parse_email_tree

from .injection import Policy, Result, Status, marker_in

log = structlog.get_logger(__name__)

ONE_IN = 32
LARGEST = 1 << 20
"""Bytes; what is attached beyond that would be decoded for nothing."""
_LOOKED_AT = 4096
_MAY_CHANGE = frozenset(
    ("x-careerrelay", "content-type", "content-transfer-encoding", "mime-version")
)
_TEXTS = ("text/plain", "text/html")


class _Part(NamedTuple):
    """``told``: all but the content."""

    told: Sequence[object]
    kind: str
    content: bytes


def agreed(message: bytes, result: Result, policy: Policy, *, url: str = "") -> Result:
    """``result``, or the failure of a check where the other parser was asked and has a doubt.

    ``url``: the link that was put in; "" where markers were taken out.
    """
    if not result.edits or not is_asked(message):
        return result
    doubt = doubts(message, result, url=url)
    if not doubt:
        return result
    log.error("second_opinion_differs", status=result.status.value, doubt=doubt)
    notes = ("self_check", "second_opinion", doubt)
    if marker_in(message, policy):
        return Result(Status.FAILED, "token_left", notes=notes)
    return Result(Status.FAILED, notes[0], notes=notes[1:])


def is_asked(message: bytes) -> bool:
    """Always the same for a mail, so that one that comes again is treated alike."""
    return len(message) <= LARGEST and not crc32(message[:_LOOKED_AT]) % ONE_IN


def doubts(message: bytes, result: Result, *, url: str = "") -> str:
    """What the other parser sees amiss, as a code; "" for nothing, and where it could not read the
    mail in the first place."""
    before = _read(message)
    if before is None or not any(part.kind in _TEXTS for part in before):
        return ""
    after = _read(result.assemble(message))
    if after is None:
        return "unreadable"
    if [part.told for part in before] != [part.told for part in after]:
        return "structure"
    touched = [(b, a) for b, a in zip(before, after, strict=True) if b.content != a.content]
    if any(b.kind not in _TEXTS for b, _ in touched):
        return "attachment"
    if result.status is Status.INJECTED and not all(_is_longer(*pair) for pair in touched):
        return "old_text"
    return "" if touched and (not url or all(_holds(a, url) for _, a in touched)) else "link"


def _read(message: bytes) -> list[_Part] | None:
    """None where it gives up. A panic in Rust is no Exception, and no reason to lose a mail."""
    try:
        root = parse_email_tree(message)
    except BaseException:
        return None
    return list(_parts(root, is_top=True))


def _parts(part: PyMimePart, *, is_top: bool = False) -> Iterator[_Part]:
    told = (
        part.content_type, part.filename, part.disposition, part.is_message, len(part.children),
        _fields(part.headers) if is_top else None,
    )  # fmt: skip
    yield _Part(told, part.content_type, part.content or b"")
    for child in part.children:
        yield from _parts(child)


def _fields(headers: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    return {name: said for name, said in headers.items() if name.lower() not in _MAY_CHANGE}


def _is_longer(before: _Part, after: _Part) -> bool:
    """The old text with one piece put in somewhere. This parser takes a soft line break at the very
    end of quoted-printable for a line end, so line ends there are not compared."""
    old, new = before.content.rstrip(b"\r\n"), after.content.rstrip(b"\r\n")
    return len(new) > len(old) and new.endswith(old[_in_common(old, new) :])


def _in_common(one: bytes, other: bytes) -> int:
    """How many bytes both begin with; halving, as texts may be long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


def _holds(after: _Part, url: str) -> bool:
    """As it is, or percent-encoded in a tracker's link."""
    once = quote(url, safe="")
    return any(form.encode() in after.content for form in (url, once, quote(once, safe="")))
