"""What is peculiar to Workable: no web hook for the end, a daily sweep, tags that PUT replaces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiRateLimitedError,
    ApiResponseError,
    ApplicationEvent,
    ApplicationState,
    Channel,
    EventKind,
    Flag,
    RegistrationReport,
    UnknownEventError,
    WebhookRequest,
    utcnow,
)
from careerrelay.connectors.workable.connector import WorkableConnector
from careerrelay.connectors.workable.standin import BASE, Ticking, WorkableStandIn

from ..company import opened, walk

REPORT = RegistrationReport("CR-1", "CareerRelay: registered. [CR-1]", "CareerRelay registered")


@pytest.fixture
def vendor() -> WorkableStandIn:
    return WorkableStandIn(clock=Ticking())


@pytest.fixture
def connector(vendor: WorkableStandIn) -> Iterator[WorkableConnector]:
    with vendor.serve() as url:
        given = {"api_url": url + BASE, "api_token": vendor.token, "member_id": vendor.member}
        with opened(WorkableConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: WorkableStandIn, *, sourced: bool = False) -> str:
    return vendor.apply(
        name="Hanako Example", email="hanako@example.jp", job="営業", sourced=sourced
    )


def test_the_past_is_read_page_by_page_for_whoever_is_disqualified(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    cases = [apply(vendor) for _ in range(250)]
    for case in cases[::2]:
        vendor.disqualify(case)
    events, _ = walk(connector, {})
    assert [event.application_id for event in events] == cases[::2]


def test_a_later_disqualification_and_its_revert_are_seen(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    case = apply(vendor)
    _, cursor = walk(connector, {})
    states = []
    for change in (vendor.disqualify, vendor.revert):
        change(case)
        events, cursor = walk(connector, cursor)
        states.append(connector.fetch_application(events[-1].application_id or "").state)
    assert states == [ApplicationState.REJECTED, ApplicationState.ACTIVE]


def test_the_daily_sweep_finds_what_did_not_move_updated_at(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, "Interview")
    _, cursor = walk(connector, {})
    open_, cursor = walk(connector, cursor)
    clock = vendor.clock
    assert isinstance(clock, Ticking)
    clock.now += timedelta(hours=1)
    _, cursor = walk(connector, cursor)
    vendor.touches_updated_at = False
    vendor.disqualify(case)
    for hours, found in ((1, 0), (24, 1)):
        clock.now += timedelta(hours=hours)
        events, cursor = walk(connector, cursor)
        assert len(events) == found
    assert events[0].occurred_at == open_[-1].occurred_at
    assert events[0].ats_event != open_[-1].ats_event


def test_who_withdrew_was_not_rejected(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    case = apply(vendor)
    vendor.disqualify(case, withdrew=True)
    found = connector.fetch_application(case)
    assert found.state is ApplicationState.WITHDRAWN
    assert found.notice_after is None


def test_who_was_hired_before_is_no_rejection_to_write_to(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    case = apply(vendor)
    vendor.candidates[case]["hired_at"] = vendor.candidates[case]["created_at"]
    assert connector.fetch_application(case).state is ApplicationState.HIRED
    vendor.disqualify(case)
    found = connector.fetch_application(case)
    assert (found.state, found.flags) == (ApplicationState.REJECTED, {Flag.OFFER_RESCINDED})


def test_who_was_sourced_counts_as_scouted(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    assert connector.fetch_application(apply(vendor, sourced=True)).channel is Channel.SCOUT


def test_tags_of_others_survive_ours(vendor: WorkableStandIn, connector: WorkableConnector) -> None:
    case = apply(vendor)
    vendor.candidates[case]["tags"] = ["vip", "再応募"]
    for _ in range(2):
        connector.report_registration(connector.fetch_application(case), REPORT)
    assert vendor.candidates[case]["tags"] == ["vip", "再応募", REPORT.tag]
    assert [comment["body"] for comment in vendor.comments[case]] == [REPORT.text]


def test_a_tag_that_vanished_meanwhile_is_noticed(
    vendor: WorkableStandIn, connector: WorkableConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = apply(vendor)
    real = vendor._change

    def racing(id_: str, **values: Any) -> None:
        real(id_, **values | ({"tags": values["tags"][1:]} if "tags" in values else {}))

    vendor.candidates[case]["tags"] = ["vip"]
    monkeypatch.setattr(vendor, "_change", racing)
    with pytest.raises(ApiResponseError, match="tags"):
        connector.report_registration(connector.fetch_application(case), REPORT)
    assert vendor.comments[case] == []


def test_an_attribute_that_is_not_on_the_job_stops_nothing(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    connector.settings = {**connector.settings, "report_attribute": "elsewhere"}
    case = apply(vendor)
    connector.report_registration(connector.fetch_application(case), REPORT)
    assert len(vendor.comments[case]) == 1
    assert vendor.attributes == {}


def test_the_eleventh_call_is_told_when_the_next_ten_begin(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    case = apply(vendor)
    now = utcnow()
    vendor.clock = lambda: now
    for _ in range(10):
        connector.fetch_application(case)
    with pytest.raises(ApiRateLimitedError) as refused:
        connector.fetch_application(case)
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 12


def hook(connector: WorkableConnector, body: Any) -> list[ApplicationEvent]:
    request = WebhookRequest("POST", "/", "", {}, json.dumps(body).encode(), utcnow())
    return connector.parse_webhook(request)


def test_a_web_hook_about_something_else_is_told_apart(connector: WorkableConnector) -> None:
    with pytest.raises(UnknownEventError):
        hook(connector, {"event_type": "employee_created", "data": {"id": "1"}})


def test_a_deletion_is_believed_only_where_the_record_is_gone(
    vendor: WorkableStandIn, connector: WorkableConnector
) -> None:
    case = apply(vendor)
    (event,) = hook(connector, {"event_type": "candidate_deleted", "data": {"id": case}})
    assert event.kind is EventKind.ERASED
    assert event.candidate_id is None
    assert connector.fetch_application(case).state is ApplicationState.ACTIVE
