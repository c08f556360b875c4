"""An installation whose registration page is the operator's."""

from __future__ import annotations

import pytest

from tests.webhook_server.site import Reader, Site


@pytest.fixture
def external(site: Site) -> str:
    role = site.runtime.settings.role
    role["name"] = "external"  # type: ignore[index]
    role["external_url"] = "https://operator.example.jp/join?from=ats"  # type: ignore[index]
    return site.reject(1)


def test_a_good_link_leads_to_the_operators_page_with_its_token(
    reader: Reader, external: str
) -> None:
    for ask in (reader.get, reader.head):
        response = ask(f"/r/{external}")
        assert response.status_code == 303
        assert response.location == f"https://operator.example.jp/join?from=ats&token={external}"


def test_a_bad_link_leads_nowhere(reader: Reader, external: str) -> None:
    response = reader.get(f"/r/{external[:-2]}xx")
    assert response.status_code == 404
    assert response.location is None


def test_the_reader_cannot_choose_where_it_leads(reader: Reader, external: str) -> None:
    response = reader.get(f"/r/{external}?external_url=https://evil.example&next=//evil.example")
    assert response.location.startswith("https://operator.example.jp/join?")


def test_no_form_is_taken_here(site: Site, reader: Reader, external: str) -> None:
    before = site.dump()
    for path in (f"/r/{external}", f"/r/{external}/code"):
        response = reader.post(path, {"name": "山田", "email": "person1@example.com"})
        assert response.status_code == 405
        assert response.headers["Allow"] == "GET, HEAD"
    assert site.dump() == before


def test_without_a_page_to_lead_to_the_link_says_sorry(
    site: Site, reader: Reader, external: str
) -> None:
    site.runtime.settings.role["external_url"] = ""  # type: ignore[index]
    assert reader.get(f"/r/{external}").status_code == 503
