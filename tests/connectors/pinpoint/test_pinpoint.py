"""What is peculiar to Pinpoint: stages and tags that the company explains, no time of rejection,
tags that are added and cannot be asked for by accident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from careerrelay.connectors import (
    ApiPermissionError,
    ApiUnavailableError,
    ApplicationState,
    RegistrationReport,
    RejectionSide,
    WebhookRequest,
    utcnow,
)
from careerrelay.connectors.pinpoint.connector import PinpointConnector
from careerrelay.connectors.pinpoint.standin import (
    APPLIED,
    BASE,
    REJECTED,
    WITHDRAWN,
    PinpointStandIn,
)

from ..company import Clock, opened, walk

REPORT = RegistrationReport("CR-1", "CareerRelay: registered. [CR-1]", "CareerRelay registered")


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 4, 10, tzinfo=UTC))


@pytest.fixture
def vendor(clock: Clock) -> PinpointStandIn:
    return PinpointStandIn(clock=clock)


@pytest.fixture
def connector(vendor: PinpointStandIn) -> Iterator[PinpointConnector]:
    with vendor.serve() as url:
        given = {
            "api_url": url + BASE,
            "api_key": vendor.key,
            "rejected_stages": "rejected",
            "withdrawn_stages": WITHDRAWN,
        }
        with opened(PinpointConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: PinpointStandIn) -> str:
    return vendor.apply(given="Hanako", family="Example", email="hanako@example.jp")


def test_the_past_is_read_page_by_page_for_whose_case_has_ended(
    vendor: PinpointStandIn, connector: PinpointConnector, clock: Clock
) -> None:
    cases = [apply(vendor) for _ in range(250)]
    for case in cases[::2]:
        clock.now += timedelta(seconds=1)
        vendor.move(case, REJECTED)
    clock.now += timedelta(hours=1)
    events, cursor = walk(connector, {})
    assert [event.application_id for event in events] == cases[::2][::-1]
    assert len(vendor.calls) == 3
    assert walk(connector, cursor)[0] == []
    assert len(vendor.calls) == 4


def test_a_stage_counts_by_name_or_id_and_no_other_does(
    vendor: PinpointStandIn, connector: PinpointConnector
) -> None:
    case = apply(vendor)
    states = []
    for stage in (APPLIED, REJECTED, WITHDRAWN):
        vendor.move(case, stage)
        states.append(connector.fetch_application(case).state)
    wanted = [ApplicationState.ACTIVE, ApplicationState.REJECTED, ApplicationState.WITHDRAWN]
    assert states == wanted


def test_whose_a_rejection_is_the_tag_says_to_the_company_only(
    vendor: PinpointStandIn, connector: PinpointConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, REJECTED, tag="Withdrew")
    reason = connector.fetch_application(case).reason
    assert reason is not None
    assert (reason.external_id, reason.side) == ("Withdrew", RejectionSide.UNKNOWN)


@pytest.mark.parametrize("days", [0, 1, 2, 40])
def test_an_edit_long_after_a_rejection_does_not_make_it_a_new_one(
    vendor: PinpointStandIn, connector: PinpointConnector, clock: Clock, days: int
) -> None:
    case = apply(vendor)
    vendor.move(case, REJECTED, tag="Skills")
    rejected_at = clock.now
    clock.now += timedelta(days=days, hours=3)
    vendor.applications[case]["updated_at"] = vendor._now()
    changed_at = connector.fetch_application(case).changed_at
    assert rejected_at <= changed_at <= rejected_at + timedelta(days=1, hours=3)


def test_a_rejection_is_later_than_what_was_before_it_on_the_same_day(
    vendor: PinpointStandIn, connector: PinpointConnector, clock: Clock
) -> None:
    case = apply(vendor)
    times = []
    for stage in (REJECTED, APPLIED, REJECTED):
        clock.now += timedelta(minutes=1)
        vendor.move(case, stage)
        times.append(connector.fetch_application(case).changed_at)
    assert times == sorted(set(times))


def test_tag_and_comment_are_there_once_however_often_it_is_tried(
    vendor: PinpointStandIn, connector: PinpointConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, REJECTED, tag="Skills")
    application = connector.fetch_application(case)
    for path in (f"{BASE}/applications", f"{BASE}/comments"):
        vendor.fail_next(status=502, path=path, after_effect=True, skip="appl" in path)
        with pytest.raises(ApiUnavailableError):
            connector.report_registration(application, REPORT)
    connector.report_registration(application, REPORT)
    assert [tag["name"] for tag in vendor.applications[case]["tags"]] == ["Skills", REPORT.tag]
    assert vendor.comments[case] == [REPORT.text]


def test_without_a_context_no_tag_is_written(
    vendor: PinpointStandIn, connector: PinpointConnector
) -> None:
    connector.settings = {**connector.settings, "report_tag_context": ""}
    case = apply(vendor)
    connector.report_registration(connector.fetch_application(case), REPORT)
    assert vendor.applications[case]["tags"] == []
    assert vendor.comments[case] == [REPORT.text]


def test_a_key_that_may_not_write_is_told_what_to_give(
    vendor: PinpointStandIn, connector: PinpointConnector
) -> None:
    case = apply(vendor)
    application = connector.fetch_application(case)
    vendor.permissions = {"read"}
    with pytest.raises(ApiPermissionError, match="Comment: write"):
        connector.report_registration(application, REPORT)


def test_an_event_of_any_name_is_only_a_reason_to_look(connector: PinpointConnector) -> None:
    body = {"event": "something_new", "data": {"application": {"id": 7, "email": "a@example.jp"}}}
    request = WebhookRequest("POST", "/", "", {}, json.dumps(body).encode(), utcnow())
    (event,) = connector.parse_webhook(request)
    assert (event.application_id, event.application) == ("7", None)
