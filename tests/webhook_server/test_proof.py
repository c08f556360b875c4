"""The mailbox is proved by the mailed code or the mailed link, and what the person then reads."""

from __future__ import annotations

import pytest

from careerrelay.models.registrations import RegistrationState
from careerrelay.models.tables import LedgerEntry
from tests.webhook_server.site import Reader, Site, csrf_of, filled


@pytest.fixture
def token(site: Site) -> str:
    return site.reject(1)


@pytest.fixture
def waiting(site: Site, reader: Reader, token: str) -> str:
    """A registration this browser has just started; its id."""
    reader.post(f"/r/{token}", filled(csrf_of(reader.get(f"/r/{token}"))))
    return site.only_registration().id


def counted(site: Site) -> int:
    with site.runtime.database.read() as session:
        return session.query(LedgerEntry).filter_by(kind="credit").count()


def test_the_right_code_completes_the_registration(
    site: Site, reader: Reader, token: str, waiting: str
) -> None:
    response = reader.press(f"/r/{token}/code", code=site.code(waiting))
    assert response.status_code == 303
    assert "ご登録ありがとうございます" in reader.get(response.location).text
    assert site.state(waiting) is RegistrationState.PROVED
    assert counted(site) == 1


def test_the_code_may_be_typed_full_width_and_in_groups(
    site: Site, reader: Reader, token: str, waiting: str
) -> None:
    code = site.code(waiting)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    typed = f" {wide[:4]}　－{wide[4:]} "
    assert reader.press(f"/r/{token}/code", code=typed).status_code == 303


def test_a_wrong_code_says_so_and_how_many_tries_are_left(
    site: Site, reader: Reader, token: str, waiting: str
) -> None:
    wrong = "0" * 8 if site.code(waiting) != "0" * 8 else "1" * 8
    response = reader.press(f"/r/{token}/code", code=wrong)
    assert response.status_code == 422
    assert "確認コードが一致しません" in response.text
    assert "あと4回" in response.text
    assert 'aria-describedby="code-error code-hint"' in response.text


@pytest.mark.parametrize("typed", ["", "1234567", "123456789", "abcdefgh", "１２３４", "²²²²²²²²"])
def test_what_cannot_be_a_code_costs_no_try(
    site: Site, reader: Reader, token: str, waiting: str, typed: str
) -> None:
    assert reader.press(f"/r/{token}/code", code=typed).status_code == 422
    expected = 1 if typed == "²²²²²²²²" else 0
    assert site.registration(waiting).code_tries == expected


def test_after_five_wrong_codes_only_the_mailed_link_helps(
    site: Site, reader: Reader, token: str, waiting: str
) -> None:
    code = site.code(waiting)
    wrong = "0" * 8 if code != "0" * 8 else "1" * 8
    answers = [reader.press(f"/r/{token}/code", code=wrong).status_code for _ in range(5)]
    assert answers == [422, 422, 422, 422, 410]
    assert "メールのリンクは引き続きご利用いただけます" in reader.get(f"/r/{token}/code").text
    assert site.state(waiting) is RegistrationState.STARTED
    assert reader.press(f"/p/{site.proof_token(waiting)}").status_code == 303
    assert site.state(waiting) is RegistrationState.PROVED


def test_a_late_code_says_that_its_time_has_passed(
    site: Site, reader: Reader, token: str, waiting: str
) -> None:
    site.world.clock.forward(hours=25)
    response = reader.get(f"/r/{token}/code")
    assert response.status_code == 410
    assert "24時間" in response.text


def test_the_code_belongs_to_the_browser_that_asked_for_it(
    site: Site, token: str, waiting: str
) -> None:
    stranger = site.reader()
    assert "メールのリンクからお手続きください" in stranger.get(f"/r/{token}/code").text
    response = stranger.post(f"/r/{token}/code", {"code": site.code(waiting)})
    assert response.status_code == 400
    assert site.state(waiting) is RegistrationState.STARTED


def test_a_code_form_without_its_token_proves_nothing(
    site: Site, reader: Reader, token: str, waiting: str
) -> None:
    response = reader.post(f"/r/{token}/code", {"code": site.code(waiting)})
    assert response.status_code == 422
    assert site.state(waiting) is RegistrationState.STARTED


def test_the_code_page_of_another_link_does_not_know_the_registration(
    site: Site, reader: Reader, waiting: str
) -> None:
    other = site.static_token()
    assert "メールのリンクから" in reader.get(f"/r/{other}/code").text


def test_opening_the_mailed_link_shows_a_button_and_proves_nothing(site: Site, token: str) -> None:
    registration = site.start(token)
    page = site.reader().get(f"/p/{site.proof_token(registration)}")
    assert "確認して登録を完了する" in page.text
    assert "person1@" not in page.text
    assert site.state(registration) is RegistrationState.STARTED


def test_pressing_the_button_twice_is_once(site: Site, token: str) -> None:
    reader, registration = site.reader(), site.start(token)
    path = f"/p/{site.proof_token(registration)}"
    form = csrf_of(reader.get(path))
    for _ in range(2):
        response = reader.post(path, {"csrf_token": form})
        assert response.status_code == 303
        assert "ご登録ありがとうございます" in reader.get(response.location).text
    assert counted(site) == 1


def test_the_button_without_its_token_proves_nothing(site: Site, token: str) -> None:
    reader, registration = site.reader(), site.start(token)
    path = f"/p/{site.proof_token(registration)}"
    without = reader.post(path)
    assert without.status_code == 400
    assert "Cookie" in without.text
    reader.get(path)
    stale = reader.post(path, {"csrf_token": "wrong"})
    assert stale.status_code == 400
    assert "もう一度ボタンを押してください" in stale.text
    assert site.state(registration) is RegistrationState.STARTED


def test_a_second_registration_of_the_same_person_is_kindly_told(site: Site, token: str) -> None:
    reader = site.reader()
    reader.press(f"/p/{site.proof_token(site.start(token))}")
    again = site.start(site.static_token())
    page = reader.get(reader.press(f"/p/{site.proof_token(again)}").location)
    assert "すでにご登録いただいています" in page.text
    assert counted(site) == 1


def test_without_a_matching_application_the_answer_is_kind_and_nothing_is_passed_on(
    site: Site, token: str
) -> None:
    reader, registration = site.reader(), site.start(token, number=77)
    page = reader.get(reader.press(f"/p/{site.proof_token(registration)}").location)
    assert page.status_code == 200
    assert "ご応募を確認できませんでした" in page.text
    assert "お伝えすることはありません" in page.text
    assert f"/r/{token}" in page.text
    assert f"/m/{site.my_token(registration)}/delete" in page.text
    assert (site.dump()["reports"], counted(site)) == ([], 0)


def test_the_page_says_what_the_company_is_told(site: Site, token: str) -> None:
    for number, named, words in ((1, True, "お名前と登録日をお伝えします"), (2, False, "件数だけ")):
        own = token if number == 1 else site.reject(2)
        registration = site.start(own, number=number, named=named)
        reader = site.reader()
        assert (
            words in reader.get(reader.press(f"/p/{site.proof_token(registration)}").location).text
        )


def test_nobody_is_told_that_they_count(site: Site, token: str) -> None:
    registration = site.start(token)
    reader = site.reader()
    page = reader.get(reader.press(f"/p/{site.proof_token(registration)}").location).text
    assert "カウント" not in page
    assert "無料紹介枠" not in page


def test_the_mailed_link_opens_in_the_language_of_the_registration(site: Site, token: str) -> None:
    registration = site.start(token, locale="en")
    path = f"/p/{site.proof_token(registration)}"
    assert "Complete your registration" in site.reader("ja").get(path).text
    assert "ご登録の確認" in site.reader("ja").get(f"{path}?lang=ja").text


def test_a_deleted_registration_cannot_be_confirmed_any_more(site: Site, token: str) -> None:
    registration = site.start(token)
    reader = site.reader()
    path = f"/p/{site.proof_token(registration)}"
    form = csrf_of(reader.get(path))
    reader.press(f"/m/{site.my_token(registration)}/delete")
    reader.post(path, {"csrf_token": form})
    assert site.state(registration) is RegistrationState.WITHDRAWN
    assert "登録内容を削除しました" in reader.get(path).text


@pytest.mark.parametrize("number", [1, 2], ids=["rejected here", "never applied here"])
def test_whoever_only_typed_an_address_does_not_learn_whether_its_owner_was_rejected(
    site: Site, reader: Reader, token: str, number: int
) -> None:
    """The owner confirms by the mailed link; the other browser sees the same in both cases."""
    path = f"/r/{site.static_token()}"
    reader.post(path, filled(csrf_of(reader.get(path)), number=number))
    id_ = site.only_registration().id
    form = reader.get(f"{path}/code")
    site.reader(address="192.0.2.7").press(f"/p/{site.proof_token(id_)}")
    guess = {"csrf_token": csrf_of(form), "code": "00000000"}
    for page in (reader.get(f"{path}/code"), reader.post(f"{path}/code", guess)):
        assert page.status_code == 200
        assert "続きはメールのリンクからご確認ください" in page.text
        assert "/m/" not in page.text
