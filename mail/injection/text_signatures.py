"""The signature at the end of a plain text: sign-dashes, a phone's line, a Japanese ruled block."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Sequence
from typing import Final

from .text_lines import TextLines

_WINDOW: Final = 18
"""Filled lines above the end among which a ruled block or a bare ``--`` is looked for."""
_MOST_BELOW_DASHES: Final = 40
_MOST_BELOW_PHONE: Final = 3
_LONGEST: Final = 200
_COLUMNS: Final = 80
_FEWEST_WIDE: Final = 4
_FEWEST_NARROW: Final = 5
_MOST_KINDS: Final = 8
_AS_RULE: Final = frozenset("ー一oOxX゜ﾟ")
"""Letters that people draw lines with, among other signs."""
_NO_RULE: Final = ">＞。、「」『』()（）@"
_DRAWN: Final = re.compile(rf"\s*+(?:[^\w\s{re.escape(_NO_RULE)}]|[{''.join(sorted(_AS_RULE))}_])")
"""How every ruled line begins: asked first, since most lines are none."""
_DRAW_NOTHING: Final = frozenset(string.ascii_letters + string.digits) - _AS_RULE
"""Asked before that."""
_PHONE: Final = re.compile(
    r"(?i)\s*(?:Sent (?:from (?:my|mail for|outlook|yahoo|proton|samsung|huawei)|via ).{0,60}"
    r"|Get Outlook for .{2,80}|Gesendet (?:mit|von) .{3,60}"
    r"|(?:Von|Envoyé d|Enviado d|Inviato d|Verzonden v|Skickat från|Отправлено).{2,60}"
    r"(?:iPhone|iPad|Android|Handy|Smartphone|téléphone|móvil|Outlook).{0,30}"
    r"|.{0,30}(?:iPhone|iPad|Android|スマートフォン|スマホ|携帯).{0,12}から送信(?:しました)?。?)\s*"
)
_IN_PHONE: Final = (
    "sent ", "outlook", "gesendet ", "iphone", "ipad", "android", "handy", "smartphone",
    "téléphone", "móvil", "から送信",
)  # fmt: skip
"""One of them is in every such line: asked first, since most mails hold none."""
_CONTACT: Final = re.compile(
    r"(?i)\b(?:tel|fax|phone|mobile|e-?mail|url|web|hp)\b\s*[:.：/]|\btel\b|\bmail\s*[:：]|℡|☎|〒\s?\d"
    r"|電話|携帯|ＴＥＬ|ＦＡＸ|ＵＲＬ|メール\s?[:：]|https?://|www\.|[\w.+-]@[\w-]+\."
    r"|(?<!\d)0\d{1,4}-\d{1,4}-\d{3,4}(?!\d)|株式会社|有限会社|合同会社|[(（][株有][)）]|㈱|㈲|法人"
    r"|採用担当|採用チーム|採用グループ|人事部|人事課|\b(?:co\.,? ?ltd|inc|gmbh|corp|llc)\b"
)
_NOTE: Final = re.compile(r"\s*(?:[※＊*■◆]|本メール|このメール|当メール|なお)")
_SENTENCE: Final = ("。", "ます", "です", "さい", "ください。")
_COLUMN_GAP: Final = re.compile(r"\S(?:\t|\s?\||\s\s+\S)")


def signature_start(text: TextLines, end: int) -> int | None:
    """The number of the line where the signature begins that ends the lines before ``end``.

    None where there is none, or where nothing stands above it: then it is the text.
    """
    filled = text.before(end)
    lines = text.all
    drawn = [
        position
        for position, number in enumerate(filled[-_WINDOW:])
        if (line := lines[number])[:1] not in _DRAW_NOTHING and _DRAWN.match(line)
    ]
    starts = [_phone(text, filled)]
    if "-- " in text.joined:
        starts.append(_dashes(text, filled))
    if drawn:
        starts += [_bare_dashes(text, filled), _ruled(text, filled, drawn)]
    found = min([start for start in starts if start is not None], default=None)
    return found if found is not None and _has_words(text, text.before(found)) else None


def _has_words(text: TextLines, filled: Sequence[int]) -> bool:
    lines = text.all
    return any(not _DRAWN.match(lines[n]) or not is_rule(lines[n]) for n in filled)


def _dashes(text: TextLines, filled: Sequence[int]) -> int | None:
    """https://www.rfc-editor.org/rfc/rfc3676#section-4.3: two dashes and a blank."""
    lines = text.all
    found = [n for n in filled[-_MOST_BELOW_DASHES:] if lines[n] == "-- "]
    return found[0] if found else None


def _bare_dashes(text: TextLines, filled: Sequence[int]) -> int | None:
    """The blank is easily lost on the way; but two dashes also stand in tables."""
    lines = text.all
    found = [n for n in filled[-_WINDOW:] if lines[n][:2] == "--" and lines[n].rstrip() == "--"]
    return next((n for n in found if _is_no_row(text, n)), None)


def _is_no_row(text: TextLines, number: int) -> bool:
    above = text[number - 1][:_LONGEST] if number else ""
    return not _COLUMN_GAP.search(above)


def _phone(text: TextLines, filled: Sequence[int]) -> int | None:
    tail = filled[-_MOST_BELOW_PHONE:]
    low = "\n".join([text.all[n][:_LONGEST] for n in tail]).lower()
    if not any(words in low for words in _IN_PHONE):
        return None
    return next((n for n in tail if len(text[n]) < _LONGEST and _PHONE.fullmatch(text[n])), None)


def _ruled(text: TextLines, filled: Sequence[int], drawn: Sequence[int]) -> int | None:
    """A ruled line, then company, telephone, address; often ruled again below and in between.

    ``drawn``: the positions in the window of lines that begin as ruled ones do.
    """
    window, lines = filled[-_WINDOW:], text.all
    found: int | None = None
    below = len(window)
    for position in reversed(drawn):
        line = lines[window[position]]
        if len(line) < _FEWEST_WIDE or not is_rule(line):
            continue
        block = [lines[n] for n in window[position + 1 : below]]
        if _is_contact([*block, line] if block else block):
            found = window[position]
        elif block and not (found is None and _is_note(block)):
            break
        elif found is not None:
            # Two rules, one upon the other, above what was found.
            found = window[position]
        below = position
    return found


def _is_contact(block: Sequence[str]) -> bool:
    """Who writes and where to reach them, in short lines and not in sentences."""
    if any(2 * len(line) > _COLUMNS and _width(line) > _COLUMNS for line in block):
        return False
    sentences = sum(1 for line in block if line.rstrip().endswith(_SENTENCE))
    return 3 * sentences <= len(block) and any(_CONTACT.search(line) for line in block)


def _is_note(block: Sequence[str]) -> bool:
    """What many systems add below everything: that nobody reads answers to this mail."""
    return _NOTE.match(block[0]) is not None


def is_rule(line: str) -> bool:
    """Signs repeated to a line, also with a few words in it."""
    found = line.strip()
    if not _draws(found[:1]) or len(found) > _LONGEST:
        return False
    if found.count(found[0]) == len(found):
        return _is_long(found)
    words = found.strip("".join(c for c in set(found) if _draws(c)))
    if not words:
        return _is_long(found)
    left, _, right = found.partition(words)
    return _is_long(left.strip()) and (len(left.strip()) >= 2 * _FEWEST_WIDE or bool(right.strip()))


def _is_long(drawn: str) -> bool:
    fewest = _FEWEST_NARROW if drawn.isascii() else _FEWEST_WIDE
    kinds = set(drawn)
    is_drawn = len(kinds) == 1 or any(not c.isalnum() for c in kinds)
    return len(drawn) >= fewest and len(kinds) <= _MOST_KINDS and is_drawn


def _draws(sign: str) -> bool:
    """Takes part in ruled lines: no letter, digit, quote sign or full stop of a sentence."""
    return sign in _AS_RULE or not (sign.isalnum() or sign in _NO_RULE)


def _width(text: str) -> int:
    """Columns, in which a Japanese sign takes two."""
    if len(text) > _COLUMNS:
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
