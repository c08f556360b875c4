"""The marker that a template carries, where a person would see it, and what takes its place."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import quote

from . import html_quotes
from .fragment import anchor, html_fragment
from .html_text import HtmlText
from .spellings import Spelled, is_spelled, spelled
from .text_lines import TextLines
from .text_quotes import is_quoted, quote_in
from .values import Paragraph, Refusal
from .words import holds

MAX_TOKENS: Final = 200
"""Markers in one message; a template has one or two."""
_TAGS: Final = re.compile(
    rb"<[a-z/][^>=]*+(?:=\s*+(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|)[^>=]*+)*+(?:>|\Z)"
)
"""https://html.spec.whatwg.org/multipage/parsing.html#tag-name-state: quotes count after "=" only.

It matches wherever it begins, so that time is linear: a tag that never ends swallows the rest.
"""
_ATTRIBUTE: Final = re.compile(
    rb"(?<![^\s=/>\"'])[^\s=/>\"']++\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>]++))"
)
"""A name begins behind a blank or the like, so that time is linear in what is no attribute."""
_SCHEME: Final = re.compile(rb"(?:https?(?::|%3a|%253a))?(?://|%2f%2f|%252f%252f)\Z")
_SCHEME_WITHIN: Final = 24
_TEXT_SCHEME: Final = re.compile(rb"https?://\Z")
_IN_ADDRESS: Final = re.compile(rb"https?:[^\s<>\"]*\Z")
_ADDRESS_WITHIN: Final = 1000
_BLOCK: Final = re.compile(
    rb"</?(?:p|div|td|th|tr|table|tbody|li|ul|ol|dl|dd|dt|body|html|br|hr|h[1-6]|center|section|article"
    rb"|blockquote|main|header|footer|pre)(?=[\s/>])[^<>]*>"
)
_BLOCK_WITHIN: Final = 600
_ANCHOR: Final = re.compile(rb"<(/?)a(?=[\s/>])")
_ANCHOR_WITHIN: Final = 5000


class Form(Enum):
    """What takes the marker's place."""

    PARAGRAPH = "paragraph"
    URL = "url"
    ANCHOR = "anchor"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class Token:
    """A marker at ``[start:end]``. ``depth``: how often what replaces it is percent-encoded;
    ``tags``: inline tags that stood inside and have to stay."""

    start: int
    end: int
    form: Form
    depth: int = 0
    tags: bytes = b""


def text_tokens(low: bytes, *, marker: str, read: Callable[[], TextLines]) -> list[Token]:
    """The markers of a lower-case text that are not quoted. ``read`` is called if there are any."""
    found = spelled(low, marker=marker, is_html=False)
    if not found:
        return []
    text = read()
    quote_begins = quote_in(text)
    seen = [m for m, line in _with_lines(low, found) if not _is_quoted(text, line, quote_begins)]
    return [_text_token(low, mark) for mark in _few(seen)]


def _with_lines(low: bytes, marks: Iterable[Spelled]) -> Iterator[tuple[Spelled, int]]:
    """Each marker with the number of its line."""
    at = number = 0
    for mark in marks:
        number += low.count(b"\n", at, mark.start)
        at = mark.start
        yield mark, number


def _few(seen: Sequence[Spelled]) -> Sequence[Spelled]:
    """Refused before anything is made of them. Raises Refusal."""
    if len(seen) > MAX_TOKENS:
        raise Refusal("too_complex")
    return seen


def _is_quoted(text: TextLines, number: int, quote_begins: int | None) -> bool:
    below = quote_begins is not None and number >= quote_begins
    return below or is_quoted(text[number])


def _text_token(low: bytes, mark: Spelled) -> Token:
    window = low[max(mark.start - _ADDRESS_WITHIN, 0) : mark.start]
    before = window[window.rfind(b"\n") + 1 :]
    behind = low[mark.end : mark.end + _ADDRESS_WITHIN].partition(b"\n")[0]
    scheme = _TEXT_SCHEME.search(before)
    if scheme:
        return Token(mark.start - len(scheme[0]), mark.end, Form.URL)
    if not before.strip() and not behind.strip():
        return Token(mark.start, mark.end, Form.PARAGRAPH)
    return Token(mark.start, mark.end, Form.URL, mark.depth if _IN_ADDRESS.search(before) else 0)


def html_tokens(low: bytes, *, marker: str, read: Callable[[], HtmlText]) -> list[Token]:
    """The markers of a lower-case HTML text that are not quoted, nor in comments, styles, scripts.

    Raises Refusal where everything behind them would be swallowed, which ``read`` finds out.
    """
    found = spelled(low, marker=marker, is_html=True)
    text = read()
    others = html_quotes.quotes(html_quotes.containers(text))
    seen = [m for m in found if text.low[m.start] != 32 and not _within(others, m.start)]
    return [_html_token(text, mark, tag) for mark, tag in _with_tags(text, _few(seen))]


def _within(others: Sequence[html_quotes.Container], at: int) -> bool:
    number = bisect_right(others, at, key=lambda c: c.start) - 1
    return number >= 0 and at < others[number].end


def _with_tags(
    text: HtmlText, marks: Iterable[Spelled]
) -> Iterator[tuple[Spelled, re.Match[bytes] | None]]:
    """Each marker with the tag it stands in. None in text."""
    tags = _TAGS.finditer(text.low)
    tag = next(tags, None)
    for mark in marks:
        while tag and tag.end() <= mark.start:
            tag = next(tags, None)
        yield mark, tag if tag and tag.start() < mark.start else None


def _html_token(text: HtmlText, mark: Spelled, tag: re.Match[bytes] | None) -> Token:
    if tag:
        return _attribute_token(text.low, mark, tag)
    before = text.low[max(mark.start - _SCHEME_WITHIN, 0) : mark.start]
    scheme = _TEXT_SCHEME.search(before)
    start = mark.start - len(scheme[0]) if scheme else mark.start
    if _is_in_anchor(text.low, start):
        form = Form.URL
    else:
        is_alone = not mark.tags and _is_alone(text, start, mark.end)
        form = Form.PARAGRAPH if is_alone else Form.ANCHOR
    return Token(start, mark.end, form, 0, mark.tags)


def _is_in_anchor(low: bytes, at: int) -> bool:
    tags = _ANCHOR.findall(low, max(at - _ANCHOR_WITHIN, 0), at)
    return tags[-1:] == [b""]


def _is_alone(text: HtmlText, start: int, end: int) -> bool:
    """Nothing else is read in its block."""
    window = max(start - _BLOCK_WITHIN, 0)
    left = 0 if not window else None
    for block in _BLOCK.finditer(text.low, window, start):
        left = block.end()
    behind = _BLOCK.search(text.low, end, end + _BLOCK_WITHIN)
    right = behind.start() if behind else min(end + _BLOCK_WITHIN, len(text.low))
    is_end = behind is not None or right == len(text.low)
    if left is None or not is_end or holds(text.low[left:right], b"<img"):
        return False
    return not text.has_text(left, start) and not text.has_text(end, right)


def _attribute_token(low: bytes, mark: Spelled, tag: re.Match[bytes]) -> Token:
    """The whole value if it is nothing but the marker; a tracker's parameter keeps its depth."""
    first, last = _value(low, mark, tag)
    before = low[max(first, mark.start - _SCHEME_WITHIN) : mark.start].lstrip()
    scheme = _SCHEME.search(before)
    start = mark.start - len(scheme[0]) if scheme else mark.start
    if low[first:start].strip():
        return Token(start, mark.end, Form.ATTRIBUTE, mark.depth)
    is_all = low[mark.end : last].strip() in (b"", b"/")
    return Token(first, last if is_all else mark.end, Form.ATTRIBUTE)


def _value(low: bytes, mark: Spelled, tag: re.Match[bytes]) -> tuple[int, int]:
    """The attribute's value around the marker; the marker itself outside of any."""
    for attribute in _ATTRIBUTE.finditer(low, tag.start(), tag.end()):
        group = attribute.lastindex or 0
        if attribute.start(group) <= mark.start and mark.end <= attribute.end(group):
            return attribute.span(group)
    return mark.start, mark.end


def html_for(token: Token, paragraph: Paragraph) -> str:
    """What stands in the token's place in HTML, in ASCII."""
    if token.form is Form.PARAGRAPH:
        return html_fragment(paragraph)
    url = address_for(token, paragraph)
    shown = anchor(url) if token.form is Form.ANCHOR else html.escape(url)
    return shown + token.tags.decode("latin-1")


def address_for(token: Token, paragraph: Paragraph) -> str:
    """The link, percent-encoded as often as the token was."""
    return url_forms(paragraph.url)[token.depth]


def url_forms(url: str) -> tuple[str, str, str]:
    """An address as it is, percent-encoded once, and twice."""
    once = quote(url, safe="")
    return url, once, quote(once, safe="")


def marker_spelled(data: bytes, marker: str) -> bool:
    """The marker stands somewhere, in whatever context."""
    return is_spelled(data.lower(), marker=marker, is_html=True)
