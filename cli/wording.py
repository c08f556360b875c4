"""Sentences in the reader's language.

Errors are raised in English, with their values already in them; ``translations/ja.po`` holds
them as patterns (``the file {path} is empty``), and a message that fits one is said in its
words. A message without a pattern follows a Japanese sentence about what kind of fault it is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from gettext import ngettext
from importlib.resources import files

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from ..models.errors import (
    CareerRelayError,
    ConfigurationError,
    ProfileError,
    SheetRefusedError,
)

_PLACE = re.compile(r"\\\{([a-z_]+)\\\}")
_HOLE = re.compile(r"\{([a-z_]+)\}")

SENTENCES = frozenset({"how", "problem"})
"""Holes that a sentence of its own fills."""

KINDS_JA: Mapping[str, str] = {
    "configuration": "設定に誤りがあります",
    "not_found": "指定されたものが見つかりません",
    "refused": "実行できません",
    "unsupported": "このATSでは対応していません",
    "template": "メールのひな形を使用できません",
    "address": "メールアドレスに誤りがあります",
    "api_authentication": "ATSが認証情報を受け付けません",
    "api_permission": "ATSの権限が不足しています",
    "api_not_found": "ATSに該当するデータがありません",
    "api_rate_limited": "ATSの呼び出し回数の上限に達しました",
    "calls_used_up": "接続の設定で定めた1か月の呼び出し回数を使い切りました",
    "api_unavailable": "ATSから応答がありません",
    "smtp_rejected": "メールサーバーに拒否されました",
    "smtp_unavailable": "メールサーバーに接続できません",
    "link_invalid": "リンクが正しくありません",
}


@dataclass(frozen=True, slots=True)
class _Pattern:
    fits: re.Pattern[str]
    words: str


def told_error(error: Exception, *, lang: str, place: str) -> tuple[str, int]:
    """One sentence for people, and the exit code: 2 for settings, 1 for everything else."""
    if not isinstance(error, CareerRelayError):
        # Its message may hold anything, so only its kind and place are told.
        bug = f"something unexpected happened ({type(error).__name__} at {place}); please report it"
        return translated(bug, lang=lang), 1
    code = 2 if isinstance(error, ConfigurationError) else 1
    message = error.message.replace("\n", " ").rstrip(".")
    told = translated(message, lang=lang)
    if lang == "ja" and isinstance(error, (SheetRefusedError, ProfileError)):
        told = error.message_ja
    elif lang == "ja" and told == message:
        told = f"{KINDS_JA.get(error.code, 'エラーが発生しました')}（{message}）"
    return told, code


def translated(text: str, *, lang: str, context: str | None = None) -> str:
    """``text`` in Japanese where the catalogue knows it, else as it is."""
    if lang != "ja":
        return text
    for pattern in _patterns(context):
        found = pattern.fits.fullmatch(text)
        if found:
            return _HOLE.sub(lambda m: _filled(found, m[1]), pattern.words)  # noqa: B023 - at once
    return text


def term(word: str, *, lang: str) -> str:
    """The heading of a column, or the name of what was looked at."""
    return translated(word, lang=lang, context="term")


def area(name: str, *, lang: str) -> str:
    """What a finding is about: a part of the installation, or the id of somebody's own."""
    return translated(name, lang=lang, context="area")


def counted(one: str, many: str, number: int, *, lang: str) -> str:
    """``one`` or ``many``, with the {number} in it."""
    return translated(ngettext(one, many, number).format(number=number), lang=lang)


def _filled(found: re.Match[str], hole: str) -> str:
    """A value as it stands, or, where the message holds another sentence, that one translated."""
    return translated(found[hole], lang="ja") if hole in SENTENCES else found[hole]


@lru_cache(maxsize=3)
def _patterns(context: str | None) -> tuple[_Pattern, ...]:
    """The catalogue; those with most fixed words first, so that the closest one wins."""
    text = files(__package__ or "").joinpath("translations", "ja.po").read_bytes()
    catalogue = read_po(io.BytesIO(text), locale="ja")
    pairs = [pair for m in catalogue if m.id and m.context == context for pair in _pairs(m)]
    pairs.sort(key=lambda pair: -len(_HOLE.sub("", pair[0])))
    return tuple(_Pattern(_fitting(message), words) for message, words in pairs)


def _pairs(message: Message) -> Iterator[tuple[str, str]]:
    """Message and words; Japanese says one and many alike."""
    ids = message.id if isinstance(message.id, (list, tuple)) else (message.id,)
    said = message.string or ""
    words = said if isinstance(said, str) else said[0]
    return ((id_, words) for id_ in ids if words)


def _fitting(message: str) -> re.Pattern[str]:
    """``{rest}`` may stand for nothing, every other hole for something."""
    holes = _PLACE.sub(r"(?P<\1>.+?)", re.escape(message))
    return re.compile(holes.replace("(?P<rest>.+?)", "(?P<rest>.*?)"), re.DOTALL)
