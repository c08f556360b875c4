"""Where a paragraph goes in an HTML text: above signature and quoted original, else at the end.

Works on bytes in which multi-byte signs are blanked, so offsets are those of the leaf.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from . import html_quotes
from .html_text import HtmlText
from .words import holds

_BRACKET: Final = ord("[")
_REVEALED: Final = re.compile(
    rb"(<!--\s*<!\[endif\]-->|<!\[endif\]>)|<!--\[if[^\]>]{0,80}\]>\s*(?:<!)?-->|<!\[if[^\]>]{0,80}\]>"
)
"""Around what Outlook on the desktop, for one, does not show; the first group ends it."""


def html_places(text: HtmlText) -> Sequence[int]:
    """Offsets to try, best first."""
    end = text.body_end()
    best = _above(text)
    ends = [_behind_condition(text, place) for place in (end, len(text.low.rstrip()))]
    return tuple(dict.fromkeys(ends if best is None else (best, ends[0])))


def _above(text: HtmlText) -> int | None:
    """Above signature or quoted original, where a block can stand that every program shows."""
    found = html_quotes.containers(text)
    starts = (html_quotes.quote_start(text, found), html_quotes.signature_start(text, found))
    best = min((s for s in starts if s is not None), default=None)
    if best is None or text.is_between_cells(best) or _behind_condition(text, best) != best:
        return None
    return best


def _behind_condition(text: HtmlText, place: int) -> int:
    """Where the condition ends that decides which programs show the place."""
    is_open = False
    # One byte is found many times as fast as several.
    is_any = _BRACKET in text.raw and holds(text.raw, b"[endif]")
    for found in _REVEALED.finditer(text.raw) if is_any else ():
        if found.start() >= place:
            return found.end() if is_open and found[1] else place
        is_open = not found[1]
    return place
