"""/r/<token>: what the page says, what the form accepts, and what it says when it does not."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest

from careerrelay.engine import registration as engine
from careerrelay.link_signing import Purpose
from careerrelay.models.tables import ApplicationRecord, Company, Consent, OutgoingMail
from tests.webhook_server.site import Reader, Site, csrf_of, filled


@pytest.fixture
def token(site: Site) -> str:
    return site.reject(1)


def test_the_page_says_who_why_and_on_what_terms(reader: Reader, token: str) -> None:
    text = reader.get(f"/r/{token}").text
    for words in (
        "株式会社アクメ",
        "株式会社リレー運営",
        "13-ユ-000000",
        "無料です",
        "登録は任意です",
        "選考や今後のご応募に影響することはありません",
        "採用の支援を受ける場合があります",
        "https://operator.example.jp/privacy",
        "https://operator.example.jp/terms",
    ):
        assert words in text


def test_who_does_not_wish_to_register_can_stop_the_invitations_from_the_page(
    site: Site, reader: Reader, token: str
) -> None:
    """A mail that shows an ATS's own field holds this one link and no other way out."""
    for link in (token, site.static_token()):
        text = reader.get(f"/r/{link}").text
        assert "登録を希望されない場合" in text
        stop = text.split('href="/s/', 1)[1].split('"', 1)[0]
        assert stop == site.as_purpose(link, Purpose.STOP)
        assert reader.get(f"/s/{stop}").status_code == 200


def test_nothing_is_offered_in_return(reader: Reader, token: str) -> None:
    words = re.compile(r"祝い金|ギフト|プレゼント|謝礼|ポイント|gift|bonus|reward|voucher", re.I)
    for language in ("ja", "en"):
        assert not words.search(reader.get(f"/r/{token}?lang={language}").text)


def test_the_choice_to_be_named_has_no_default(reader: Reader, token: str) -> None:
    radios = re.findall(r'<input type="radio"[^>]*>', reader.get(f"/r/{token}").text)
    assert len(radios) == 2
    assert not any("checked" in radio for radio in radios)


def test_the_page_shows_nothing_of_the_person_behind_a_personal_link(
    reader: Reader, token: str
) -> None:
    text = reader.get(f"/r/{token}").text
    assert "person1@" not in text
    assert "太郎1" not in text


def test_a_filled_form_starts_a_registration_and_owes_the_proof_mail(
    site: Site, reader: Reader, token: str
) -> None:
    form = filled(csrf_of(reader.get(f"/r/{token}")), named="yes")
    response = reader.post(f"/r/{token}", form)
    assert (response.status_code, response.location) == (303, f"/r/{token}/code")
    found = site.only_registration()
    assert found.named_to_company
    assert engine.unseal(site.runtime, found, "name") == "応募 太郎1"
    with site.runtime.database.read() as session:
        assert session.query(OutgoingMail).one().kind == "proof"
        consents = {c.purpose: c.given for c in session.query(Consent)}
    assert consents == {"terms": True, "named_to_company": True}


def test_a_static_links_hint_reaches_the_registration_and_is_shown_nowhere(
    site: Site, reader: Reader, token: str
) -> None:
    path = f"/r/{site.static_token()}?job=%E5%96%B6%E6%A5%AD%E8%81%B7"
    page = reader.get(path)
    assert "営業職" not in page.text
    assert reader.post(path, filled(csrf_of(page), named="yes")).status_code == 303
    with site.runtime.database.read() as session:
        hinted = session.get_one(ApplicationRecord, site.only_registration().application_id)
    assert hinted.job_title == "営業職"


def test_known_and_unknown_addresses_get_the_same_answer(
    site: Site, reader: Reader, token: str
) -> None:
    answers = []
    for address in ("person1@example.com", "stranger@example.com"):
        form = filled(csrf_of(reader.get(f"/r/{token}")), email=address)
        response = reader.post(f"/r/{token}", form)
        page = reader.get(response.location).text.replace(address, "ADDRESS")
        answers.append((response.status_code, re.sub(r'name="csrf_token"[^>]*', "", page)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"name": ""}, "name", "お名前を入力してください。"),
        ({"name": "　 "}, "name", "お名前を入力してください。"),
        ({"name": "😀🎉"}, "name", "お名前を入力してください。"),
        ({"name": "あ" * 101}, "name", "お名前は100文字以内"),
        ({"name": "山田\r\nBcc: x@example.com"}, "name", "お名前は1行で"),
        ({"name": "山田 https://example.com"}, "name", "お名前は1行で"),
        ({"email": ""}, "email", "メールアドレスを入力してください。"),
        ({"email": "person1"}, "email", "「@」がありません"),
        ({"email": "a@b@example.com"}, "email", "「@」が2つ以上"),
        ({"email": "@example.com"}, "email", "「@」の前が入力されていません"),
        ({"email": "a..b@example.com"}, "email", "メールアドレスとして使えない形"),
        ({"email": "person1@example..com"}, "email", "「@」の後ろをご確認ください"),
        ({"email": "per son@example.com"}, "email", "途中に空白があります"),
        ({"email": "😀@example.com"}, "email", "半角の英数字と記号"),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, "email", "途中に空白"),
        ({"email": "x" * 100_000 + "@example.com"}, "email", "使えない形"),
        ({"named": ""}, "named", "どちらかを選んでください"),
        ({"named": "maybe"}, "named", "どちらかを選んでください"),
        ({"terms": ""}, "terms", "同意が必要です"),
    ],
)
def test_an_error_stands_beside_its_field_and_in_the_summary(
    site: Site, reader: Reader, token: str, changed: dict[str, str], field: str, words: str
) -> None:
    form = {**filled(csrf_of(reader.get(f"/r/{token}"))), **changed}
    response = reader.post(f"/r/{token}", form)
    assert response.status_code == 422
    beside = re.search(rf'id="{field}-error">.*?</p>', response.text, re.S)
    assert beside
    assert words in beside[0]
    assert f'aria-describedby="{field}-error' in response.text
    summary = re.search(r'class="summary".*?</div>', response.text, re.S)
    assert summary
    assert words in summary[0]
    assert response.text.count("<title>エラー") == 1
    assert all(not rows for table, rows in site.dump().items() if table == "registrations")


def test_what_was_typed_is_kept_when_something_is_missing(reader: Reader, token: str) -> None:
    form = filled(csrf_of(reader.get(f"/r/{token}")), terms="", named="yes")
    text = reader.post(f"/r/{token}", form).text
    assert 'value="応募 太郎1"' in text
    assert 'value="person1@example.com"' in text
    assert re.search(r'value="yes" required checked', text)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ｐｅｒｓｏｎ１＠ｅｘａｍｐｌｅ．ｃｏｍ", "person1@example.com"),
        ("　person1@example.com　", "person1@example.com"),
        ("person1@EXAMPLE.COM", "person1@example.com"),
        ("a..b.@docomo.ne.jp", "a..b.@docomo.ne.jp"),
    ],
)
def test_addresses_are_read_as_people_in_japan_type_them(
    site: Site, reader: Reader, token: str, typed: str, kept: str
) -> None:
    form = filled(csrf_of(reader.get(f"/r/{token}")), email=typed)
    assert reader.post(f"/r/{token}", form).status_code == 303
    assert engine.unseal(site.runtime, site.only_registration(), "email") == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("محمد علي", "محمد علي"),
        ("\u202e山田\u202c 太郎", "山田 太郎"),
        ("山田　　太郎", "山田 太郎"),
        ("葛\U000e0100城 花子", "葛\U000e0100城 花子"),
        ("O'Brien-Smith", "O'Brien-Smith"),
        ("太郎😀", "太郎😀"),
        ("<b>太郎</b>", "<b>太郎</b>"),
    ],
)
def test_names_are_kept_as_people_write_them_without_invisible_signs(
    site: Site, reader: Reader, token: str, typed: str, kept: str
) -> None:
    form = filled(csrf_of(reader.get(f"/r/{token}")), name=typed)
    assert reader.post(f"/r/{token}", form).status_code == 303
    assert engine.unseal(site.runtime, site.only_registration(), "name") == kept


def test_markup_in_names_and_companies_is_only_text(site: Site, reader: Reader, token: str) -> None:
    with site.runtime.database.begin() as session:
        session.get_one(Company, "acme").name = "<script>alert(1)</script>&amp;会社"
    form = filled(csrf_of(reader.get(f"/r/{token}")), name='"><script>x</script>', terms="")
    text = reader.post(f"/r/{token}", form).text
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;会社" in text


def test_a_filled_trap_is_told_and_not_hidden_from_people(
    site: Site, reader: Reader, token: str
) -> None:
    form = filled(csrf_of(reader.get(f"/r/{token}")), note="https://spam.example")
    response = reader.post(f"/r/{token}", form)
    assert response.status_code == 422
    assert "もう一度送信してください" in response.text
    again = filled(csrf_of(response))
    assert reader.post(f"/r/{token}", again).status_code == 303


def test_a_form_without_its_token_is_kept_but_starts_nothing(
    site: Site, reader: Reader, token: str
) -> None:
    reader.get(f"/r/{token}")
    response = reader.post(f"/r/{token}", filled("wrong"))
    assert response.status_code == 422
    assert "もう一度送信してください" in response.text
    assert 'value="応募 太郎1"' in response.text
    assert site.dump()["registrations"] == []


def test_without_cookies_the_page_explains_what_is_missing(site: Site, token: str) -> None:
    page = site.reader().get(f"/r/{token}")
    response = site.reader().post(f"/r/{token}", filled(csrf_of(page)))
    assert response.status_code == 422
    assert "Cookie" in response.text
    assert site.dump()["registrations"] == []


@pytest.mark.parametrize(
    ("asks", "path", "language"),
    [
        ("ja-JP,ja;q=0.9", "", "ja"),
        ("en-US,en;q=0.9", "", "en"),
        ("en-US", "?lang=ja", "ja"),
        ("ja", "?lang=en", "en"),
        ("fr", "", "ja"),
        ("ja", "?lang=xx", "ja"),
    ],
)
def test_the_language_comes_from_link_then_browser_then_installation(
    site: Site, token: str, asks: str, path: str, language: str
) -> None:
    page = site.reader(asks).get(f"/r/{token}{path}")
    assert f'<html lang="{language}">' in page.text


def test_a_chosen_language_survives_the_whole_way(site: Site, token: str) -> None:
    reader = site.reader("ja")
    reader.get(f"/r/{token}?lang=en")
    page = reader.get(f"/r/{token}")
    assert "Before you register" in page.text
    assert "Please enter your name." in reader.post(f"/r/{token}", {}).text
    code = reader.get(reader.post(f"/r/{token}", filled(csrf_of(page))).location)
    assert "We have sent you an e-mail" in code.text
    assert site.only_registration().locale == "en"


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("operator", "name"),
        ("operator", "license_no"),
        ("operator", "privacy_url"),
        ("operator", "terms_url"),
        ("operator", "contact_email"),
        ("mail", "host"),
        ("mail", "sender"),
    ],
)
def test_the_page_is_closed_while_the_operator_has_not_said_who_they_are(
    site: Site,
    reader: Reader,
    token: str,
    section: str,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    getattr(site.runtime.settings, section)[name] = ""
    for response in (reader.get(f"/r/{token}"), reader.post(f"/r/{token}", {})):
        assert response.status_code == 503
        assert "申し訳ございません" in response.text
        assert f"[{section}]" not in response.text
    logged = capsys.readouterr().out
    assert "not_configured" in logged
    assert name in logged


def test_a_terms_address_that_is_a_script_closes_the_page(
    site: Site, reader: Reader, token: str
) -> None:
    site.runtime.settings.operator["terms_url"] = "javascript:alert(1)"  # type: ignore[index]
    response = reader.get(f"/r/{token}")
    assert response.status_code == 503
    assert "javascript" not in response.text


def test_one_mailbox_gets_a_few_proof_mails_an_hour_however_it_is_asked(
    site: Site,
) -> None:
    path = f"/r/{site.static_token()}"
    answers = []
    for attempt in range(6):
        reader = site.reader(address=f"192.0.2.{attempt + 1}")
        form = filled(csrf_of(reader.get(path)), email="ＰＥＲＳＯＮ1@example.com")
        answers.append(reader.post(path, form))
    response = answers[-1]
    assert [a.status_code for a in answers] == [303] * 5 + [429]
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert "少し時間をおいて" in response.text
    assert len(site.dump()["registrations"]) == 5


def test_a_field_full_of_accents_keeps_nobody_waiting(
    reader: Reader, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unicode's normal forms take a time that grows with the square of one letter's accents."""
    real, lengths = unicodedata.normalize, [0]

    def normalize(form: Any, text: str) -> str:
        lengths.append(len(text))
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", normalize)
    accents = "a" + "\u0301\u0316" * 2000
    form = filled(csrf_of(reader.get(f"/r/{token}")), name=accents, email=f"{accents}@example.jp")
    page = reader.post(f"/r/{token}", form)
    assert page.status_code == 422
    assert "100文字以内" in page.text
    assert max(lengths) <= 1000
