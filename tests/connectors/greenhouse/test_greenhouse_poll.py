"""Poll and backfill over real HTTP: windows, pages, cursors, dates that must be right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiNotFoundError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiRequestError,
    ApiResponseError,
    ApplicationEvent,
    ApplicationState,
    EventKind,
    Flag,
    PollPage,
)
from careerrelay.connectors.greenhouse.connector import GreenhouseConnector
from careerrelay.connectors.greenhouse.standin import GreenhouseStandIn, filters

from .conftest import NOW, Clock, Connect

DAY = timedelta(days=1)


def walk(connector: GreenhouseConnector, cursor: Mapping[str, Any]) -> list[PollPage]:
    """All pages until there is no more; each cursor goes through JSON, as in the database."""
    pages = [connector.poll(cursor)]
    while pages[-1].more:
        pages.append(connector.poll(json.loads(json.dumps(dict(pages[-1].cursor)))))
        assert len(pages) < 100
    return pages


def events_of(pages: list[PollPage]) -> dict[str, ApplicationEvent]:
    return {event.application_id or "": event for page in pages for event in page.events}


def apply(greenhouse: GreenhouseStandIn, *, at: datetime, number: int = 0) -> int:
    return greenhouse.apply(
        "Haruka", "Mori", emails=[f"haruka{number}@example.com"], at=at, announce=False
    )


@pytest.fixture
def year(greenhouse: GreenhouseStandIn) -> list[int]:
    """320 applications in bursts over ten months, every second one rejected three days later."""
    ids = []
    for number in range(320):
        burst, place = divmod(number, 160)
        at = NOW - DAY * 300 + burst * DAY * 150 + place * timedelta(hours=2)
        ids.append(apply(greenhouse, at=at, number=number))
        if number % 2:
            greenhouse.reject(
                ids[-1], greenhouse.reason("Too Junior"), at=at + DAY * 3, announce=False
            )
    return ids


def test_backfill_brings_every_application_in_small_pages(
    connector: GreenhouseConnector, year: list[int]
) -> None:
    pages = walk(connector, {})
    found = events_of(pages)
    assert set(found) == {str(id_) for id_ in year}
    assert max(len(page.events) for page in pages) <= 50
    rejected = [e for e in found.values() if e.kind is EventKind.REJECTED]
    applied = [e for e in found.values() if e.kind is EventKind.APPLIED]
    assert (len(rejected), len(applied)) == (160, 160)
    assert all(e.application and e.application.candidate.emails for e in found.values())


def test_backfill_asks_for_details_in_groups_not_one_by_one(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, year: list[int]
) -> None:
    pages = walk(connector, {})
    lists = [path for _, path, _ in greenhouse.calls if path == "/v3/candidates"]
    assert len(lists) <= len(pages)
    assert len(greenhouse.calls) < len(year) / 3


def test_backfill_begins_as_far_back_as_the_setting_says(
    greenhouse: GreenhouseStandIn, connect: Connect
) -> None:
    old = apply(greenhouse, at=NOW - DAY * 61)
    new = apply(greenhouse, at=NOW - DAY * 59)
    assert set(events_of(walk(connect(backfill_months="2"), {}))) == {str(new)}
    assert set(events_of(walk(connect(backfill_months="3"), {}))) == {str(old), str(new)}


def test_poll_resumes_in_the_middle_of_a_window(connect: Connect, year: list[int]) -> None:
    """Another process, without anything in memory, goes on where the first one stopped."""
    first = connect().poll({"from": (NOW - DAY * 300).isoformat()})
    assert set(first.cursor) == {"from", "until", "page"}
    stored = json.loads(json.dumps(dict(first.cursor)))
    again, same = connect().poll(stored), connect().poll(stored)
    assert again.events == same.events
    assert again.events
    assert not {e.application_id for e in first.events} & {e.application_id for e in again.events}


def test_later_poll_brings_only_what_changed_since(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, clock: Clock, case: str
) -> None:
    other = apply(greenhouse, at=NOW - DAY)
    cursor = walk(connector, {})[-1].cursor
    clock.forward(timedelta(hours=1))
    greenhouse.reject(int(case), greenhouse.reason("Too Junior"))
    clock.forward(timedelta(minutes=1))
    found = events_of(walk(connector, cursor))
    assert set(found) == {case}
    assert str(other) not in found
    assert found[case].kind is EventKind.REJECTED


def test_windows_overlap_by_five_minutes(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, clock: Clock
) -> None:
    """A row that became visible late, or clocks that differ, lose nothing."""
    cursor = walk(connector, {})[-1].cursor
    late = apply(greenhouse, at=clock.now - timedelta(minutes=4))
    clock.forward(timedelta(minutes=1))
    assert set(events_of(walk(connector, cursor))) == {str(late)}


def test_unrejected_case_is_active_again(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, clock: Clock, case: str
) -> None:
    greenhouse.reject(int(case), greenhouse.reason("Too Junior"))
    clock.forward(DAY)
    greenhouse.unreject(int(case))
    found = events_of(walk(connector, {}))[case].application
    assert found
    assert (found.state, found.reason) == (ApplicationState.ACTIVE, None)
    assert found.changed_at == clock.now


def test_withdrawal_and_hire_are_told_apart(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    hired = greenhouse.apply("Riku", "Ito", emails=["riku@example.com"])
    greenhouse.hire(hired)
    greenhouse.withdraw(int(case))
    found = events_of(walk(connector, {}))
    kinds = (found[case].kind, found[str(hired)].kind)
    assert kinds == (EventKind.WITHDRAWN, EventKind.HIRED)


def test_prospect_is_told_but_did_not_apply_and_a_converted_one_is_left_out(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    person = greenhouse.application(int(case))["candidate_id"]
    prospect = greenhouse.apply_again(person, prospect=True)
    converted = greenhouse.apply_again(person, prospect=True)
    greenhouse.records.cases[converted].status = "converted"
    found = events_of(walk(connector, {}))
    assert found[str(prospect)].kind is EventKind.CHANGED
    assert str(converted) not in found


def test_person_the_acting_user_may_not_see_is_private(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    del greenhouse.records.people[greenhouse.application(int(case))["candidate_id"]]
    found = events_of(walk(connector, {}))[case].application
    assert found
    assert (found.flags, found.candidate.emails) == ({Flag.PRIVATE}, ())


def test_rows_outside_the_asked_window_are_refused(
    greenhouse: GreenhouseStandIn,
    connector: GreenhouseConnector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when Greenhouse ignores a date filter in silence and answers 200 with everything."""
    apply(greenhouse, at=NOW - DAY * 700)
    monkeypatch.setattr(filters, "DATE_FILTERS", ())
    with pytest.raises(ApiResponseError, match="without the updated_at filter applied"):
        connector.poll({})


def test_refused_cursor_restarts_its_window_once(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    begun = {"from": (NOW - DAY).isoformat(), "until": NOW.isoformat(), "page": "gone"}
    restarted = connector.poll(begun)
    assert (restarted.events, restarted.more) == ((), True)
    assert set(events_of([connector.poll(restarted.cursor)])) == {case}
    with pytest.raises(ApiRequestError):
        connector.poll({**restarted.cursor, "page": "gone too"})


def test_next_page_is_asked_for_with_the_cursor_alone(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, year: list[int]
) -> None:
    """The stand-in answers 422 to a cursor in company, as Greenhouse does."""
    assert any("page" in page.cursor for page in walk(connector, {}))
    assert 422 not in [status for _, _, status in greenhouse.calls]


def test_missing_scope_is_named(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector
) -> None:
    greenhouse.scopes.remove("harvest:applications:list")
    with pytest.raises(ApiPermissionError, match="harvest:applications:list"):
        connector.poll({})


def test_used_up_window_says_how_long_to_wait(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, clock: Clock
) -> None:
    greenhouse.window_calls = 3
    for _ in range(3):
        connector.poll({"from": NOW.isoformat()})
    clock.forward(timedelta(seconds=10))
    with pytest.raises(ApiRateLimitedError) as limited:
        connector.poll({"from": NOW.isoformat()})
    assert limited.value.retry_after
    assert 20 <= limited.value.retry_after <= 21
    clock.forward(timedelta(seconds=21))
    connector.poll({"from": NOW.isoformat()})


@pytest.mark.parametrize("answer", [b"<html>busy</html>", b"", b'{"message": "Accepted"}', b"[1]"])
def test_answer_that_is_no_list_is_not_believed(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, answer: bytes
) -> None:
    greenhouse.fail_next(path="/v3/applications", status=200, body=answer)
    with pytest.raises(ApiResponseError):
        connector.poll({})


def test_unknown_status_is_not_guessed(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.records.cases[int(case)].status = "paused"
    [event] = connector.poll({"from": NOW.isoformat()}).events
    assert (event.kind, event.application) == (EventKind.CHANGED, None)
    assert event.ats_event.startswith(f"unreadable row {case}: with a status")
    with pytest.raises(ApiResponseError, match="status"):
        connector.fetch_application(case)


def test_deleted_application_is_not_found(
    greenhouse: GreenhouseStandIn, connector: GreenhouseConnector, case: str
) -> None:
    greenhouse.delete_application(int(case))
    with pytest.raises(ApiNotFoundError):
        connector.fetch_application(case)
