"""Templates and values: every shipped text, and what is refused."""

from __future__ import annotations

import re
import unicodedata

import pytest

from careerrelay.mail.compose import (
    LOCALES,
    NOTICES,
    PLACEHOLDERS,
    ConsentScope,
    DocumentPolicy,
    Hiring,
    Kind,
    RelayBlock,
    Template,
    block,
    block_facts,
    kind_for,
    load_template,
    render,
    render_block,
    template_for,
    usual_block,
)
from careerrelay.mail.findings import Reading
from careerrelay.models.candidates import Stage
from careerrelay.models.errors import TemplateError

LINK, STOP = "https://relay.example.jp/r/abc", "https://relay.example.jp/s/abc"


def template(body: str, *, subject: str = "件名", locale: str = "ja") -> Template:
    return Template(Kind.GENERAL, locale, subject, body)


def text_of(body: str, values: dict[str, str], *, relay: RelayBlock = RelayBlock.NONE) -> str:
    return render(template(body), values=values, relay=relay).text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(
    ("kind", "relay"),
    [(k, r) for k in Kind for r in RelayBlock if k in NOTICES or r is RelayBlock.NONE],
)
def test_every_shipped_mail_renders_with_and_without_the_block(kind, relay, locale, values_for):
    mail = render(load_template(kind, locale=locale), values=values_for(locale), relay=relay)
    for part in (mail.subject, mail.text, mail.html or ""):
        assert "{{" not in part
        assert "}}" not in part
    assert "\n\n\n" not in mail.text
    assert (LINK in mail.text) == (relay is not RelayBlock.NONE)
    if relay is not RelayBlock.NONE:
        assert f"\n\n{LINK}\n\n" in mail.text
        assert f"\n\n{STOP}\n\n" in mail.text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", sorted(NOTICES))
def test_suppressed_candidate_gets_the_same_mail_without_the_block(kind, locale, values_for):
    values = values_for(locale)
    shipped = load_template(kind, locale=locale)
    bare = render(shipped, values=values, relay=RelayBlock.NONE)
    full = render(shipped, values=values, relay=RelayBlock.FULL)
    paragraph = render_block(RelayBlock.FULL, locale=locale, values=values)
    assert full.subject == bare.subject
    assert full.text.replace(paragraph + "\n\n", "") == bare.text
    assert "CareerRelay" not in bare.text
    assert "キャリアリレー" not in bare.text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", Kind)
def test_optional_values_leave_no_trace_when_empty(kind, locale, values_for):
    values = values_for(locale) | {"careers_url": "", "contact_phone": "", "reapply_months": "0"}
    mail = render(load_template(kind, locale=locale), values=values, relay=usual_block(kind))
    assert "TEL" not in mail.text
    assert "か月後" not in mail.text
    assert "months" not in mail.text
    assert not re.search(r":\n*$|：\n*$|下記でご覧いただけます", mail.text.split("■")[0])


@pytest.mark.parametrize("path_locale", LOCALES)
def test_both_languages_have_the_same_texts(path_locale):
    names = {kind.value for kind in Kind}
    names |= {b.value for b in (*RelayBlock, *DocumentPolicy, *ConsentScope) if b.value}
    for name in (*RelayBlock, *DocumentPolicy, *ConsentScope):
        assert bool(block(name, locale=path_locale)) == bool(name.value)
    assert len(names) == len(Kind) + 7


@pytest.mark.parametrize("kind", Kind)
def test_japanese_lines_fit_a_phone_and_a_letter(kind):
    shipped = load_template(kind, locale="ja")
    for line in re.sub(r"\{\{.*?\}\}", "", shipped.body).split("\n"):
        width = sum(1 if unicodedata.east_asian_width(c) in "WFA" else 0.5 for c in line)
        assert width <= 35, line


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", Kind)
def test_facts_to_confirm_stand_in_the_text_they_belong_to(kind, locale):
    shipped = load_template(kind, locale=locale)
    reading = Reading.of(shipped.body, locale=locale).text
    for fact in shipped.facts:
        assert Reading.of(fact, locale=locale).text.strip() in reading


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", [RelayBlock.FULL, RelayBlock.SHORT])
def test_relay_paragraph_names_what_the_law_wants(name, locale):
    words = block(name, locale=locale)
    for required in ("relay_operator_name", "agency_license_no", "relay_link", "optout_link"):
        assert f"{{{{{required}}}}}" in words
    assert re.search("別の\n?会社|separate company", words)
    reading = Reading.of(words, locale=locale).text
    for fact in block_facts(name, locale=locale):
        assert Reading.of(fact, locale=locale).text.strip() in reading


@pytest.mark.parametrize("locale", LOCALES)
def test_proof_mail_says_who_why_how_long_and_what_if_not_you(locale, values_for):
    """It goes to whoever owns the mailbox that somebody typed, so it greets nobody by name."""
    values = values_for(locale)
    text = render(
        load_template(Kind.PROOF, locale=locale), values=values, relay=RelayBlock.NONE
    ).text
    for name in ("relay_operator_name", "proof_code", "proof_valid_for", "contact_email"):
        assert values[name] in text
    assert f"\n\n{values['proof_link']}\n\n" in text
    assert re.search("お心当たりのない場合|If it was not you", text)
    assert values["candidate_name"] not in text


STAGES = [
    (Stage.DOCUMENTS, Hiring.NEW_GRADUATE, Kind.DOCUMENTS),
    (Stage.FIRST_INTERVIEW, Hiring.NEW_GRADUATE, Kind.NEW_GRADUATE),
    (Stage.FINAL_INTERVIEW, Hiring.NEW_GRADUATE, Kind.FINAL_INTERVIEW),
    (Stage.DOCUMENTS, Hiring.MID_CAREER, Kind.DOCUMENTS),
    (Stage.FIRST_INTERVIEW, Hiring.MID_CAREER, Kind.FIRST_INTERVIEW),
    (Stage.LATER_INTERVIEW, Hiring.MID_CAREER, Kind.MID_CAREER),
    (Stage.FINAL_INTERVIEW, Hiring.MID_CAREER, Kind.FINAL_INTERVIEW),
    (Stage.FIRST_INTERVIEW, Hiring.PART_TIME, Kind.PART_TIME),
    (Stage.FIRST_INTERVIEW, Hiring.OTHER, Kind.FIRST_INTERVIEW),
    (Stage.LATER_INTERVIEW, Hiring.OTHER, Kind.GENERAL),
]


@pytest.mark.parametrize(("stage", "hiring", "kind"), STAGES)
def test_template_follows_stage_and_kind_of_hiring(stage, hiring, kind):
    assert kind_for(stage, hiring=hiring) is kind
    assert template_for(stage, hiring=hiring, locale="en").kind is kind


@pytest.mark.parametrize("hiring", Hiring)
def test_unknown_stage_gets_a_text_that_is_true_at_any_stage(hiring):
    assert kind_for(Stage.UNKNOWN, hiring=hiring) is Kind.GENERAL
    body = load_template(Kind.GENERAL, locale="ja").body
    assert "面接" not in body
    assert "書類を" not in body


@pytest.mark.parametrize("hiring", Hiring)
def test_there_is_no_notice_after_an_offer(hiring):
    with pytest.raises(TemplateError, match="offer"):
        template_for(Stage.OFFER, hiring=hiring, locale="ja")


def test_unknown_locale_is_named():
    with pytest.raises(TemplateError, match="'fr'"):
        load_template(Kind.DOCUMENTS, locale="fr")
    with pytest.raises(TemplateError, match="locale"):
        load_template(Kind.DOCUMENTS, locale="../ja")


@pytest.mark.parametrize("name", ["reason", "Candidate_name", "candidate-name", " job_title ", ""])
def test_unknown_placeholder_is_refused(values, name):
    with pytest.raises(TemplateError, match="placeholder"):
        text_of(f"本文 {{{{{name}}}}}", values)


@pytest.mark.parametrize(
    "body", ["{{job_title", "job_title}}", "{{#job_title}}x", "{{/job_title}}"]
)
def test_unclosed_placeholder_is_refused(values, body):
    with pytest.raises(TemplateError, match="not closed"):
        text_of(body, values)


def test_unknown_section_is_refused(values):
    with pytest.raises(TemplateError, match="salary"):
        text_of("{{#salary}}x{{/salary}}", values)


@pytest.mark.parametrize("name", sorted(PLACEHOLDERS))
@pytest.mark.parametrize("value", [None, "", " \u3000"])
def test_missing_value_is_named(values, name, value):
    del values[name]
    if value is not None:
        values[name] = value
    with pytest.raises(TemplateError, match=f"{{{{{name}}}}} has no value"):
        text_of(f"本文\n\n{{{{{name}}}}}\n\n", values)


@pytest.mark.parametrize("name", sorted(PLACEHOLDERS))
@pytest.mark.parametrize("control", ["\r\n", "\n", "\r", "\x00", "\u2028", "\x85", "\ud800"])
def test_no_value_can_bring_a_line_break(values, name, control):
    values[name] = f"a{control}Bcc: evil@example.com"
    with pytest.raises(TemplateError, match=name):
        text_of(f"本文\n\n{{{{{name}}}}}\n\n", values)


def test_subject_is_guarded_like_the_body(values):
    values["company_name"] = "A\r\nBcc: evil@example.com"
    with pytest.raises(TemplateError, match="company_name"):
        render(
            template("本文", subject="【{{company_name}}】"), values=values, relay=RelayBlock.NONE
        )


def test_value_that_looks_like_a_placeholder_stays_what_it_is(values):
    values["job_title"] = "{{relay_link}}"
    assert text_of("「{{job_title}}」", values) == "「{{relay_link}}」"


@pytest.mark.parametrize("name", ["https://evil.example", "見てね www.evil.example", "WWW.x"])
def test_name_cannot_carry_a_link_to_a_stranger(values, name):
    values["candidate_name"] = name
    with pytest.raises(TemplateError, match="candidate_name"):
        text_of("{{candidate_name}} 様", values)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "relay.example.jp", "https://a b", "h\u3000"]
)
def test_link_that_is_no_address_is_refused(values, url):
    values["relay_link"] = url
    with pytest.raises(TemplateError, match="relay_link"):
        text_of("{{#relay_block}}\n{{relay_link}}\n{{/relay_block}}", values, relay=RelayBlock.FULL)


@pytest.mark.parametrize(
    "body",
    ["こちら {{relay_link}}", "{{relay_link}}。", "「{{optout_link}}」", "{{proof_link}}から"],
)
def test_signed_link_must_stand_alone(values, body):
    with pytest.raises(TemplateError, match="alone on its line"):
        text_of(body, values)


def test_link_gets_its_blank_lines(values):
    text = text_of("前\n {{relay_link}}\n後\n{{relay_block}}", values, relay=RelayBlock.NONE)
    assert text == f"前\n\n{LINK}\n\n後"


def test_company_can_word_the_block_itself_and_it_is_removable(values):
    body = "本文\n\n{{#relay_block}}\n■ ご案内\n{{relay_link}}\n{{/relay_block}}\n\n結び"
    assert text_of(body, values) == "本文\n\n結び"
    assert LINK in text_of(body, values, relay=RelayBlock.FULL)


def test_block_without_a_place_is_refused(values):
    with pytest.raises(TemplateError, match="relay_block"):
        text_of("本文", values, relay=RelayBlock.FULL)


def test_block_alone_is_ready_to_paste_into_an_ats(values):
    text = render_block(RelayBlock.FULL, locale="ja", values=values)
    assert f"\n\n{LINK}\n\n" in text
    assert text.endswith(STOP)


def test_windows_line_ends_make_the_same_mail(values):
    body = load_template(Kind.DOCUMENTS, locale="ja").body
    assert text_of(body.replace("\n", "\r\n"), values) == text_of(body, values)
