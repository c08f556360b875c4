"""A row that cannot be read is set aside, whichever ATS lists it; the others go through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from careerrelay import connectors as kit
from careerrelay.connectors import Capability, ConnectorSpec, EventKind
from careerrelay.connectors.ashby import AshbyConnector
from careerrelay.connectors.ashby.standin import AshbyStandIn
from careerrelay.connectors.personio.connector import PersonioConnector
from careerrelay.connectors.personio.standin import PersonioStandIn
from careerrelay.connectors.teamtailor.connector import TeamtailorConnector
from careerrelay.connectors.teamtailor.standin import BASE, TeamtailorStandIn
from careerrelay.connectors.zohorecruit.connector import ZohoRecruitConnector
from careerrelay.connectors.zohorecruit.standin import ZohoStandIn, settings

from .company import Clock, opened, walk

DOCS = kit.documented("https://acme.example.com")
NAME, EMAIL = "Hanako Example", "hanako@example.jp"
LIST = "list cases"
Row = Mapping[str, Any]


class Acme(kit.Connector):
    """Lists cases and can be asked for one."""

    spec = ConnectorSpec("acme", "Acme", "https://acme.example.com", {Capability.FETCH: DOCS}, ())


class ListOnly(kit.Connector):
    """Lists cases, and no more."""

    spec = ConnectorSpec("list", "List", "https://list.example.com", {Capability.POLL: DOCS}, ())


def read(row: Row) -> str:
    if not row["person"]:
        raise kit.PayloadError("without the person")
    return str(row["person"])


def rows(*people: str) -> list[Row]:
    return [{"id": f"a{number}", "person": person} for number, person in enumerate(people)]


def set_aside(found: Iterable[Any]) -> dict[str, str]:
    """Case -> what is wrong with its row."""
    events = [one for one in found if isinstance(one, kit.ApplicationEvent)]
    return {
        event.application_id or "": event.ats_event
        for event in events
        if event.kind is EventKind.CHANGED
    }


def listed(people: Sequence[str], connector: kit.Connector) -> list[Any]:
    return kit.row_by_row(rows(*people), read, by=connector, operation=LIST)


def test_one_unreadable_row_is_a_hint_at_its_case_among_the_others() -> None:
    found = listed(["c1", "", "c3"], Acme({}))
    assert [found[0], found[2]] == ["c1", "c3"]
    assert set_aside(found) == {"a1": "unreadable row a1: without the person"}


def test_same_unreadable_row_is_the_same_hint_for_a_day_and_another_for_a_later_sweep() -> None:
    clock = Clock()
    connector = Acme({}, clock=clock)
    first = listed(["c1", ""], connector)
    clock.forward(minutes=5)
    assert listed(["c1", ""], connector) == first
    changed = [{**row, "stage": "offer"} for row in rows("c1", "")]
    assert kit.row_by_row(changed, read, by=connector, operation=LIST) != first, (
        "though unreadable still"
    )
    clock.forward(days=1)
    assert listed(["c1", ""], connector) != first


def test_many_rows_of_which_none_can_be_read_are_an_answer_of_another_shape() -> None:
    assert len(set_aside(listed([""] * 10, Acme({})))) == 10
    with pytest.raises(kit.ApiResponseError, match="'list cases' without the person"):
        listed([""] * 11, Acme({}))
    assert len(set_aside(listed([*[""] * 11, "c1"], Acme({})))) == 11


def test_row_of_an_ats_that_cannot_be_asked_for_one_case_is_a_refusal() -> None:
    with pytest.raises(kit.ApiResponseError, match="'list cases' without the person"):
        listed(["c1", ""], ListOnly({}))


def test_teamtailor_application_without_its_candidate_does_not_stop_the_list() -> None:
    vendor = TeamtailorStandIn(clock=Clock())
    vendor.calls_a_second = 1000
    cases = [vendor.apply(name=NAME, email=EMAIL, job="営業") for _ in range(3)]
    vendor.records["job-applications"][cases[1]]["related"]["candidate"] = None
    for case in cases:
        vendor.reject(case)
    with vendor.serve() as url:
        given = {"api_url": url + BASE, "api_key": vendor.api_key, "user_id": vendor.user}
        given["webhook_secret"] = vendor.secret
        with opened(TeamtailorConnector, given, clock=vendor.clock) as connector:
            found, _ = walk(connector, {})
            with pytest.raises(kit.ApiResponseError, match="without the candidate"):
                connector.fetch_application(cases[1])
    assert {event.application_id for event in found} == set(cases)
    assert set_aside(found) == {cases[1]: f"unreadable row {cases[1]}: without the candidate"}


def test_zoho_application_without_its_candidate_does_not_stop_the_list() -> None:
    vendor = ZohoStandIn(clock=Clock(step=timedelta(seconds=1)))
    name = {"given_name": "花子", "family_name": "見本", "email": "h@example.jp"}
    cases = [vendor.apply(**name, job="営業") for _ in range(3)]
    vendor.records[cases[1]]["Candidate_Id"] = None
    with (
        vendor.serve() as url,
        opened(ZohoRecruitConnector, settings(vendor, url), clock=vendor.clock) as connector,
    ):
        found, _ = walk(connector, {})
    assert {event.application_id for event in found} == set(cases)
    assert list(set_aside(found)) == [cases[1]]


def test_ashby_application_in_a_status_nobody_documents_does_not_stop_the_list() -> None:
    vendor = AshbyStandIn(clock=Clock())
    cases = [vendor.apply(name=NAME, email=EMAIL) for _ in range(3)]
    vendor.cases[cases[1]]["status"] = "Paused"
    with (
        vendor.serve() as url,
        opened(AshbyConnector, vendor.settings(url), clock=vendor.clock) as connector,
    ):
        found, cursor = walk(connector, {})
    assert {event.application_id for event in found} == set(cases)
    assert list(set_aside(found)) == [cases[1]]
    assert "not as the vendor documents it: status" in set_aside(found)[cases[1]]
    assert cursor["token"], "the next round asks for what changed since"


def test_personio_application_with_an_odd_field_does_not_stop_the_list() -> None:
    vendor = PersonioStandIn(clock=Clock())
    name = {"given": "Hanako", "family": "Example", "email": EMAIL, "job": "営業"}
    cases = [vendor.apply(**name) for _ in range(3)]
    for case in cases:
        vendor.move(case, "rejected")
    vendor.applications[cases[1]]["is_anonymized"] = "perhaps"
    client = {"client_id": vendor.client_id, "client_secret": vendor.client_secret}
    with (
        vendor.serve() as url,
        opened(PersonioConnector, client | {"api_url": url}, clock=vendor.clock) as connector,
    ):
        found, _ = walk(connector, {})
    told = {event.application_id: event.ats_event for event in found}
    assert set(told) == set(cases)
    assert told[cases[1]].endswith("not as the vendor documents it: is_anonymized")
