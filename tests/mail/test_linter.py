"""Each rule with a template that breaks it and one that does not."""

from __future__ import annotations

import re

import pytest

from careerrelay.mail.compose import LOCALES, Kind, load_template
from careerrelay.mail.findings import MESSAGES, Finding, Severity, finding
from careerrelay.mail.linter import lint, refuse_errors
from careerrelay.models.candidates import Stage
from careerrelay.models.errors import TemplateError

GOOD = """{{candidate_name}} 様

{{company_name}} 採用担当の{{recruiter_name}}です。
このたびはご応募いただき、誠にありがとうございました。
慎重に検討いたしました結果、今回は採用を見送らせていただく
こととなりました。

EXTRA

{{#relay_block}}
{{relay_operator_name}}（{{agency_license_no}}）のご案内です。

{{relay_link}}

ご不要の場合はお知らせください。

{{optout_link}}
{{/relay_block}}

FAR











末筆ながら、御礼申し上げます。
REMOTE
{{signature}}
"""


def template(extra: str = "", *, far: str = "", remote: str = "") -> str:
    return GOOD.replace("EXTRA", extra).replace("FAR", far).replace("REMOTE", remote)


def findings(text: str, **changes) -> list[Finding]:
    options = {
        "subject": "【{{company_name}}】選考結果のご連絡",
        "kind": Kind.GENERAL,
        "locale": "ja",
    }
    return lint(text, **(options | changes))


def codes(text: str, **changes) -> set[str]:
    return {f.code for f in findings(text, **changes)} - {"confirm_fact"}


def test_careful_template_passes_without_remark():
    assert codes(template()) == set()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", Kind)
def test_every_shipped_template_passes_without_remark(kind, locale):
    shipped = load_template(kind, locale=locale)
    assert codes(shipped.body, subject=shipped.subject, kind=kind, locale=locale) == set()
    refuse_errors(lint(shipped.body, subject=shipped.subject, kind=kind, locale=locale))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", Kind)
def test_every_fact_of_a_shipped_template_is_marked(kind, locale):
    shipped = load_template(kind, locale=locale)
    found = lint(shipped.body, subject=shipped.subject, kind=kind, locale=locale)
    marked = {f.message_en.partition("'")[2].rstrip("'") for f in found if f.code == "confirm_fact"}
    assert set(shipped.facts) <= marked


def test_fact_that_the_company_took_out_is_marked_no_more():
    body = load_template(Kind.PART_TIME, locale="ja").body
    kept = [f for f in findings(body, kind=Kind.PART_TIME) if "募集枠" in f.message_ja]
    assert [f.line for f in kept] == [11]
    gone = body.replace("お店の募集枠", "ご希望")
    assert not [f for f in findings(gone, kind=Kind.PART_TIME) if "募集枠" in f.message_ja]


# rule 1


@pytest.mark.parametrize("link", ["{{relay_link}}", "{{optout_link}}"])
@pytest.mark.parametrize("after", ["。", "、", "」", "』", "）", "から", "a", "."])
def test_rule_1_link_glued_to_what_follows(link, after):
    assert "link_glued" in codes(template().replace(link, link + after))


@pytest.mark.parametrize("before", ["こちら：", "「", "　"])
def test_rule_1_link_not_alone_on_its_line(before):
    assert "link_not_alone" in codes(
        template().replace("{{relay_link}}", before + "{{relay_link}}")
    )


def test_rule_1_spaces_around_a_link_are_harmless():
    assert codes(template().replace("{{relay_link}}", " {{relay_link}} ")) == set()


# rule 2


@pytest.mark.parametrize("name", ["relay_operator_name", "agency_license_no", "optout_link"])
def test_rule_2_block_without_a_required_part(name):
    found = findings(template().replace(f"{{{{{name}}}}}", "x"))
    assert [f.code for f in found if f.severity is Severity.ERROR] == ["block_without"]
    assert name in found[0].message_ja


def test_rule_2_block_without_the_senders_address():
    assert "no_sender_address" in codes(template().replace("{{signature}}", ""))
    assert codes(template().replace("{{signature}}", "{{company_address}}")) == set()


def test_rule_2_block_that_cannot_be_left_out():
    bare = re.sub(r"\{\{[#/]relay_block\}\}\n", "", template())
    assert codes(bare) == {"block_not_removable"}


@pytest.mark.parametrize(
    "name", ["reason", "candidate-name", " job_title", "#salary", "/job_title"]
)
def test_rule_2_unknown_placeholder(name):
    found = [f for f in findings(template(f"{{{{{name}}}}}")) if f.code == "unknown_placeholder"]
    assert [f.line for f in found] == [8]


@pytest.mark.parametrize("text", ["{{job_title", "job_title}}", "{{#careers_url}}"])
def test_rule_2_placeholder_that_is_not_closed(text):
    assert "unknown_placeholder" in codes(template(text))


def test_rule_2_unknown_placeholder_in_the_subject():
    found = findings(template(), subject="{{name}}様")
    assert [(f.code, f.line) for f in found] == [("unknown_placeholder", 0)]


@pytest.mark.parametrize("first", ["{{candidate_name}} さん", "{{candidate_name}}", "様"])
def test_rule_2_name_without_honorific(first):
    text = template().replace("{{candidate_name}} 様", first)
    assert "no_honorific" in codes(text)


def test_rule_2_ats_that_adds_the_salutation():
    without = template().replace("{{candidate_name}} 様\n\n", "")
    assert codes(without, ats_adds_salutation=True) == set()
    assert codes(template(), ats_adds_salutation=True) == {"salutation_twice"}


@pytest.mark.parametrize("kind", [Kind.FOLLOW_UP, Kind.REAPPLICATION])
def test_rule_2_advertising_mail_needs_stop_link_and_address(kind):
    assert {"no_optout", "no_sender_address"} <= codes("{{candidate_name}} 様\n\n本文", kind=kind)


# rule 3


@pytest.mark.parametrize(
    "words",
    [
        "ご登録でお祝い金を差し上げます。",
        "ご登録でお祝い\n金を差し上げます。",
        "Ａｍａｚｏｎの商品と交換できます。",
        "1,000円分を差し上げます。",
        "キャッシュバックがあります。",
        "ささやかな謝礼があります。",
        "ﾌﾟﾚｾﾞﾝﾄがあります。",
        "ギフトがあります。",
        "登録でポイント進呈中です。",
    ],
)
def test_rule_3_gift_near_the_link_is_refused(words):
    assert "gift_word" in codes(template(words))


@pytest.mark.parametrize(
    ("words", "code"),
    [("過日お渡しした謝礼の件です。", "gift_word_far"), ("お祝い金の件です。", "gift_word")],
)
def test_rule_3_far_from_the_link_only_plain_offers_are_refused(words, code):
    assert code in codes(template(remote=words))


@pytest.mark.parametrize(
    "words",
    ["プレゼンテーションを拝見しました。", "楕円分布の研究です。", "ご祝辞をいただきました。"],
)
def test_rule_3_words_that_only_look_alike_pass(words):
    assert codes(template(words)) == set()


def test_rule_3_gift_in_the_subject_is_refused():
    assert "gift_word" in codes(template(), subject="お祝い金のご案内")


# rule 4


@pytest.mark.parametrize(
    "words",
    [
        "ご年齢を考慮し、見送らせていただきます。",
        "性別の関係で今回は控えさせていただきます。",
        "国籍\nの都合により難しいと判断いたしました。",
        "ご病気とのことですので、見送らせていただきます。",
        "障がいを理由に見送らせていただきます。",
        "信条により不採用といたします。",
    ],
)
def test_rule_4_trait_as_a_reason_is_refused(words):
    assert "protected_trait" in codes(template(words))


@pytest.mark.parametrize(
    "words",
    [
        "病院事務の募集枠の都合により見送らせていただきます。",
        "障害福祉のご経験を踏まえ検討しました。",
        "システム障害のためご連絡が遅れました。",
        "設計思想を踏まえて検討しました。",
        "年齢・性別を問わず募集しているため、応募が集中しました。",
        "「障害児支援員」の募集枠の都合により、見送りました。",
        "高齢者施設の体制の都合により、見送りました。",
    ],
)
def test_rule_4_words_that_only_look_alike_pass(words):
    assert codes(template(words)) == set()


@pytest.mark.parametrize(
    "words", ["ご年齢をお知らせください。", "年齢を理由に判断したものではございません。"]
)
def test_rule_4_trait_that_is_no_reason_is_only_pointed_at(words):
    assert codes(template(words)) == {"trait_mentioned"}


def test_rule_4_english_words_have_boundaries():
    english = load_template(Kind.DOCUMENTS, locale="en")
    options = {"subject": "x", "kind": Kind.DOCUMENTS, "locale": "en"}
    agency = english.body + "\nBecause of a change at our agency we manage this stage ourselves."
    assert "protected_trait" not in codes(agency, **options)
    age = english.body + "\nBecause of your\nage we decided this."
    assert "protected_trait" in codes(age, **options)


# rule 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("お祈りいたします。お祈り申し上げます。", "prayer_twice"),
        ("残念です。残念ながら。誠に残念です。", "regret_often"),
        ("ありがとうございました！", "exclamation"),
        ("ありがとうございました\U0001f60a", "emoji"),
        ("選考に落ちました。", "blunt_word"),
        ("不合格です。", "blunt_word"),
        ("ご苦労さまでした。", "wrong_respect"),
        ("了解いたしました。", "wrong_respect"),
        ("お話をおうかがいさせていただきました。", "double_respect"),
        ("書類を拝見させていただきました。", "double_respect"),
    ],
)
def test_rule_5_tone(words, code):
    assert codes(template(words)) == {code}


@pytest.mark.parametrize(
    "words",
    [
        "お祈り申し上げます。",
        "残念ながら、誠に残念です。",
        "落ち着いた頃に、お気を落とされませんように。",
        "書類を拝見しました。",
        "どうか落ち込まれませんように。",
    ],
)
def test_rule_5_ordinary_courtesy_passes(words):
    assert codes(template(words)) == set()


# rule 6


@pytest.mark.parametrize("words", ["ぜひ再応募ください。", "改めてご応募ください。"])
def test_rule_6_invitation_without_a_way_back(words):
    assert codes(template(words)) == {"reapply_without_url"}
    assert codes(template(words + "\n\n{{careers_url}}\n")) == set()
    assert codes(template(words + "本メールへご返信ください。")) == set()


def test_rule_6_invitation_where_none_is_wanted():
    words = "改めてご応募ください。\n{{careers_url}}"
    assert codes(template(words), reapply_barred=True) == {"reapply_barred"}
    assert codes(template(), reapply_barred=True) == set()


# rule 7


def test_rule_7_block_before_the_result():
    body = "{{candidate_name}} 様\n\n{{relay_block}}\n\n" + "前置き。" * 80
    assert codes(body + "今回は見送らせていただきます。\n{{signature}}") == {"block_before_result"}


def test_rule_7_block_longer_than_the_rest():
    body = "{{candidate_name}} 様\n\n今回は見送らせていただきます。\n\n{{relay_block}}\n"
    assert codes(body + "{{signature}}") == {"block_too_long"}


def test_rule_7_result_that_is_not_said():
    assert "no_result" in codes(template().replace("見送らせて", "考えさせて"))


# rule 8


@pytest.mark.parametrize("sign", ["①", "㈱", "髙", "ｱ", "〜", "～", "\U00020bb7", "﨑"])
def test_rule_8_character_that_iso_2022_jp_loses(sign):
    found = findings(template(sign), charset="ISO-2022-JP")
    assert [(f.code, f.line) for f in found] == [("charset", 8)]
    assert "charset" not in codes(template(sign))


def test_rule_8_ordinary_japanese_survives_iso_2022_jp():
    assert codes(template("株式会社・「高橋」様、ＡＢＣ（一）"), charset="iso-2022-jp") == set()


def test_rule_8_unknown_character_set_is_named():
    with pytest.raises(TemplateError, match="'klingon'"):
        findings(template(), charset="klingon")


# rule 9


def test_rule_9_long_subject():
    assert codes(template(), subject="あ" * 31) == {"subject_long"}
    assert codes(template(), subject="あ" * 30) == set()
    assert codes(template(), subject="a" * 60) == set()
    assert codes(template(), subject="{{company_name}}" + "あ" * 25) == {"subject_long"}


@pytest.mark.parametrize(
    "subject", ["お見送りのご連絡", "不合格のお知らせ", "不採用通知", "Rejected"]
)
def test_rule_9_subject_that_shows_on_a_locked_phone(subject):
    assert codes(template(), subject=subject) == {"subject_tells"}


# rule 10


def test_rule_10_light_text_after_a_final_interview():
    shipped = load_template(Kind.PART_TIME, locale="ja")
    options = {"subject": shipped.subject, "kind": Kind.PART_TIME}
    assert codes(shipped.body, stage=Stage.FINAL_INTERVIEW, **options) == {"tone"}
    assert codes(shipped.body, stage=Stage.FIRST_INTERVIEW, **options) == set()
    named = shipped.body.replace("面接に", "最終面接に")
    assert codes(named, **options) == {"tone"}


def test_rule_10_casual_words_in_a_final_notice():
    assert codes(template("こんにちは。"), kind=Kind.FINAL_INTERVIEW) == {"tone"}


# the whole


def test_errors_refuse_and_warnings_pass():
    refuse_errors([finding("tone", line=1), finding("exclamation", line=2)])
    with pytest.raises(TemplateError, match=r"line 3: .*お祝い金.*line 5"):
        refuse_errors(
            [finding("gift_word", line=3, word="お祝い金"), finding("link_not_alone", line=5)]
        )


def test_only_the_first_errors_are_told():
    with pytest.raises(TemplateError, match=r"\(4 more\)"):
        refuse_errors([finding("no_honorific", line=1)] * 7)


def test_findings_come_by_line_and_severity():
    found = findings(template("不合格です！お祝い金！"), subject="あ" * 40)
    order = list(Severity)
    assert found == sorted(found, key=lambda f: (f.line, order.index(f.severity)))
    assert found[0].line == 0


def test_unknown_locale_is_named():
    with pytest.raises(TemplateError, match="'fr'"):
        findings(template(), locale="fr")


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_remark_is_a_sentence_in_both_languages(code):
    _, ja, en = MESSAGES[code]
    assert ja.rstrip("」").endswith(("。", "{word}"))
    assert en.rstrip("'").endswith((".", "{word}"))
    assert not re.search("[ぁ-ん]", en.replace("お祈り", ""))
