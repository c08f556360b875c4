"""Links that do not open: each with its own clear page and status."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from sqlalchemy import select

from careerrelay.link_signing import Purpose
from careerrelay.models.errors import LinkError, LinkExpiredError
from careerrelay.models.tables import RelayLink
from careerrelay.webhook_server.paths import SWALLOWED
from careerrelay.webhook_server.words import BY_LINK_ERROR
from tests.webhook_server.site import Reader, Site


def test_every_kind_of_link_error_has_its_words() -> None:
    assert set(BY_LINK_ERROR) | {LinkExpiredError} == set(LinkError.__subclasses__())


@pytest.mark.parametrize("path", ["r", "p", "s", "m"])
def test_a_tampered_link_says_that_it_is_cut_off_or_changed(
    site: Site, reader: Reader, path: str
) -> None:
    token = site.reject(1)
    for broken in (token[:-2] + "zz", "x" + token, token[:40], "", "%00", "a" * 399, "あ"):
        response = reader.get(f"/{path}/{broken}")
        assert response.status_code == 404
        assert (
            "リンクを開けませんでした" in response.text or "ページが見つかりません" in response.text
        )


@pytest.mark.parametrize(
    ("made_for", "opened_at"),
    [(made, opened) for made in Purpose for opened in Purpose if made is not opened],
)
def test_a_token_opens_only_the_page_it_was_made_for(
    site: Site, reader: Reader, made_for: Purpose, opened_at: Purpose
) -> None:
    token = site.reject(1)
    registration = site.start(token)
    id_ = registration if made_for in (Purpose.PROOF, Purpose.MY_DATA) else None
    foreign = (
        site.runtime.signer.token_for(id_, purpose=made_for)
        if id_
        else site.as_purpose(token, made_for)
    )
    response = reader.get(f"/{opened_at.path}/{foreign}")
    assert response.status_code == 404
    assert "別のページのためのリンクです" in response.text
    assert "belongs to another page" in reader.get(f"/{opened_at.path}/{foreign}?lang=en").text


def test_punctuation_that_a_mail_program_took_into_the_link_is_forgiven(
    site: Site, reader: Reader
) -> None:
    token = site.static_token()
    for sign in SWALLOWED.replace("?", ""):
        assert reader.get(f"/r/{token}{quote(sign)}").status_code == 200, sign


def test_a_link_without_a_decision_is_not_open_and_does_not_say_why(
    site: Site, reader: Reader
) -> None:
    response = reader.get(f"/r/{site.apply(1)}")
    assert response.status_code == 404
    assert "現在ご利用いただけません" in response.text
    assert "選考" not in response.text
    assert "不採用" not in response.text


def test_an_expired_link_says_when_it_was_issued(site: Site, reader: Reader) -> None:
    token = site.reject(1)
    site.world.clock.forward(days=400)
    response = reader.get(f"/r/{token}")
    assert response.status_code == 410
    assert "2026年11月4日に発行された" in response.text
    assert "issued on November 4, 2026" in reader.get(f"/r/{token}?lang=en").text


def test_a_revoked_link_says_that_it_was_taken_back(site: Site, reader: Reader) -> None:
    token = site.reject(1)
    with site.runtime.database.begin() as session:
        session.scalars(select(RelayLink)).one().revoked_at = site.world.clock()
    response = reader.get(f"/r/{token}")
    assert response.status_code == 410
    assert "取り消されています" in response.text


def test_an_expired_proof_link_tells_the_way_back(site: Site, reader: Reader) -> None:
    registration = site.start(site.reject(1))
    site.world.clock.forward(hours=24)
    response = reader.get(f"/p/{site.proof_token(registration)}")
    assert response.status_code == 410
    assert "24時間" in response.text
    assert reader.post(f"/p/{site.proof_token(registration)}").status_code in (400, 410)
    assert site.state(registration) == "started"
