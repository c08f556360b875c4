"""/m/<token>: see and delete one registration's data."""

from __future__ import annotations

import pytest

from careerrelay.engine import registration as engine
from careerrelay.engine import retention
from careerrelay.models.registrations import RegistrationState
from tests.webhook_server.site import Reader, Site


@pytest.fixture
def mine(site: Site) -> str:
    """A proved registration of person 1, who chose to be named; its id."""
    id_ = site.start(site.reject(1))
    engine.confirm_link(site.runtime, site.proof_token(id_))
    return id_


def test_it_shows_what_is_kept(site: Site, reader: Reader, mine: str) -> None:
    text = reader.get(f"/m/{site.my_token(mine)}").text
    for words in ("応募 太郎1", "person1@example.com", "株式会社アクメ", "2026年11月5日に登録完了"):
        assert words in text
    assert "help@operator.example.jp" in text


def test_it_shows_that_registration_and_no_other(site: Site, reader: Reader, mine: str) -> None:
    site.start(site.reject(2), number=2)
    text = reader.get(f"/m/{site.my_token(mine)}").text
    assert "person2@" not in text
    assert "太郎2" not in text


def test_it_logs_nobody_in(site: Site, reader: Reader, mine: str) -> None:
    reader.get(f"/m/{site.my_token(mine)}")
    assert not reader.client.get_cookie("__Host-session", domain="relay.example.jp")
    other = site.start(site.reject(2), number=2)
    assert reader.get(f"/m/{site.proof_token(other)}").status_code == 404


def test_deleting_asks_first_and_says_what_it_means(site: Site, reader: Reader, mine: str) -> None:
    text = reader.get(f"/m/{site.my_token(mine)}/delete").text
    assert "元に戻すことはできません" in text
    assert "36か月" in text
    assert site.state(mine) is RegistrationState.PROVED


def test_who_was_not_named_reads_nothing_of_a_record(site: Site, reader: Reader) -> None:
    id_ = site.start(site.reject(1), named=False)
    engine.confirm_link(site.runtime, site.proof_token(id_))
    assert "36か月" not in reader.get(f"/m/{site.my_token(id_)}/delete").text


def test_after_deleting_nothing_personal_is_left(site: Site, reader: Reader, mine: str) -> None:
    path = f"/m/{site.my_token(mine)}"
    response = reader.press(f"{path}/delete")
    assert (response.status_code, response.location) == (303, path)
    after = reader.get(path)
    assert "登録内容を削除しました" in after.text
    assert "person1@" not in after.text
    row = site.registration(mine)
    assert (row.name_sealed, row.email_sealed, row.code_sealed) == (None, None, None)
    assert "登録内容を削除しました" in reader.get(f"{path}/delete").text


def test_deleting_without_the_form_token_deletes_nothing(
    site: Site, reader: Reader, mine: str
) -> None:
    path = f"/m/{site.my_token(mine)}/delete"
    for data in ({}, {"csrf_token": "wrong"}):
        assert reader.post(path, data).status_code == 400
        reader.get(path)
    assert site.state(mine) is RegistrationState.PROVED


def test_a_registration_whose_time_has_passed_shows_that_its_data_are_gone(
    site: Site, reader: Reader
) -> None:
    id_ = site.start(site.reject(1), number=9)
    engine.confirm_link(site.runtime, site.proof_token(id_))
    assert "未登録" in reader.get(f"/m/{site.my_token(id_)}").text
    site.world.clock.forward(days=8)
    retention.purge(site.runtime)
    text = reader.get(f"/m/{site.my_token(id_)}").text
    assert "保管の期間が過ぎた" in text
    assert "person9@" not in text
