"""What an injection broke, for each reader."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from careerrelay.mail.injection.values import Paragraph, Result, Status

from .values import Part, Reading

OUR_HEADER = "x-careerrelay"
MAY_CHANGE = frozenset({"content-type", "content-transfer-encoding", "mime-version"})
"""In the headers of a text that was written into, and of none other."""

READ_BY_PEOPLE = frozenset({"text/plain", "text/html"})
SEALED = re.compile(
    r"multipart/(signed|encrypted)|application/(x-)?pkcs7.*|application/pgp-(signature|encrypted)|text/calendar"
    r"|application/ics"
)
ARMOUR = re.compile(r"^-----BEGIN PGP ", re.MULTILINE)


def compare(
    before: Sequence[Reading], after: Sequence[Reading], *, paragraph: Paragraph, result: Result
) -> list[str]:
    """One sentence for each thing that is broken, beginning with the reader's name and a colon."""
    return [
        f"{old.judge}: {finding}"
        for old, new in zip(before, after, strict=True)
        for finding in _findings(old, new, paragraph=paragraph, result=result)
    ]


def _findings(old: Reading, new: Reading, *, paragraph: Paragraph, result: Result) -> Iterator[str]:
    if result.edits and is_sealed(old):
        yield "signed or encrypted touched"
    if _shape(old) != _shape(new):
        yield f"structure changed ({len(old.parts)} parts, now {len(new.parts)})"
        return
    for error in set(new.errors) - set(old.errors):
        yield f"new error ({error})"
    touched = [
        at
        for at, (a, b) in enumerate(zip(old.parts, new.parts, strict=True))
        if (a.digest, a.text) != (b.digest, b.text)
    ]
    yield from _headers(old, new, touched=touched)
    for at in touched:
        yield from _leaf(old.parts[at], new.parts[at], paragraph=paragraph, result=result)
    if result.status in (Status.INJECTED, Status.REPLACED):
        yield from _places(old.parts, touched)


def _shape(reading: Reading) -> list[tuple[int, str, str, str]]:
    return [(p.depth, p.type, p.filename, p.disposition) for p in reading.parts]


def is_sealed(reading: Reading) -> bool:
    """Whether it holds what must not be touched, outside of attached messages."""
    inside: int | None = None
    for part in reading.parts:
        if inside is not None and part.depth > inside:
            continue
        inside = part.depth if part.type.startswith("message/") else None
        if SEALED.fullmatch(part.type) or ARMOUR.search(part.text or ""):
            return True
    return False


def _headers(old: Reading, new: Reading, *, touched: Sequence[int]) -> Iterator[str]:
    for at, (a, b) in enumerate(zip(old.parts, new.parts, strict=True)):
        free = MAY_CHANGE if at in touched else frozenset()
        if _fields(a, free=free) != _fields(b, free=free):
            yield f"header value changed (part {at})"


def _fields(part: Part, *, free: frozenset[str]) -> list[tuple[str, str]]:
    return [
        (name, value.rstrip("\r\n"))
        for name, value in part.headers
        if name.lower() not in free and name.lower() != OUR_HEADER
    ]


def _leaf(old: Part, new: Part, *, paragraph: Paragraph, result: Result) -> Iterator[str]:
    attached = old.disposition == "attachment" or bool(old.filename)
    if old.type not in READ_BY_PEOPLE or attached or old.text is None or new.text is None:
        yield f"attachment changed ({old.type})"
        return
    a, b = _lines(old.text), _lines(new.text)
    marker_gone = result.status is Status.REPLACED and any(f in b for f in _forms(paragraph))
    if not (_replaced_only(a, b) if marker_gone else _inserted_only(a, b)):
        yield f"old text damaged ({old.type})"
    links = _links(b, paragraph=paragraph, kind=old.type)
    links -= _links(a, paragraph=paragraph, kind=old.type)
    if links < 1:
        yield f"link missing ({old.type})"
    if links > 1 and not marker_gone:
        yield f"link double ({old.type})"
    if not marker_gone and "charset_mismatch" not in result.notes and not _readable(b, paragraph):
        yield f"paragraph unreadable ({old.type})"


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _inserted_only(old: str, new: str) -> bool:
    """Whether ``new`` is ``old`` with one piece put in somewhere."""
    return _in_common(old, new) + _in_common(old[::-1], new[::-1]) >= len(old)


def _in_common(one: str, other: str) -> int:
    """How many characters both begin with; halving, as texts may be long."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low


TOKEN = re.compile(r"(?:(?:https?:)?//)?\{\{\s*career_relay_link\s*\}\}/?", re.IGNORECASE)
LONGEST_FORM = 600
"""Characters that a marker in another form than the plain one may take up."""


def _replaced_only(old: str, new: str) -> bool:
    """Whether all but the markers is still there, in order."""
    kept = TOKEN.split(old)
    if len(kept) == 1:
        kept_length = _in_common(old, new) + _in_common(old[::-1], new[::-1])
        return kept_length >= len(old) - LONGEST_FORM
    at = 0
    for piece in kept:
        found = new.find(piece.strip(), at)
        if found < 0:
            return False
        at = found + len(piece.strip())
    return True


def _links(text: str, *, paragraph: Paragraph, kind: str) -> int:
    """How often a person would meet the link."""
    if kind == "text/plain":
        return sum(text.count(form) for form in _forms(paragraph))
    address = "|".join(re.escape(html.escape(form)) for form in _forms(paragraph))
    found = rf"<a\b[^>]*\bhref\s*=\s*[\"']?[^\s\"'<>]*(?:{address})[^\s\"'<>]*[\"'\s>]"
    return len(re.findall(found, text, re.IGNORECASE))


def _forms(paragraph: Paragraph) -> tuple[str, ...]:
    """The address as it is, and as trackers put it into their own ones."""
    once = quote(paragraph.url, safe="")
    return paragraph.url, once, quote(once, safe="")


def _readable(text: str, paragraph: Paragraph) -> bool:
    seen = _squeezed(html.unescape(re.sub(r"<[^>]*>", "", text))) + _squeezed(text)
    return any(
        all(_squeezed(line) in seen for line in wording.split("\n") if line != paragraph.url)
        for wording in (paragraph.text, paragraph.ascii_text)
    )


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _places(parts: Sequence[Part], touched: Sequence[int]) -> Iterator[str]:
    """The link belongs once into each alternative of one text, and nowhere else."""
    if not touched:
        yield "link missing (no text was changed)"
        return
    families = {_alternative_of(parts, at) for at in touched}
    if len(touched) > 1 and (len(families) > 1 or None in families):
        yield "link double (in texts that are shown one after the other)"
    for family in families - {None}:
        for branch in _branches(parts, family or 0):
            if _has_text(parts, branch) and not set(branch) & set(touched):
                yield f"link missing (in an alternative, part {branch[0]})"


def _alternative_of(parts: Sequence[Part], at: int) -> int | None:
    """The outermost multipart/alternative round a part."""
    found, depth = None, parts[at].depth
    for above in range(at - 1, -1, -1):
        if parts[above].depth < depth:
            depth = parts[above].depth
            if parts[above].type == "multipart/alternative":
                found = above
    return found


def _branches(parts: Sequence[Part], top: int) -> Iterator[list[int]]:
    branch: list[int] = []
    for at in range(top + 1, len(parts)):
        if parts[at].depth <= parts[top].depth:
            break
        if parts[at].depth == parts[top].depth + 1 and branch:
            yield branch
            branch = []
        branch.append(at)
    if branch:
        yield branch


def _has_text(parts: Sequence[Part], branch: Sequence[int]) -> bool:
    return any(
        parts[at].type in READ_BY_PEOPLE
        and parts[at].disposition != "attachment"
        and not parts[at].filename
        for at in branch
    )
