"""What is peculiar to Zoho Recruit: a secret in a form, refusals inside a 2xx, own names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiResponseError,
    ApplicationState,
    Flag,
    RegistrationReport,
    WebhookRequest,
    WebhookVerificationError,
)
from careerrelay.connectors.zohorecruit.connector import ZohoRecruitConnector
from careerrelay.connectors.zohorecruit.standin import ZohoStandIn, settings

from ..company import SECOND, START, Clock, Receiver, again, opened, walk

REPORT = RegistrationReport("CR-1", "registered [CR-1]", "CareerRelay registered")


@pytest.fixture
def vendor() -> ZohoStandIn:
    return ZohoStandIn(clock=Clock(step=SECOND))


@pytest.fixture
def connector(vendor: ZohoStandIn) -> Iterator[ZohoRecruitConnector]:
    with vendor.serve() as url:
        given = settings(vendor, url)
        with opened(ZohoRecruitConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: ZohoStandIn) -> str:
    return vendor.apply(given_name="花子", family_name="見本", email="h@example.jp", job="営業")


def listed(connector: ZohoRecruitConnector, cursor: Mapping[str, Any]) -> tuple[list[str], Any]:
    found, later = walk(connector, cursor)
    return [event.application_id or "" for event in found], later


def test_what_the_rule_sends_is_verified_and_leads_to_the_case(
    vendor: ZohoStandIn, connector: ZohoRecruitConnector
) -> None:
    receiver = Receiver()
    with receiver.serve() as target:
        vendor.hook_url = f"{target}/hook"
        case = apply(vendor)
        vendor.set_status(case, "Rejected")
        assert vendor.wait_delivered()
    for request in receiver.taken:
        connector.verify_webhook(request)
    ids = [e.application_id for r in receiver.taken for e in connector.parse_webhook(r)]
    assert ids == [case, case]
    assert len({connector.delivery_id(request) for request in receiver.taken}) == 2


@pytest.mark.parametrize("form", ["cr_secret={0}&cr_secret={0}", "cr_secret=", "x={0}"])
def test_secret_must_be_there_exactly_once(
    form: str, vendor: ZohoStandIn, connector: ZohoRecruitConnector
) -> None:
    body = form.format(vendor.secret).encode()
    with pytest.raises(WebhookVerificationError, match=r"cr_secret|webhook_secret"):
        connector.verify_webhook(WebhookRequest("POST", "/hook", "", {}, body, START))


def test_list_is_walked_until_where_the_last_round_began(
    vendor: ZohoStandIn, connector: ZohoRecruitConnector
) -> None:
    cases = [apply(vendor) for _ in range(205)]
    found, cursor = listed(connector, {})
    assert found == cases[::-1]
    vendor.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    _, cursor = listed(connector, cursor)
    vendor.set_status(cases[0], "Rejected")
    assert listed(connector, cursor)[0] == cases[:1]


def test_our_own_writes_fire_no_rule(vendor: ZohoStandIn, connector: ZohoRecruitConnector) -> None:
    case = apply(vendor)
    receiver = Receiver()
    with receiver.serve() as target:
        vendor.hook_url = f"{target}/hook"
        found = connector.fetch_application(case)
        connector.write_link(found, "https://r.example.com/r/1", ours="https://r.example.com/r/")
        connector.report_registration(found, REPORT)
        assert vendor.wait_delivered()
    assert receiver.taken == []
    assert vendor.records[case]["CareerRelay_Status"] == REPORT.tag


def test_refusal_of_a_row_inside_a_2xx_is_no_success(
    vendor: ZohoStandIn, connector: ZohoRecruitConnector
) -> None:
    found = connector.fetch_application(apply(vendor))
    given = {**connector.settings, "link_field": "No_Such_Field"}
    with pytest.raises(ApiResponseError, match="SUCCESS"):
        again(connector, **given).write_link(found, "https://r.example.com/1", ours="h")


def test_notes_go_to_the_candidate_where_applications_have_none(
    vendor: ZohoStandIn, connector: ZohoRecruitConnector
) -> None:
    case = apply(vendor)
    given = {**connector.settings, "note_module": "Candidates"}
    other = again(connector, **given)
    for _ in range(2):
        other.report_registration(other.fetch_application(case), REPORT)
    person = vendor.records[case]["Candidate_Id"]["id"]
    assert [note["se_module"] for note in vendor.notes[person]] == ["Candidates"]


def test_fields_go_by_the_names_that_the_company_told(
    vendor: ZohoStandIn, connector: ZohoRecruitConnector
) -> None:
    case = apply(vendor)
    record = vendor.records[case]
    record |= {"Stage": "Withdrawn", "$Candidate": record.pop("Candidate_Id"), "Stop": True}
    given = {**connector.settings, "candidate_field": "$Candidate", "status_field": "Stage"}
    found = again(connector, **given | {"stop_field": "Stop"}).fetch_application(case)
    assert (found.state, found.flags) == (ApplicationState.WITHDRAWN, {Flag.DO_NOT_CONTACT})
    with pytest.raises(ApiResponseError, match="get an application"):
        connector.fetch_application(case)


def test_token_without_scopes_is_told(vendor: ZohoStandIn, connector: ZohoRecruitConnector) -> None:
    vendor.allowed = False
    (failed,) = (check for check in connector.check() if not check.ok)
    assert "ZohoRecruit.modules.ALL" in failed.remedy


def test_token_that_was_revoked_is_replaced_once(
    vendor: ZohoStandIn, connector: ZohoRecruitConnector
) -> None:
    case = apply(vendor)
    connector.fetch_application(case)
    vendor.tokens.clear()
    assert connector.fetch_application(case).external_id == case
    assert [path for _, path, _ in vendor.calls].count("/oauth/v2/token") == 2
