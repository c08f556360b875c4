"""Linter rules on how a template is built: links, blocks, placeholders, characters, subject."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from ..models.errors import TemplateError
from .compose import NOTICES, PLACEHOLDERS, RELAY_BLOCK, Kind, block, has_relay_block, usual_block
from .findings import Draft, Finding, finding

SUBJECT_WIDTH = 30
PLACEHOLDER_WIDTH = 6
"""Full-width characters a merged name usually takes."""

_KNOWN = PLACEHOLDERS | {RELAY_BLOCK, "signature"}
_TAG = re.compile(r"\{\{([#/]?)([^{}\n]*)\}\}|\{\{|\}\}")
_GLUED = "。、」』）)."
_STOP_LINKS = re.compile(r"\{\{(?:relay_link|optout_link)\}\}")
_RELAY_LINK = "{{relay_link}}"
_OWN_BLOCK = re.compile(r"\{\{#relay_block\}\}(.*?)\{\{/relay_block\}\}", re.S)
_HONORIFIC = re.compile(r"\{\{candidate_name\}\}[ \u3000]*様")
_RESULT = re.compile(
    r"見送|見合わせ|控えさせて|かなわない|添いかね|添えない|不採用"
    r"|\bnot\s+to\b|\bnot\s+able\b|\bunable\b|\bwill\s+not\s+be\b|\bregret\b"
)
_SUBJECT_TELLS = re.compile(r"不合格|不採用|見送り|(?i:\breject\w*|\bunsuccessful\b)")
_REQUIRED_IN_BLOCK = ("relay_operator_name", "agency_license_no", "optout_link")
# Encodable in ISO-2022-JP, yet each system writes another character for it.
_UNSTABLE = frozenset("〜～−－‖∥")


@dataclass(frozen=True, slots=True)
class _Span:
    """Where the relay paragraph stands in the body, and its words."""

    start: int
    end: int
    words: str


def layout_findings(draft: Draft) -> Iterator[Finding]:
    """Rules 1, 2, 7, 8 and 9."""
    yield from _links(draft)
    yield from _placeholders(draft)
    yield from _relay_block(draft)
    yield from _sender(draft)
    yield from _salutation(draft)
    yield from _order(draft)
    yield from _characters(draft)
    yield from _subject(draft)


def block_lines(draft: Draft) -> range:
    """The body lines of the relay paragraph; empty where there is none."""
    span = _span(draft)
    if span is None:
        return range(0)
    return range(draft.line_at(span.start), draft.line_at(max(span.start, span.end - 1)) + 1)


def _links(draft: Draft) -> Iterator[Finding]:
    for match in _STOP_LINKS.finditer(draft.body):
        number = draft.line_at(match.start())
        follower = draft.body[match.end() : match.end() + 1]
        if (
            follower
            and not follower.isspace()
            and (follower in "。、」』）." or follower.isalnum())
        ):
            yield finding("link_glued", line=number, word=match[0])
        elif draft.lines[number - 1].strip(" \t") != match[0]:
            yield finding("link_not_alone", line=number, word=match[0])


def _placeholders(draft: Draft) -> Iterator[Finding]:
    for text, in_body in ((draft.subject, False), (draft.body, True)):
        opened: list[tuple[str, int]] = []
        for match in _TAG.finditer(text):
            number = draft.line_at(match.start()) if in_body else 0
            mark, name = match[1] or "", match[2]
            if name not in _KNOWN:
                yield finding("unknown_placeholder", line=number, word=match[0])
            elif mark == "#":
                opened.append((name, number))
            elif mark == "/" and (not opened or opened.pop()[0] != name):
                yield finding("unknown_placeholder", line=number, word=match[0])
        for name, number in opened:
            yield finding("unknown_placeholder", line=number, word=f"{{{{#{name}}}}}")


def _relay_block(draft: Draft) -> Iterator[Finding]:
    """A paragraph in the company's own words must say what ours says."""
    if _RELAY_LINK not in draft.body:
        return
    own = _OWN_BLOCK.search(draft.body)
    number = draft.line_at(draft.body.index(_RELAY_LINK))
    if not own or draft.body.count(_RELAY_LINK) != own[1].count(_RELAY_LINK):
        yield finding("block_not_removable", line=number)
    words = own[1] if own else draft.body
    for name in _REQUIRED_IN_BLOCK:
        if f"{{{{{name}}}}}" not in words:
            yield finding("block_without", line=number, word=f"{{{{{name}}}}}")


def _sender(draft: Draft) -> Iterator[Finding]:
    advertises = draft.kind in (Kind.REAPPLICATION, Kind.FOLLOW_UP)
    linked = has_relay_block(draft.body) or _RELAY_LINK in draft.body
    if (advertises or linked) and not re.search(
        r"\{\{(?:signature|company_address)\}\}", draft.body
    ):
        yield finding("no_sender_address", line=len(draft.lines))
    if advertises and "{{optout_link}}" not in draft.body:
        yield finding("no_optout", line=len(draft.lines))


def _salutation(draft: Draft) -> Iterator[Finding]:
    # The proof mail goes to whoever owns the mailbox typed, so it greets nobody by name.
    if draft.locale != "ja" or draft.kind is Kind.PROOF:
        return
    number, first = next(
        ((n, line) for n, line in enumerate(draft.lines, start=1) if line.strip()), (1, "")
    )
    has_name = bool(_HONORIFIC.search(first))
    if draft.ats_adds_salutation and has_name:
        yield finding("salutation_twice", line=number)
    elif not draft.ats_adds_salutation and not has_name:
        yield finding("no_honorific", line=number)


def _order(draft: Draft) -> Iterator[Finding]:
    span = _span(draft)
    outside = draft.body if span is None else draft.body[: span.start] + draft.body[span.end :]
    result = _RESULT.search(outside)
    if draft.kind in NOTICES and not result:
        yield finding("no_result", line=1)
    if span is None:
        return
    if result and result.start() >= span.start:
        yield finding("block_before_result", line=draft.line_at(span.start))
    if _weight(span.words) > _weight(outside.replace("{{signature}}", "")):
        yield finding("block_too_long", line=draft.line_at(span.start))


def _span(draft: Draft) -> _Span | None:
    if own := _OWN_BLOCK.search(draft.body):
        return _Span(own.start(), own.end(), own[1])
    if (start := draft.body.find("{{relay_block}}")) >= 0:
        words = block(usual_block(draft.kind), locale=draft.locale)
        return _Span(start, start + len("{{relay_block}}"), words)
    if (link := draft.body.find(_RELAY_LINK)) >= 0:
        return _bare_span(draft.body, link=link)
    return None


def _bare_span(body: str, *, link: int) -> _Span:
    """Without marks: from the paragraph that leads to the link to the stop link, if one follows."""
    lead = body.rfind("\n\n", 0, len(body[:link].rstrip()))
    start = lead + 2 if lead >= 0 else 0
    stop = body.find("{{optout_link}}", link)
    end = (stop + len("{{optout_link}}")) if stop >= 0 else link + len(_RELAY_LINK)
    return _Span(start, end, body[start:end])


def _weight(text: str) -> int:
    return len(re.sub(r"\{\{.*?\}\}|\s", "", text))


def _characters(draft: Draft) -> Iterator[Finding]:
    charset = draft.charset.casefold()
    if charset in ("utf-8", "utf8"):
        return
    for number, line in enumerate((draft.subject, *draft.lines)):
        for character in dict.fromkeys(_TAG.sub("", line)):
            if character in _UNSTABLE or not _encodable(character, charset=charset):
                yield finding("charset", line=number, word=character)


def _encodable(character: str, *, charset: str) -> bool:
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return False
    except LookupError:
        raise TemplateError(f"{charset!r} is not a known character set") from None
    return True


def _subject(draft: Draft) -> Iterator[Finding]:
    fixed = _TAG.sub("", draft.subject)
    merged = len(_TAG.findall(draft.subject)) * PLACEHOLDER_WIDTH
    if sum(_width(c) for c in fixed) + merged > SUBJECT_WIDTH:
        yield finding("subject_long", line=0)
    if told := _SUBJECT_TELLS.search(fixed):
        yield finding("subject_tells", line=0, word=told[0])


def _width(character: str) -> float:
    return 1.0 if unicodedata.east_asian_width(character) in "WFA" else 0.5
