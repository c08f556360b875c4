"""The marker that a template carries: found in whatever spelling editors and trackers give it."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from urllib.parse import quote

from .fragment import anchor, ascii_html, html_fragment
from .html_quotes import containers, quote_start
from .html_text import HtmlText
from .text_lines import TextLines
from .text_quotes import quote_in
from .values import Paragraph

# Bounded, all of them: what repeats without end inside a pattern makes hostile input slow.
_JOINERS = rb"(?:\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad){0,3}"
"""Zero-width signs and soft hyphens, which editors put into long words (UTF-8)."""
_HTML_JOINERS = (
    rb"(?:\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad|&(?:shy|zwnj|zwj|zerowidthspace|"
    rb"nobreak|#(?:173|820[3-7]|8288|65279)|#x(?:ad|200[b-f]|2060|feff));?|\r?\n"
    rb"|</?(?:span|b|i|u|em|strong|font|wbr|a|mark|small|code)(?:\s[^<>]{0,300})?/?>){0,3}"
)
_BLANK = rb"(?:[ \t\xa0]|\xc2\xa0){0,8}"
_HTML_BLANK = rb"(?:[ \t\xa0]|\xc2\xa0|&nbsp;|&#160;|&#xa0;){0,8}"
_NAMED = {"{": rb"lcub|lbrace", "}": rb"rcub|rbrace", "_": rb"lowbar|underbar", "%": rb"percnt",
          "[": rb"lsqb|lbrack", "]": rb"rsqb|rbrack"}  # fmt: skip
_INLINE_TAG = re.compile(rb"<[^<>]*>")
_START_TAG = re.compile(rb"<[a-zA-Z][^\s/>\x00]*(?:\"[^\"]*\"|'[^']*'|[^'\">])*>")
_ATTRIBUTE = re.compile(rb"([^\s=/>\"'<]+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>\"']+)")
_SCHEME_BEFORE = re.compile(rb"(?:https?:)?//\Z", re.I)
_BLOCK_END = re.compile(
    rb"(?:\A|<(?:p|div|td|th|li|body|br|h[1-6]|center|section|article|blockquote)(?:\s[^<>]*)?/?>"
    rb"|</(?:p|div|td|tr|table|ul|ol|h[1-6])>)[\s\x01]*(?:&nbsp;[\s]*)*\Z",
    re.I,
)
_BLOCK_START = re.compile(
    rb"[\s\x01]*(?:&nbsp;\s*)*(?:\Z|</?(?:p|div|td|th|tr|li|body|html|br|table|h[1-6]|center|section"
    rb"|article|blockquote)(?:\s[^<>]*)?/?>)",
    re.I,
)
_CONTEXT = 400
"""Bytes looked at on either side, to see whether a marker is alone in its block."""


class Form(Enum):
    """What takes the marker's place."""

    PARAGRAPH = "paragraph"
    URL = "url"
    ANCHOR = "anchor"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class Token:
    """A marker at ``[start:end]``. ``depth``: how often it is percent-encoded; ``tags``: inline
    tags that stood inside and have to stay."""

    start: int
    end: int
    form: Form
    depth: int = 0
    tags: bytes = b""


def text_tokens(masked: bytes, *, marker: str) -> list[Token]:
    """The markers of a plain text that are not quoted."""
    found = list(_pattern(marker, is_html=False).finditer(masked))
    if not found:
        return []
    lines = [line.removesuffix("\r") for line in masked.decode("utf-8", "replace").split("\n")]
    until = _offset_of_line(masked, quote_in(TextLines(lines)))
    return [
        Token(m.start(), m.end(), _text_form(masked, m))
        for m in found
        if m.start() < until and not _line_before(masked, m.start()).startswith(b">")
    ]


def _offset_of_line(data: bytes, number: int | None) -> int:
    at = 0
    for _ in range(number or 0):
        at = data.find(b"\n", at) + 1
    return len(data) + 1 if number is None else at


def _line_before(data: bytes, at: int) -> bytes:
    return data[data.rfind(b"\n", 0, at) + 1 : at]


def _text_form(data: bytes, found: re.Match[bytes]) -> Form:
    end = data.find(b"\n", found.end())
    behind = data[found.end() : end if end >= 0 else len(data)]
    alone = not _line_before(data, found.start()).strip() and not behind.strip()
    return Form.PARAGRAPH if alone else Form.URL


def html_tokens(masked: bytes, *, marker: str) -> list[Token]:
    """The markers of an HTML text that are not quoted, nor in comments, styles or scripts."""
    if not any(pattern.search(masked) for pattern in _patterns(marker)):
        return []
    text = HtmlText(masked)
    opaque, quote = text.low, quote_start(text, containers(text))
    until = len(masked) if quote is None else quote
    tokens: list[Token] = []
    for depth, pattern in enumerate(_patterns(marker)):
        for found in pattern.finditer(masked, 0, until):
            token = _html_token(masked, opaque, found, depth)
            if token is not None and not any(
                t.start < token.end and token.start < t.end for t in tokens
            ):
                tokens.append(token)
    return sorted(tokens, key=lambda t: t.start)


def _html_token(data: bytes, opaque: bytes, found: re.Match[bytes], depth: int) -> Token | None:
    start, end = found.span()
    if opaque[start] == 1 or opaque[end - 1] == 1:
        return None
    value = _attribute_value(data, start, end)
    if value is not None:
        return _in_attribute(data, start, end, value, depth)
    if depth:
        # Percent-encoded where people read: still a marker, and the plain address serves them.
        return Token(start, end, Form.ANCHOR)
    tags = b"".join(_INLINE_TAG.findall(data[start:end]))
    before, behind = opaque[max(start - _CONTEXT, 0) : start], opaque[end : end + _CONTEXT]
    inside_anchor = before.rfind(b"<a ") > before.rfind(b"</a")
    alone = (
        not tags and not inside_anchor and _BLOCK_END.search(before) and _BLOCK_START.match(behind)
    )
    form = Form.URL if inside_anchor else Form.PARAGRAPH if alone else Form.ANCHOR
    return Token(start, end, form, 0, tags)


def _attribute_value(data: bytes, start: int, end: int) -> tuple[int, int] | None:
    """The span of the attribute's value that holds ``[start:end]``; None in text."""
    tag = data.rfind(b"<", 0, start)
    found = _START_TAG.match(data, tag) if tag >= 0 else None
    if not found or found.end() < end:
        return None
    for attribute in _ATTRIBUTE.finditer(data, tag, found.end()):
        first, last = attribute.span(2)
        if first <= start and end <= last:
            quoted = attribute[2][:1] in (b'"', b"'")
            return first + quoted, last - quoted
    return None


def _in_attribute(data: bytes, start: int, end: int, value: tuple[int, int], depth: int) -> Token:
    before = data[value[0] : start]
    behind = data[end : value[1]]
    is_first = not before.strip() or _SCHEME_BEFORE.fullmatch(before.strip())
    if is_first and behind.strip() in (b"", b"/"):
        return Token(value[0], value[1], Form.ATTRIBUTE)
    return Token(start, end, Form.ATTRIBUTE, depth)


def render_token(token: Token, paragraph: Paragraph, *, is_html: bool) -> str:
    """What stands in the token's place."""
    if not is_html:
        return paragraph.text if token.form is Form.PARAGRAPH else paragraph.url
    if token.form is Form.PARAGRAPH:
        return html_fragment(paragraph)
    if token.form is Form.ATTRIBUTE:
        url = paragraph.url
        for _ in range(token.depth):
            url = quote(url, safe="")
        return html.escape(url)
    shown = html.escape(paragraph.url) if token.form is Form.URL else anchor(paragraph.url)
    return ascii_html(shown) + token.tags.decode("latin-1")


def marker_spelled(data: bytes, marker: str, *, exact: bool = False) -> bool:
    """The marker stands somewhere, in whatever context; not ``exact``: or one like it."""
    if any(pattern.search(data) for pattern in _patterns(marker)):
        return True
    return not exact and bool(_nearly(marker).search(data))


@cache
def _nearly(marker: str) -> re.Pattern[bytes]:
    """Braces as the marker's around a word with the same beginning: a typing mistake."""
    lead, core, tail = _split(marker)
    begin = re.escape(core[: max(4, len(core) // 2)].encode())
    return re.compile(
        re.escape(lead.encode())
        + rb"\s{0,4}"
        + begin
        + rb"[\w .-]{0,30}"
        + re.escape(tail.encode()),
        re.I,
    )


def _split(marker: str) -> tuple[str, str, str]:
    """What opens the marker, its word, and what closes it."""
    core = marker.strip("".join(c for c in marker if not (c.isalnum() or c == "_")))
    lead, _, tail = marker.partition(core)
    return lead, core, tail


@cache
def _patterns(marker: str) -> tuple[re.Pattern[bytes], ...]:
    """As it is, percent-encoded once, and twice."""
    once = quote(marker, safe="")
    return (
        _pattern(marker, is_html=True),
        *(
            re.compile(re.escape(spelling.encode("ascii")), re.I)
            for spelling in (once, quote(once, safe=""))
            if spelling != marker
        ),
    )


@cache
def _pattern(marker: str, *, is_html: bool) -> re.Pattern[bytes]:
    lead, core, tail = _split(marker)
    blank = _HTML_BLANK if is_html else _BLANK
    glue = _HTML_JOINERS if is_html else _JOINERS
    spelled = (glue.join(_sign(c, is_html=is_html) for c in part) for part in (lead, core, tail))
    first, middle, last = spelled
    return re.compile(first + glue + blank + glue + middle + glue + blank + glue + last, re.I)


def _sign(character: str, *, is_html: bool) -> bytes:
    plain = re.escape(character.encode("ascii"))
    if not is_html or character.isalnum():
        return plain
    code = ord(character)
    named = rb"|&(?:" + _NAMED[character] + rb");?" if character in _NAMED else b""
    return rb"(?:%b|&#0*%d;?|&#x0*%x;?%b)" % (plain, code, code, named)
