"""/s/<token>: no more invitations, by a person's button or a mail program's one click."""

from __future__ import annotations

import pytest

from careerrelay.engine.people import address_hashes
from careerrelay.link_signing import Purpose
from careerrelay.models.tables import RelayLink, Suppression
from tests.webhook_server.site import Reader, Site

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def token(site: Site) -> str:
    return site.as_purpose(site.reject(1), Purpose.STOP)


def stopped(site: Site) -> dict[str, str]:
    """Suppressed hashes and why."""
    with site.runtime.database.read() as session:
        return {row.email_hash: row.cause for row in session.query(Suppression)}


def hash_of(site: Site, address: str) -> str:
    return address_hashes(site.runtime.vault, [address])[0]


def test_opening_a_stop_link_stops_nothing(site: Site, reader: Reader, token: str) -> None:
    page = reader.get(f"/s/{token}")
    assert "ご案内を停止する" in page.text
    assert "person1@" not in page.text
    assert stopped(site) == {}


def test_the_button_stops_at_once(site: Site, reader: Reader, token: str) -> None:
    response = reader.post(f"/s/{token}")
    assert response.status_code == 200
    assert "ご案内を停止しました" in response.text
    assert stopped(site) == {hash_of(site, "person1@example.com"): "stop_link"}


def test_stopping_twice_is_once(site: Site, reader: Reader, token: str) -> None:
    for _ in range(2):
        assert reader.post(f"/s/{token}").status_code == 200
    assert len(stopped(site)) == 1


def test_one_click_needs_no_page_no_cookie_and_sets_none(
    site: Site, reader: Reader, token: str
) -> None:
    response = reader.post(f"/s/{token}", ONE_CLICK)
    assert response.status_code == 200
    assert response.text == "stopped\n"
    assert "Set-Cookie" not in response.headers
    assert stopped(site) == {hash_of(site, "person1@example.com"): "one_click"}


def test_one_click_may_come_as_multipart(site: Site, reader: Reader, token: str) -> None:
    response = reader.post(f"/s/{token}", ONE_CLICK, content_type="multipart/form-data")
    assert response.status_code == 200
    assert len(stopped(site)) == 1


def test_a_static_link_asks_whose_address_is_meant(site: Site, reader: Reader) -> None:
    path = f"/s/{site.static_token(Purpose.STOP)}"
    assert 'name="email"' in reader.get(path).text
    for typed, words in (("", "メールアドレスを入力してください"), ("x", "「@」がありません")):
        response = reader.post(path, {"email": typed})
        assert response.status_code == 422
        assert words in response.text
    assert stopped(site) == {}
    assert reader.post(path, {"email": "Ｐerson5＠example.com"}).status_code == 200
    assert stopped(site) == {hash_of(site, "person5@example.com"): "stop_link"}


def test_one_click_on_a_static_link_does_not_pretend(site: Site, reader: Reader) -> None:
    response = reader.post(f"/s/{site.static_token(Purpose.STOP)}", ONE_CLICK)
    assert response.status_code == 422
    assert stopped(site) == {}


def test_a_stop_link_works_whatever_became_of_its_invitation(
    site: Site, reader: Reader, token: str
) -> None:
    with site.runtime.database.begin() as session:
        session.query(RelayLink).one().revoked_at = site.world.clock()
    site.world.clock.forward(days=1000)
    assert reader.post(f"/s/{token}").status_code == 200
    assert len(stopped(site)) == 1


def test_stopping_needs_no_operator_settings(site: Site, reader: Reader, token: str) -> None:
    for name in ("name", "license_no", "privacy_url"):
        site.runtime.settings.operator[name] = ""  # type: ignore[index]
    assert reader.get(f"/s/{token}").status_code == 200
    assert reader.post(f"/s/{token}").status_code == 200


def test_a_flood_of_clicks_on_one_link_is_slowed(site: Site, reader: Reader, token: str) -> None:
    answers = [reader.post(f"/s/{token}", ONE_CLICK) for _ in range(21)]
    assert [a.status_code for a in answers] == [200] * 20 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.fixture(params=["ja", "en"])
def from_page(request: pytest.FixtureRequest, site: Site) -> tuple[Reader, str]:
    """A reader of either language who followed the way out of the registration page."""
    reader = site.reader(request.param)
    text = reader.get(f"/r/{site.reject(1)}").text
    assert f'<html lang="{request.param}"' in text
    return reader, "/s/" + text.split('href="/s/', 1)[1].split('"', 1)[0]


STOPPED = {"ja": "ご案内を停止しました", "en": "no more invitations"}


def test_the_way_out_of_the_registration_page_ends_at_a_button(
    site: Site, from_page: tuple[Reader, str]
) -> None:
    reader, path = from_page
    for ask in (reader.get, reader.head, reader.get):
        response = ask(path, headers={"Purpose": "prefetch", "Sec-Purpose": "prefetch"})
        assert response.status_code == 200
    assert f'<html lang="{reader.language}"' in response.text
    assert stopped(site) == {}
    response = reader.post(path)
    assert STOPPED[reader.language] in response.text
    assert stopped(site) == {hash_of(site, "person1@example.com"): "stop_link"}


def test_language_chosen_on_the_registration_page_holds_on_the_stop_page(
    site: Site, reader: Reader
) -> None:
    text = reader.get(f"/r/{site.reject(1)}?lang=en").text
    path = "/s/" + text.split('href="/s/', 1)[1].split('"', 1)[0]
    assert '<html lang="en"' in reader.get(path).text
    assert '<html lang="en"' in reader.post(path).text


def test_one_cases_stop_link_stops_nobody_else(site: Site, reader: Reader, token: str) -> None:
    other = site.reject(2)
    reader.post(f"/s/{token}")
    assert hash_of(site, "person2@example.com") not in stopped(site)
    assert reader.get(f"/r/{other}").status_code == 200


def test_nobody_uses_a_templates_stop_link_up_for_all_others(site: Site, reader: Reader) -> None:
    path = f"/s/{site.static_token(Purpose.STOP)}"
    answers = [reader.post(path, {"email": f"p{n}@example.com"}).status_code for n in range(31)]
    assert answers == [200] * 30 + [429]
    assert reader.post(path, ONE_CLICK).status_code == 429
    neighbour = site.reader(address="198.51.100.7")
    assert neighbour.post(path, {"email": "person5@example.com"}).status_code == 200


def test_no_other_link_stops(site: Site, reader: Reader, token: str) -> None:
    held = [site.reject(2), site.static_token(), token[:-1], f"{token}x", token.swapcase()]
    for wrong in held:
        for form in ({}, ONE_CLICK, {"email": "person5@example.com"}):
            assert reader.post(f"/s/{wrong}", form).status_code == 404
    assert stopped(site) == {}
