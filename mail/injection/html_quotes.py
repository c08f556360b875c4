"""The containers in which mail programs put the quoted original and the signature in HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Final

from .html_text import HtmlText
from .text_quotes import announces
from .words import holds, may_hold

_WORDS: Final = tuple(
    (re.compile(begin + rest), begin, rare)
    for begin, rest, rare in (
        (rb"quote", rb"", rb"q"),
        (rb"signature", rb"", rb"ug"),
        (rb"ply", rb"(?:fwd|(?<=messagereply))", rb""),
        (rb"en", rb"(?:donsend|ce-message)", rb""),
        (rb"border-top:", rb" ?solid", rb"b"),
        (rb"kmessageheader", rb"", rb"k"),
        (rb"z", rb"(?:wchr|-(?<=moz-))", rb"z"),
        (rb"_", rb"(?:src|mailautosig|(?<=zmail_))", rb"_"),
    )
)
"""One of them is in every container below: looked for first, since most mails hold none. Words with
a piece in common share a pass. Each goes with how it begins and with its rarest bytes, if some are
rare, whose absence is found many times as fast."""
_SHORT: Final = 4000
"""Bytes in which a word is found as fast as anything."""
_MOST_TRIES: Final = 500


class Kind(Enum):
    """What the container tells about the text behind it."""

    CITE = "cite"
    WHOLE = "whole"
    REST = "rest"
    SAID = "said"
    SIGNATURE = "signature"


_NAMED: Final = rb"""\b(?:class|id|name|data-smartmail)\s*=\s*(?:"[^"]*|'[^']*|[^\s"'>]*)"""
_KINDS: Final = {
    kind: re.compile(pattern)
    for kind, pattern in {
        # Thunderbird, Apple, and whoever follows them; Outlook on the Mac
        Kind.CITE: rb"<blockquote\b[^>]*\btype\s*=\s*[\"']?cite\b"
        rb"|<blockquote\b[^>]*" + _NAMED + rb"(?:quote|attribution)",
        # Gmail, Yahoo, Proton, Tuta, Zoho, GMX, Mail.ru, Spark; forwarded by Thunderbird
        Kind.WHOLE: rb"<(?:div|section|span|table)\b[^>]*"
        + _NAMED
        + rb"(?:gmail_quote|yahoo_quoted|protonmail_quote|tutanota_quote|zmail_extra|mail-?quote"
        rb"|moz-forward-container|messagereplysection|olk_src_body)"
        rb"|<div\b[^>]*\bname\s*=\s*[\"']?quote\b",
        # Outlook on the web, on phones, on the desktop; Hotmail, Zimbra
        Kind.REST: rb"<[a-z]+\b[^>]*"
        + _NAMED
        + rb"(?:divrplyfwdmsg|appendonsend|outlookmessageheader|mail-editor-reference-message"
        rb"|ms-outlook-mobile-reference-message|zwchr)"
        rb"|<div\b[^>]*\bborder:\s*none;\s*border-top:\s*solid\s*(?:#e1e1e1|#b5c4df|rgb\(225|rgb\(181)",
        Kind.SAID: rb"<div\b[^>]*" + _NAMED + rb"(?:moz-cite-prefix|gmail_attr)",
        Kind.SIGNATURE: rb"<[a-z]+\b[^>]*"
        + _NAMED
        + rb"(?:gmail_signature|moz-signature|ms-outlook-mobile-signature|protonmail_signature"
        rb"|tutanota_signature|zmail_signature|yahoo-signature|yahoo_signature|ymail_\w{1,9}_signature"
        rb"|applemailsignature|_mailautosig)"
        rb"|<(?:div|span|table)\b[^>]*\bid\s*=\s*[\"']?(?:x_)*signature[\"'\s>]",
    }.items()
}
_BLOCK_TAG: Final = re.compile(
    rb"<(?:/?(?:div|p|blockquote|td|li|ul|table|body)|br|hr)(?:\s[^<>]*)?/?>"
)
_CLIMBED: Final = re.compile(rb"<(?:p|span|b|i|font|o:p|hr|a\s+name)\b[^<>]*>")
_ATTRIBUTION_WITHIN: Final = 1500
_TAG: Final = re.compile(rb"<[^<>]*>")


@dataclass(frozen=True, slots=True)
class Container:
    """An element of that kind from ``start`` to ``end``; of kind REST, to the end of the text."""

    kind: Kind
    start: int
    end: int


def containers(text: HtmlText) -> list[Container]:
    """Those that stand in no other one, in their order."""
    found: list[Container] = []
    behind = 0
    for start, tag, kind in _tags(text):
        if start >= behind:
            behind = len(text.low) if kind is Kind.REST else text.element_end(start, tag)
            found.append(Container(kind, start, behind))
    return found


def _tags(text: HtmlText) -> Iterator[tuple[int, bytes, Kind]]:
    for start, tag in sorted(dict(_candidates(text)).items()):
        kind = next((k for k, pattern in _KINDS.items() if pattern.match(tag)), None)
        if kind:
            yield start, tag, kind


def _candidates(text: HtmlText) -> Iterator[tuple[int, bytes]]:
    """Tags in which one of the words stands; no mail has more of them than are looked at."""
    for word, begin, rare in _WORDS:
        if _is_absent(text.low, begin, rare):
            continue
        for found in islice(word.finditer(text.low), _MOST_TRIES):
            start, tag = text.tag_around(found.start())
            if tag:
                yield start, tag


def _is_absent(low: bytes, begin: bytes, rare: bytes) -> bool:
    if len(low) < _SHORT:
        return not holds(low, begin)
    if not rare:
        return False
    return not all(byte in low for byte in rare) or not may_hold(low, begin, rare[:1])


def quotes(found: Sequence[Container]) -> list[Container]:
    """What another person wrote."""
    return [c for c in found if c.kind is not Kind.SIGNATURE]


def quote_start(text: HtmlText, found: Sequence[Container]) -> int | None:
    """Where the quoted original begins that ends the mail; None where answers stand in or below."""
    quoted = quotes(found)
    if not quoted or not text.has_text(text.body_start(), quoted[0].start):
        return None
    if _is_answered(text, found, quoted):
        return None
    start = _above_attribution(text, quoted[0].start)
    return start if text.has_text(text.body_start(), start) else None


def _is_answered(text: HtmlText, found: Sequence[Container], quoted: Sequence[Container]) -> bool:
    """Text stands between or below cited blocks, and not only a signature."""
    for container, behind in zip(quoted, [*quoted[1:], None], strict=True):
        if container.kind is Kind.CITE:
            stop = behind.start if behind else text.body_end()
            own = (c.start for c in found if c.kind is Kind.SIGNATURE and c.start >= container.end)
            if text.has_text(container.end, min([*own, stop])):
                return True
    return False


def signature_start(text: HtmlText, found: Sequence[Container]) -> int | None:
    """Where the writer's own signature begins, if something stands above it."""
    starts = (c.start for c in found if c.kind is Kind.SIGNATURE)
    above = text.body_start()
    return next((climbed(text, s) for s in starts if text.has_text(above, s)), None)


def _above_attribution(text: HtmlText, start: int) -> int:
    """Above the line that says who wrote it, where that stands in front of the container."""
    window = max(start - _ATTRIBUTION_WITHIN, 0)
    behind = start
    for block in reversed(list(_BLOCK_TAG.finditer(text.low, window, start))):
        if text.has_text(block.end(), behind):
            line = _TAG.sub(b"", text.raw[block.end() : behind]).decode("utf-8", "replace")
            if not announces(html.unescape(line)):
                break
            opens = block[0].startswith((b"<div", b"<p"))
            return climbed(text, block.start() if opens else block.end())
        behind = block.start()
    return climbed(text, start)


def climbed(text: HtmlText, start: int) -> int:
    """Out of paragraphs and inline tags that open directly before, and above a rule."""
    while True:
        end = len(text.low[max(start - 100, 0) : start].rstrip()) + max(start - 100, 0)
        tag = text.low.rfind(b"<", max(end - 500, 0), end)
        if tag < 0 or not _CLIMBED.fullmatch(text.low, tag, end):
            return start
        start = tag
