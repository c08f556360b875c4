"""The rules on words, each with a template that breaks it and one that does not."""

from __future__ import annotations

import pytest

from careerrelay.mail.compose import Kind, load_template
from careerrelay.models.candidates import Stage

from .drafts import codes, template

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
