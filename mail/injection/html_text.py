"""An HTML leaf as bytes that can be searched: what no person reads is blanked, offsets stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from .html_limits import FORMATTING
from .values import Refusal, spliced

BLANK: Final = b" "

_BEGINS: Final = (
    rb"<(?=[!cefmnux]|t[eit]|s[^p]|b[^or]|i[^mn]|pl%b)(?:(!--)"
    rb"|(s(?:cript|tyle)|t(?:itle|extarea|emplate)|no(?:script|frames|embed)|xmp|iframe)(?=[\s/>])"
    rb"|(plaintext|frameset|%b(?:svg|math))(?=[\s/>])"
)
"""Comments; elements whose insides are no text; elements in which nothing can be placed. Most tags
begin like none of them, which is asked first."""
_OPAQUE: Final = re.compile(_BEGINS % (rb"|/[ms]", rb"/?") + rb")")
"""With what closes drawings and formulas."""
_OPAQUE_OR_FORMATTING: Final = re.compile(_BEGINS % (b"", b"") + rb"|(%b)(?=[\s/>]))" % FORMATTING)
_MOST_COUNTED: Final = 5000
_FOREIGN: Final = (b"svg", b"math")
_NO_TEXT: Final = re.compile(
    rb"(?:[^<&\S]|<[^<>]*>|&(?:nbsp|zwnj|zwj|shy|ensp|emsp|thinsp|zerowidthspace|#160|#xa0|#173|#xad"
    rb"|#847|#x34f|#819[2-9]|#820[0-7]|#x200[0-9a-f]|#8288|#65279|#xfeff);?"
    rb"|\xc2[\xa0\xad]|\xe2\x80[\x80-\x8f]|\xcd\x8f|\xef\xbb\xbf)*+"
)
"""Markup, and signs nobody sees."""
_TABLE: Final = re.compile(
    rb"<(/?)(?:(table)|(?:tbody|thead|tfoot|tr|colgroup)|(td|th|caption))(?=[\s/>])"
)
_ENDS_NAME: Final = (b" ", b"\t", b"\n", b"\r", b"\f", b"\v", b"/", b">")
_LONGEST_TAG: Final = 2000
_MOST_OPAQUE: Final = 10_000
"""Comments, styles and the like in one text; no letter has more."""


class HtmlText:
    """One leaf, lower-cased. Raises Refusal where everything behind would be swallowed.

    ``low``: comments, and the insides of scripts, styles, titles and the like, are blanks; so an
    angle bracket found in it belongs to a tag, or to text that is written wrongly. ``formatting``:
    how many formatting elements begin, also in what is blanked; None if they are too many to count.
    """

    def __init__(self, low: bytes) -> None:
        self.raw = low
        self.formatting: int | None = None
        opaque: Iterable[re.Match[bytes]] = _OPAQUE.finditer(low)
        found = [*islice(_OPAQUE_OR_FORMATTING.finditer(low), _MOST_COUNTED)]
        if len(found) < _MOST_COUNTED:
            others = [tag for tag in found if not tag[4]]
            self.formatting = len(found) - len(others)
            if not any(tag[3] for tag in others):
                opaque = others
        self.low = _blanked(low, opaque)

    def tag_at(self, start: int) -> bytes:
        """The tag that begins there, if it ends before the next one does; else nothing."""
        end = self.low.find(b">", start, start + _LONGEST_TAG) + 1
        return self.low[start:end] if end else b""

    def tag_around(self, at: int) -> tuple[int, bytes]:
        """The tag in which a byte stands, and where it begins; -1 and nothing in text."""
        start = self.low.rfind(b"<", max(at - _LONGEST_TAG, 0), at)
        tag = self.tag_at(start) if start >= 0 else b""
        return (start, tag) if start + len(tag) > at else (-1, b"")

    def has_text(self, start: int, end: int) -> bool:
        """Whether a person reads anything there."""
        found = _NO_TEXT.match(self.low, start, end)
        return found is not None and found.end() < end

    def body_start(self) -> int:
        """Behind the tag that opens the body; 0 where none does."""
        at = self.low.find(b"<body")
        return at + len(self.tag_at(at)) if at >= 0 else 0

    def body_end(self) -> int:
        """Before the last tag that closes the body, else the document; else behind the text."""
        for tag in (b"</body", b"</html"):
            at = self._last(tag)
            if at >= 0:
                return at
        return len(self.low.rstrip())

    def _last(self, tag: bytes) -> int:
        """Where the last of these tags begins; -1: nowhere."""
        at = self.low.rfind(tag)
        while at >= 0 and self.low[at + len(tag) : at + len(tag) + 1] not in _ENDS_NAME:
            at = self.low.rfind(tag, 0, at)
        return at

    def element_end(self, start: int, tag: bytes) -> int:
        """Behind the tag that closes the element; the end of the text where none does."""
        name = re.split(rb"[\s/>]", tag[1:], maxsplit=1)[0]
        depth = 0
        tags = re.compile(rb"<(/?)" + re.escape(name) + rb"(?=[\s/>])")
        for found in tags.finditer(self.low, start):
            depth += -1 if found[1] else 1
            if not depth:
                return found.start() + len(self.tag_at(found.start()))
        return len(self.low)

    def is_between_cells(self, at: int) -> bool:
        """Directly in a table or row, from where browsers move text in front of the table."""
        open_tables: list[bool] = []
        for found in _TABLE.finditer(self.low, 0, at):
            closes, opens_cell = bool(found[1]), bool(found[3]) and not found[1]
            if found[2] and closes:
                open_tables = open_tables[:-1]
            elif found[2]:
                open_tables.append(True)
            elif open_tables:
                open_tables[-1] = not opens_cell
        return bool(open_tables and open_tables[-1])


def _blanked(low: bytes, tags: Iterable[re.Match[bytes]]) -> bytes:
    blanks = [(start, end, BLANK * (end - start)) for start, end in _opaque(low, tags)]
    return spliced(low, blanks, 0, len(low)) if blanks else low


def _opaque(low: bytes, tags: Iterable[re.Match[bytes]]) -> Iterator[tuple[int, int]]:
    """Spans that nobody reads. Raises Refusal where one does not end."""
    at = seen = foreign = 0
    for found in tags:
        if found.start() < at:
            continue
        seen += 1
        if seen > _MOST_OPAQUE:
            raise Refusal("too_complex")
        if found[3]:
            foreign = _foreign(low, found, foreign)
            at = found.end()
            continue
        start, at = _comment(low, found) if found[1] else _element(low, found)
        yield start, at
    if foreign > 0:
        raise Refusal("html_not_visible")


def _foreign(low: bytes, found: re.Match[bytes], depth: int) -> int:
    """How many drawings or formulas are open behind this tag."""
    name = found[3]
    if name.startswith(b"/"):
        return max(depth - 1, 0)
    if name not in _FOREIGN:
        raise Refusal("html_not_visible")
    end = low.find(b">", found.end())
    return depth if end > 0 and low[end - 1 : end] == b"/" else depth + 1


def _comment(low: bytes, found: re.Match[bytes]) -> tuple[int, int]:
    """https://html.spec.whatwg.org/multipage/parsing.html#comment-start-state

    ``<!-->`` is a whole one.
    """
    start = found.start()
    end = low.find(b"-->", start + 2)
    other = low.find(b"--!>", start + 4, end if end >= 0 else len(low))
    if end < 0 and other < 0:
        raise Refusal("html_open_comment")
    return (start, other + 4) if other >= 0 else (start, end + 3)


def _element(low: bytes, found: re.Match[bytes]) -> tuple[int, int]:
    """Between its tags."""
    inside = low.find(b">", found.end())
    end = low.find(b"</" + found[2], found.end())
    if inside < 0 or end < 0:
        raise Refusal("html_not_visible")
    return min(inside + 1, end), end
