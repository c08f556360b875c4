"""The words of a status column that need no explanation, and what a company may say of others."""

from __future__ import annotations

import unicodedata
from enum import StrEnum


class Outcome(StrEnum):
    """What a word in the status column means; the list is closed."""

    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    HIRED = "hired"
    ACTIVE = "active"
    OFFER_RESCINDED = "offer_rescinded"
    ERASED = "erased"
    IGNORED = "ignored"


WORDS = {
    Outcome.REJECTED: ("不合格", "不採用", "お見送り", "見送り", "NG"),
    # HRMOS records withdrawals with their timing:
    # https://hrmosedition.zendesk.com/hc/ja/articles/14246780161561
    Outcome.WITHDRAWN: (
        "辞退", "選考辞退", "内定辞退", "応募者辞退", "未設定辞退", "選考前辞退", "選考後辞退",
    ),
    Outcome.HIRED: ("入社", "入社済", "入社済み"),
    Outcome.ACTIVE: ("選考中", "選考前"),
    Outcome.OFFER_RESCINDED: ("内定取消", "内定取り消し"),
    Outcome.IGNORED: ("重複", "対象外", "非選考対象", "テスト"),
}  # fmt: skip

_KNOWN = {word.casefold(): outcome for outcome, words in WORDS.items() for word in words}


def outcome_of(word: str) -> Outcome | None:
    """The meaning of a word, or of an outcome's own name; None: nobody has said."""
    key = "".join(unicodedata.normalize("NFKC", word).split()).casefold()
    return Outcome(key) if key in set(Outcome) else _KNOWN.get(key)
