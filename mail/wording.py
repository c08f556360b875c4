"""Linter rules on words: gifts, protected traits, tone, promises, facts to confirm."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..models.candidates import Stage
from .compose import Kind, block_facts, load_template, usual_block
from .findings import Draft, Finding, Reading, finding
from .layout import block_lines

NEAR_LINES = 6
"""A gift word this close to the paragraph with the link reads as part of the offer."""

# Inducements to register are banned for agencies (2021, licence condition from 2025-01-01) and
# job media (2025-04-01): https://keiyaku-watch.jp/?p=29901
_GIFT = re.compile(
    r"お?祝い?金|キャッシュバック|[0-9一二三五十百千万]円分|ギフト(?:券|カード|コード)|商品券"
    r"|ポイント(?:進呈|付与|プレゼント|贈呈)"
    r"|\bcash ?backs?\b|\bgift (?:cards?|codes?|certificates?)\b|\bsign-?up bonus(?:es)?\b"
)
_GIFT_IN_CONTEXT = re.compile(
    r"ギフト|謝礼|プレゼント|クーポン|amazon|\bgifts?\b|\bvouchers?\b|\brewards?\b|\bprizes?\b"
)

_TRAIT = re.compile(
    r"年齢|性別|国籍|人種|出身地|本籍|家族構成|妊娠|病気|持病|病歴|障害|障がい|宗教|信条|思想"
    r"|\b(?:age|gender|sex|nationality|ethnicity|birthplace|place of birth|marital status"
    r"|family situation|pregnan(?:t|cy)|illness|disease|disabilit(?:y|ies)|religion|religious)\b"
)
_NOT_A_TRAIT = re.compile(
    r"「[^」]*」|『[^』]*』"  # a job's own title
    r"|(?:年齢|性別|国籍|障害|障がい)(?:・(?:年齢|性別|国籍))*(?:は|を)?(?:不問|問わ|問い|にかかわら)"
    r"|(?:システム|通信|設備|ネットワーク)障害|障害(?:福祉|者支援|児|対応|者施設)|設計思想"
    r"|\bage (?:group|range) (?:welcome|open)\b"
)
_REASON = re.compile(
    r"ため|ので|により|によって|理由|踏まえ|考慮|鑑み|面で|都合|関係|見送|見合わせ|不採用"
    r"|難しい|控え|ご縁|添え|添い|添う|かなわ|残念"
    r"|\bbecause\b|\bdue to\b|\breasons?\b|\bowing\b|\bconsidering\b|\bgiven\b|\bnot to\b"
    r"|\bunable\b|\bnot able\b|\bregret\b|\bunfortunately\b"
)
_DENIED = re.compile(r"(?:もの|こと|わけ)で?は(?:ございません|ありません)")
_SENTENCE = re.compile(r"[^。！？!?.\n]+")

_PRAYER = re.compile(r"お祈り")
_REGRET = re.compile(r"残念|\bunfortunately\b")
_EXCLAMATION = re.compile(r"!")
_EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f000-\U0001faff]")
_BLUNT = re.compile(r"不合格|落ち(?:ました|た|ましたので)|\brejected\b|\byou failed\b")
_WRONG_RESPECT = re.compile(r"ご苦労(?:様|さま)|了解")
_DOUBLE_RESPECT = re.compile(
    r"お?(?:うかが|伺)いさせていただ|拝(?:見|読|聴|受)させていただ|おっしゃられ"
    r"|お(?:越し|見え|読み)になられ|ご覧になられ"
)

_REAPPLY = re.compile(
    r"再応募|(?:改めて|再び|もう一度|また)[^。]{0,16}(?:ご応募|応募|エントリー)"
    r"|\bapply(?:ing)? again\b|\bhear from you again\b"
)
_WAY_BACK = re.compile(r"\{\{(?:careers_url|new_job_url)\}\}|https?://|返信|simply reply")
_CASUAL = re.compile(r"こんにちは|お店|店舗")
_FINAL = re.compile(r"最終面接|\bfinal interview\b")


def wording_findings(draft: Draft) -> Iterator[Finding]:
    """Rules 3, 4, 5, 6 and 10, and the truth rule."""
    yield from _gifts(draft)
    yield from _traits(draft)
    yield from _tone(draft)
    yield from _promise(draft)
    yield from _occasion(draft)
    yield from _facts(draft)


def _gifts(draft: Draft) -> Iterator[Finding]:
    block = block_lines(draft)
    near = range(block.start - NEAR_LINES, block.stop + NEAR_LINES) if block else range(0)
    for line, word in draft.reading.find(_GIFT):
        yield finding("gift_word", line=line, word=word)
    rest = Reading(
        _GIFT.sub(lambda m: "\ufffc" * len(m[0]), draft.reading.text), draft.reading.lines
    )
    for line, word in rest.find(_GIFT_IN_CONTEXT):
        yield finding("gift_word" if line in near else "gift_word_far", line=line, word=word)
    for _, word in Reading.of(draft.subject, locale=draft.locale).find(_GIFT):
        yield finding("gift_word", line=0, word=word)


def _traits(draft: Draft) -> Iterator[Finding]:
    reading = draft.reading
    text = _NOT_A_TRAIT.sub(lambda m: "\ufffc" * len(m[0]), reading.text)
    for sentence in _SENTENCE.finditer(text):
        reasoned = _REASON.search(sentence[0]) and not _DENIED.search(sentence[0])
        for trait in _TRAIT.finditer(sentence[0]):
            line = reading.lines[sentence.start() + trait.start()]
            code = "protected_trait" if reasoned else "trait_mentioned"
            yield finding(code, line=line, word=trait[0])


def _tone(draft: Draft) -> Iterator[Finding]:
    for code, pattern, allowed in (
        ("prayer_twice", _PRAYER, 1),
        ("regret_often", _REGRET, 2),
        ("exclamation", _EXCLAMATION, 0),
        ("emoji", _EMOJI, 0),
        ("blunt_word", _BLUNT, 0),
        ("wrong_respect", _WRONG_RESPECT, 0),
        ("double_respect", _DOUBLE_RESPECT, 0),
    ):
        found = list(draft.reading.find(pattern))
        for line, word in found[allowed : allowed + 1]:
            yield finding(code, line=line, word=word)


def _promise(draft: Draft) -> Iterator[Finding]:
    found = next(draft.reading.find(_REAPPLY), None)
    if found is None:
        return
    if draft.reapply_barred:
        yield finding("reapply_barred", line=found[0])
    if not _WAY_BACK.search(draft.body):
        yield finding("reapply_without_url", line=found[0])


def _occasion(draft: Draft) -> Iterator[Finding]:
    light = draft.kind in (Kind.NEW_GRADUATE, Kind.PART_TIME)
    final = draft.stage is Stage.FINAL_INTERVIEW or draft.kind is Kind.FINAL_INTERVIEW
    spoken = next(draft.reading.find(_FINAL if light else _CASUAL), None)
    if light and (spoken or final):
        yield finding("tone", line=spoken[0] if spoken else 1)
    elif final and spoken:
        yield finding("tone", line=spoken[0])


def _facts(draft: Draft) -> Iterator[Finding]:
    """Sentences of ours that state something about the company, wherever they were kept."""
    block = block_lines(draft)
    included = "{{relay_block}}" in draft.body
    for fact in load_template(draft.kind, locale=draft.locale).facts:
        yield from _kept(draft, fact=fact)
    for fact in block_facts(usual_block(draft.kind), locale=draft.locale):
        if included:
            yield finding("confirm_fact", line=block.start, word=fact)
        else:
            yield from _kept(draft, fact=fact)


def _kept(draft: Draft, *, fact: str) -> Iterator[Finding]:
    sought = Reading.of(fact, locale=draft.locale).text.strip()
    at = draft.reading.text.find(sought)
    if at >= 0:
        yield finding("confirm_fact", line=draft.reading.lines[at], word=fact)
