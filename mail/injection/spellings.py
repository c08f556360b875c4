"""How editors, mail programs and trackers spell a marker, as patterns that cost little to look for.

All are of lower-case bytes, bounded, and begin with one certain byte, so that a text without any
is left at the speed of a search for that byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from .values import Refusal
from .words import may_hold

_ZERO_WIDTH: Final = rb"\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad|\xad"
"""Signs of no width and soft hyphens, in UTF-8 and Latin-1."""
_HTML_ZERO_WIDTH: Final = (
    _ZERO_WIDTH + rb"|&(?:shy|zwnj|zwj|zerowidthspace|nobreak"
    rb"|#(?:173|820[3-7]|8288|65279|x(?:ad|200[b-f]|2060|feff)));?"
)
_INLINE: Final = (
    rb"</?(?:span|b|i|u|s|em|strong|font|wbr|a|mark|small|big|code|tt|o:p|ins)"
    rb"(?:\s[^<>]{0,400})?/?>"
)
_BLANK: Final = rb"[ \t\xa0]|\xc2\xa0"
_HTML_BLANK: Final = rb"[\s\xa0+]|\xc2\xa0|&(?:nbsp|#(?:160|xa0));?|%(?:25)?20"
_NAMES: Final = {
    "{": rb"lcub|lbrace", "}": rb"rcub|rbrace", "[": rb"lsqb|lbrack", "]": rb"rsqb|rbrack",
    "_": rb"lowbar|underbar", "%": rb"percnt", "$": rb"dollar", "#": rb"num", "<": rb"lt",
    ">": rb"gt", "(": rb"lpar", ")": rb"rpar", "*": rb"ast", "@": rb"commat", "|": rb"vert",
}  # fmt: skip
_BEGIN_GAPS: Final = "<&%+"
"""What stands between the marker's signs may begin with them."""
_MOST_BLANKS: Final = 4
_FEW: Final = 100
MOST_SPELLED: Final = 2000
"""Markers that are looked at in one text, quoted ones too: no letter has more."""
_TAG: Final = re.compile(rb"<(/?)([a-z:]+)[^<>]*>")


@dataclass(frozen=True, slots=True)
class Spelled:
    """A marker at ``[start:end]``, percent-encoded ``depth`` times. ``tags``: inline tags that
    open or close in it and whose counterparts are outside."""

    start: int
    end: int
    depth: int
    tags: bytes


def spelled(low: bytes, *, marker: str, is_html: bool) -> list[Spelled]:
    """All markers of a lower-case text, in their order. Raises Refusal where they are too many."""
    matches = [*islice(_all(low, marker=marker, is_html=is_html), MOST_SPELLED + 1)]
    if not matches:
        return []
    if len(matches) > MOST_SPELLED:
        raise Refusal("too_complex")
    once, twice = _percent(marker[0].lower())
    return sorted(
        (
            Spelled(m.start(), m.end(), 2 if m[0].startswith(twice) else int(m[0].startswith(once)),
                    _unbalanced(m[0]) if is_html else b"")
            for m in matches
        ),
        key=lambda s: s.start,
    )  # fmt: skip


def is_spelled(low: bytes, *, marker: str, is_html: bool) -> bool:
    """Whether there is one: looked for up to the first only."""
    for first, pattern in _patterns(marker.lower(), is_html):
        if first in low and next(_matches(low, first, pattern), None) is not None:
            return True
    return False


def _all(low: bytes, *, marker: str, is_html: bool) -> Iterator[re.Match[bytes]]:
    for first, pattern in _patterns(marker.lower(), is_html):
        yield from _matches(low, first, pattern)


def _matches(low: bytes, first: int, pattern: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    """Searching for one byte is ten times as fast as asking the pattern at every place."""
    at = low.find(first)
    for _ in range(_FEW):
        if at < 0:
            return
        found = pattern.match(low, at)
        if found:
            yield found
        at = low.find(first, found.end() if found else at + 1)
    if at >= 0:
        yield from pattern.finditer(low, at)


def misspelt(low: bytes, *, marker: str) -> bool:
    """Something between the marker's brackets begins like its name: a typing mistake.

    The name is looked for first, since a text may be full of brackets.
    """
    begin, pattern = _nearly(marker.lower())
    if begin and not may_hold(low, begin, begin[:1]):
        return False
    for found in pattern.finditer(low):
        before = low[max(found.start() - len(begin) - _MOST_BLANKS, 0) : found.start()]
        blanks = len(before) - len(before.rstrip())
        if blanks <= _MOST_BLANKS and before.rstrip().endswith(begin):
            return True
    return False


@cache
def _nearly(marker: str) -> tuple[bytes, re.Pattern[bytes]]:
    """What stands before the name, and the name with what stands behind it."""
    begin, end = _gaps(marker)
    name = marker[begin:end]
    pattern = re.escape(
        name[: max(4, len(name) // 2)].encode("ascii")
    ) + rb"(?=[\w .-]{0,30}%b)" % re.escape(marker[end:].encode("ascii"))
    return marker[:begin].encode("ascii"), re.compile(pattern)


def _unbalanced(marker: bytes) -> bytes:
    """Closing tags first, then those that open something."""
    opened: list[tuple[bytes, bytes]] = []
    closing: list[bytes] = []
    for tag in _TAG.finditer(marker):
        if not tag[1]:
            opened += [(tag[2], tag[0])] if tag[2] != b"wbr" else []
        elif opened and opened[-1][0] == tag[2]:
            opened.pop()
        else:
            closing.append(tag[0])
    return b"".join([*closing, *(tag for _, tag in opened)])


@cache
def _patterns(marker: str, is_html: bool) -> Sequence[tuple[int, re.Pattern[bytes]]]:
    """One pattern for each byte that may begin the marker, with that byte."""
    rest, plain = _rest(marker, is_html=is_html), marker[0].encode("ascii")
    return tuple(
        (byte[0], re.compile(first + (_no_run(marker) if byte == plain else b"") + rest, re.DOTALL))
        for byte, first in _firsts(marker[0], is_html=is_html)
    )


def _no_run(marker: str) -> bytes:
    """In a longer run of the first sign than the marker's own, whatever tags and blanks stand in
    it, only the last ones may begin it: asked first, or a text of nothing else takes long."""
    first = marker[0]
    if first in _BEGIN_GAPS or not marker.strip(first):
        return b""
    own = len(marker) - len(marker.lstrip(first))
    return rb"(?!" + rb"\s*+(?:<[^<>]*+>\s*+)*+%b" % re.escape(first.encode("ascii")) * own + rb")"


def _rest(marker: str, *, is_html: bool) -> bytes:
    """All behind the first sign. Blanks may stand inside the brackets that enclose the name."""
    blank = _HTML_BLANK if is_html else _BLANK
    joint = rb"(?:%b|%b|\r\n|\n){0,6}" % (_HTML_ZERO_WIDTH, _INLINE) if is_html else (
        rb"(?:%b){0,6}" % _ZERO_WIDTH
    )  # fmt: skip
    roomy = rb"(?:%b|%b){0,12}" % (joint[3:-6], blank)
    gaps = _gaps(marker)
    pieces = (
        (roomy if number in gaps else joint) + _sign(sign, is_html=is_html)
        for number, sign in enumerate(marker)
        if number
    )
    return b"".join(pieces)


def _gaps(marker: str) -> tuple[int, int]:
    """Where the name begins and where it ends."""
    name = re.search(r"\w(?:.*\w)?", marker)
    return name.span() if name else (0, 0)


def _firsts(sign: str, *, is_html: bool) -> Iterator[tuple[bytes, bytes]]:
    once, twice = _percent(sign)
    plain = sign.encode("ascii")
    yield plain, re.escape(plain) + (rb"(?!25)" if sign == "%" else b"")
    if not sign.isalnum():
        yield b"%", rb"%(?:" + twice[1:] + rb"|" + once[1:] + rb")"
    if is_html:
        yield b"&", _entity(sign)


def _sign(sign: str, *, is_html: bool) -> bytes:
    spellings = [re.escape(sign.encode("ascii"))]
    if not sign.isalnum():
        once, twice = _percent(sign)
        spellings = [twice, once, *spellings]
    if is_html:
        spellings.append(_entity(sign))
    return rb"(?:" + rb"|".join(spellings) + rb")"


def _percent(sign: str) -> tuple[bytes, bytes]:
    """Percent-encoded once, and twice."""
    return b"%%%02x" % ord(sign), b"%%25%02x" % ord(sign)


def _entity(sign: str) -> bytes:
    code = ord(sign)
    named = rb"|(?:%b);?" % _NAMES[sign] if sign in _NAMES else b""
    numbers = rb"#(?:0{0,6}%d(?:;|(?!\d))|x0{0,6}%x(?:;|(?![0-9a-f])))" % (code, code)
    return rb"&(?:%b%b)" % (numbers, named)
