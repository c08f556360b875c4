"""What the linter can say, in both languages, and the draft it reads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ..models.candidates import Stage
from .compose import Kind


class Severity(StrEnum):
    """Errors refuse the template; the others are advice."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. ``line`` counts from 1 in the body; 0 is the subject."""

    severity: Severity
    code: str
    message_ja: str
    message_en: str
    line: int


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

MESSAGES: dict[str, tuple[Severity, str, str]] = {
    # rule 1
    "link_glued": (
        _ERROR,
        "{word} の直後に文字や句読点があります。リンクが壊れるため、改行してください。",
        "{word} is followed by a letter or punctuation, which breaks the link; end the line there.",
    ),
    "link_not_alone": (
        _ERROR,
        "{word} は単独の行に置いてください。",
        "{word} must stand alone on its line.",
    ),
    # rule 2
    "unknown_placeholder": (
        _ERROR,
        "{word} は使えない差し込み項目です。",
        "{word} is not a known placeholder.",
    ),
    "block_without": (
        _ERROR,
        "ご案内の段落に {word} がありません。",
        "The paragraph with the link lacks {word}.",
    ),
    "block_not_removable": (
        _ERROR,
        "ご案内の段落を {{#relay_block}} と {{/relay_block}} で囲んでください。"
        "ご案内をお送りできない方には、この段落を除いて送信します。",
        "Put the paragraph with the link between {{#relay_block}} and {{/relay_block}}; "
        "it is left out for people who must not get it.",
    ),
    "no_sender_address": (
        _ERROR,
        "送信者の住所（{{signature}} または {{company_address}}）がありません。",
        "The sender's postal address is missing ({{signature}} or {{company_address}}).",
    ),
    "no_optout": (
        _ERROR,
        "配信停止の {{optout_link}} がありません。",
        "The stop link {{optout_link}} is missing.",
    ),
    "no_honorific": (
        _ERROR,
        "1行目を「{{candidate_name}} 様」としてください。",
        "The first line must be the name with 様.",
    ),
    "salutation_twice": (
        _WARNING,
        "宛名はATSが自動で入れます。1行目の宛名を削除してください。",
        "The ATS adds the salutation itself; take it out of the first line.",
    ),
    # rule 3
    "gift_word": (
        _ERROR,
        "「{word}」は使えません。登録の見返りとなる金品のご案内は認められていません。",
        "'{word}' is refused: nothing may be offered in return for registering.",
    ),
    "gift_word_far": (
        _WARNING,
        "「{word}」がご案内のリンクと結びついて読まれないか、ご確認ください。",
        "Make sure '{word}' cannot be read as a reward for registering.",
    ),
    # rule 4
    "protected_trait": (
        _ERROR,
        "「{word}」を選考の理由として書くことはできません。",
        "'{word}' must not be given as a reason.",
    ),
    "trait_mentioned": (
        _WARNING,
        "「{word}」に触れています。選考の理由と読まれないか、ご確認ください。",
        "'{word}' is mentioned; make sure it cannot be read as a reason.",
    ),
    # rule 5
    "prayer_twice": (
        _WARNING,
        "「お祈り」は1回までにしてください。",
        "Wish (お祈り) once at most.",
    ),
    "regret_often": (
        _WARNING,
        "「残念」が多すぎます。2回までにしてください。",
        "Regret (残念, unfortunately) twice at most.",
    ),
    "exclamation": (
        _WARNING,
        "結果のお知らせに「！」はふさわしくありません。",
        "No exclamation mark in such a mail.",
    ),
    "emoji": (
        _WARNING,
        "絵文字や飾り記号「{word}」はふさわしくありません。",
        "No emoji or ornament such as '{word}'.",
    ),
    "blunt_word": (
        _WARNING,
        "「{word}」は直接的すぎます。「採用を見送らせていただく」などに改めてください。",
        "'{word}' is too blunt.",
    ),
    "wrong_respect": (
        _WARNING,
        "「{word}」は候補者への言葉として適切ではありません。",
        "'{word}' is not what one says to a candidate.",
    ),
    "double_respect": (
        _WARNING,
        "「{word}」は二重敬語です。",
        "'{word}' doubles the honorific.",
    ),
    # rule 6
    "reapply_without_url": (
        _WARNING,
        "再応募をご案内していますが、募集ページ（{{careers_url}}）がありません。",
        "Invites to apply again without {{careers_url}}.",
    ),
    "reapply_barred": (
        _WARNING,
        "再応募を受け付けない設定ですが、再応募をご案内しています。",
        "Invites to apply again although the company does not accept that.",
    ),
    # rule 7
    "block_before_result": (
        _WARNING,
        "ご案内の段落が選考結果より前にあります。",
        "The paragraph with the link comes before the result.",
    ),
    "block_too_long": (
        _WARNING,
        "ご案内の段落が、候補者への本文より長くなっています。",
        "The paragraph with the link is longer than the rest.",
    ),
    "no_result": (
        _WARNING,
        "選考結果がはっきり書かれていません。",
        "The result is not stated unmistakably.",
    ),
    # rule 8
    "charset": (
        _WARNING,
        "「{word}」は文字コードの都合で正しく届かないことがあります。",
        "'{word}' may not survive in that character set.",
    ),
    # rule 9
    "subject_long": (
        _WARNING,
        "件名が長すぎます。全角30文字までにしてください。",
        "The subject is longer than 30 full-width characters.",
    ),
    "subject_tells": (
        _WARNING,
        "件名の「{word}」は、携帯電話の待ち受け画面に表示されます。",
        "'{word}' in the subject shows on a locked phone.",
    ),
    # rule 10
    "tone": (
        _INFO,
        "この文面の調子は、最終面接の後のお知らせには軽すぎる（または重すぎる）かもしれません。",
        "The tone may not suit a notice after the final interview.",
    ),
    # truth rule
    "confirm_fact": (
        _INFO,
        "貴社について事実であることをご確認ください：「{word}」",
        "Please confirm that this is true at your company: '{word}'",
    ),
}


def finding(code: str, *, line: int, word: str = "") -> Finding:
    """A finding with its words from MESSAGES."""
    severity, ja, en = MESSAGES[code]
    return Finding(severity, code, ja.replace("{word}", word), en.replace("{word}", word), line)


@dataclass(frozen=True)
class Draft:
    """The template under review. ``reading`` is what word rules look at."""

    body: str
    subject: str
    kind: Kind
    locale: str
    ats_adds_salutation: bool
    charset: str
    stage: Stage | None
    reapply_barred: bool

    @cached_property
    def lines(self) -> list[str]:
        """The body's lines; number n is ``lines[n - 1]``."""
        return self.body.split("\n")

    @cached_property
    def reading(self) -> Reading:
        """The body as a person reads it."""
        return Reading.of(self.body, locale=self.locale)

    def line_at(self, offset: int) -> int:
        """The number of the body line that holds the character ``offset``."""
        return self.body.count("\n", 0, offset) + 1


@dataclass(frozen=True)
class Reading:
    """Text without its line breaks, widths and cases, and the line of each character.

    Japanese mail breaks lines inside words, so お祝い⏎金 has to be found: spaces go in Japanese
    and become one in English. Placeholders become one character that is in no word, a blank
    line becomes a line feed.
    """

    text: str
    lines: tuple[int, ...]

    @classmethod
    def of(cls, body: str, *, locale: str) -> Reading:
        """Read ``body``."""
        gap = "" if locale == "ja" else " "
        text: list[str] = []
        numbers: list[int] = []
        for number, line in enumerate(body.split("\n"), start=1):
            for piece in _pieces(line, gap=gap):
                text.append(piece)
                numbers.append(number)
        return cls("".join(text), tuple(numbers))

    def find(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
        """(line, what was found) for each match."""
        return ((self.lines[m.start()], m[0]) for m in pattern.finditer(self.text))


def _pieces(line: str, *, gap: str) -> Iterator[str]:
    """The characters of one line; each exactly one long."""
    if not line.strip():
        yield "\n"
        return
    plain = unicodedata.normalize("NFKC", re.sub(r"\{\{.*?\}\}", "\ufffc", line)).casefold()
    for character in plain + " ":
        if not character.isspace():
            yield character
        elif gap:
            yield gap
