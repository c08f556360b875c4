"""What is peculiar to BambooHR: statuses that the company explains, a list without times,
comments that can only be counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiPermissionError,
    ApiUnavailableError,
    ApplicationState,
    EventKind,
    RegistrationReport,
)
from careerrelay.connectors.bamboohr.connector import BambooHrConnector
from careerrelay.connectors.bamboohr.standin import (
    BASE,
    DECLINED,
    HIRED,
    REVIEWED,
    UNFIT,
    BambooHrStandIn,
)

from ..company import Clock, opened, walk

REPORT = RegistrationReport("CR-1", "CareerRelay: registered. [CR-1]", "CareerRelay registered")


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 4, 10, tzinfo=UTC))


@pytest.fixture
def vendor(clock: Clock) -> BambooHrStandIn:
    return BambooHrStandIn(clock=clock)


@pytest.fixture
def connector(vendor: BambooHrStandIn) -> Iterator[BambooHrConnector]:
    with vendor.serve() as url:
        given = {
            "api_url": url,
            "api_key": vendor.key,
            "rejected_status_ids": f"{UNFIT}",
            "withdrawn_status_ids": f"{DECLINED}",
        }
        with opened(BambooHrConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: BambooHrStandIn, **more: str) -> str:
    return vendor.apply(
        given="Hanako", family="Example", email="hanako@example.jp", job="営業", **more
    )


def test_all_pages_are_called_and_nobody_twice(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    vendor.page_size = 5
    cases = [apply(vendor) for _ in range(120)]
    for case in cases:
        vendor.put(case, UNFIT)
    events, cursor = walk(connector, {})
    assert sorted(event.application_id or "" for event in events) == sorted(cases)
    assert len(vendor.calls) == 24
    assert walk(connector, cursor)[0] == []


def test_a_long_list_is_stored_every_ten_pages(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    vendor.page_size = 5
    for _ in range(120):
        vendor.put(apply(vendor), UNFIT)
    page = connector.poll({})
    assert (len(page.events), len(vendor.calls), page.more) == (50, 10, True)


def test_a_status_in_no_setting_is_never_a_rejection(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    case = apply(vendor)
    for status in (REVIEWED, HIRED):
        vendor.put(case, status)
        assert connector.fetch_application(case).state is ApplicationState.ACTIVE
    assert walk(connector, {})[0] == []


def test_who_declined_after_a_rejection_withdrew(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    case = apply(vendor)
    vendor.put(case, UNFIT)
    _, cursor = walk(connector, {})
    vendor.put(case, DECLINED)
    (hint, event), cursor = walk(connector, cursor)
    assert (hint.ats_event, event.kind) == (f"status {DECLINED}", EventKind.WITHDRAWN)
    assert connector.fetch_application(case).state is ApplicationState.WITHDRAWN
    assert walk(connector, cursor)[0] == []


def test_a_rejection_taken_back_and_made_again_is_news_each_time(
    vendor: BambooHrStandIn, connector: BambooHrConnector, clock: Clock
) -> None:
    case = apply(vendor)
    cursor: dict[str, Any] = {}
    kinds = []
    for status in (UNFIT, REVIEWED, UNFIT):
        clock.now += timedelta(hours=1)
        vendor.put(case, status)
        (event,), cursor = walk(connector, cursor)
        kinds.append(event.kind)
    assert kinds == [EventKind.CHANGED, EventKind.APPLIED, EventKind.CHANGED]


def test_who_is_deleted_is_forgotten_as_a_person(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    case = apply(vendor)
    vendor.put(case, UNFIT)
    _, cursor = walk(connector, {})
    vendor.delete(case)
    (event,), cursor = walk(connector, cursor)
    assert (event.kind, event.application_ids) == (EventKind.ERASED, (case,))
    assert event.candidate_id
    assert walk(connector, cursor)[0] == []


def test_who_grew_too_old_for_the_list_is_not_taken_for_deleted(
    vendor: BambooHrStandIn, connector: BambooHrConnector, clock: Clock
) -> None:
    vendor.put(apply(vendor), UNFIT)
    _, cursor = walk(connector, {})
    clock.now += timedelta(days=400)
    (event,), cursor = walk(connector, cursor)
    assert event.kind is EventKind.REJECTED
    assert walk(connector, cursor) == ([], {**cursor, "since": cursor["since"]})


def test_who_slipped_between_two_pages_stays_known(
    vendor: BambooHrStandIn, connector: BambooHrConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.connectors.bamboohr.connector.PAGES", 1)
    vendor.page_size = 2
    cases = [apply(vendor) for _ in range(4)]
    for case in cases:
        vendor.put(case, UNFIT)
    _, cursor = walk(connector, {})
    first = connector.poll(cursor)
    vendor.put(cases[-1], REVIEWED)
    events, cursor = walk(connector, dict(first.cursor))
    assert [event.kind for event in events] == [EventKind.REJECTED]
    events, cursor = walk(connector, cursor)
    assert [event.kind for event in events] == [EventKind.APPLIED]
    assert sorted(cursor["known"]) == sorted(f"{case}:{UNFIT}" for case in cases[:-1])


def test_one_comment_among_those_of_colleagues_however_often_it_is_tried(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    case = apply(vendor)
    vendor.comment(case, "Call her")
    application = connector.fetch_application(case)
    comments = f"{BASE}/applications/{case}/comments"
    vendor.fail_next(status=500, path=comments)
    vendor.fail_next(status=502, path=comments, after_effect=True)
    for _ in range(2):
        with pytest.raises(ApiUnavailableError):
            connector.report_registration(application, REPORT)
    for _ in range(2):
        connector.report_registration(application, REPORT)
    assert vendor.comments[int(case)] == ["Call her", REPORT.text]


def test_a_second_report_on_the_same_record_is_written_too(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    case = apply(vendor)
    second = RegistrationReport("CR-2", "Again. [CR-2]", REPORT.tag)
    for report in (REPORT, second, REPORT, second):
        connector.report_registration(connector.fetch_application(case), report)
    assert vendor.comments[int(case)] == [REPORT.text, second.text]


def test_a_key_whose_user_lost_the_settings_is_told_what_to_give(
    vendor: BambooHrStandIn, connector: BambooHrConnector
) -> None:
    vendor.may = False
    with pytest.raises(ApiPermissionError, match="applicant tracking settings"):
        connector.poll({})
    assert {check.ok for check in connector.check() if check.name != "api_key"} == {False}
