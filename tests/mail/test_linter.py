"""The rules on layout, each with a template that breaks it and one that does not."""

from __future__ import annotations

import re

import pytest

from careerrelay.mail.compose import LOCALES, Kind, load_template
from careerrelay.mail.findings import MESSAGES, Severity, finding
from careerrelay.mail.linter import lint, refuse_errors
from careerrelay.models.errors import TemplateError

from .drafts import codes, findings, template


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
