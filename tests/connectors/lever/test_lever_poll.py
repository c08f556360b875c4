"""Polling as the only source: everything the web hooks tell, over real HTTP."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors.lever.connector import LeverConnector
from careerrelay.connectors.lever.poll import LOOKS_PER_ROUND, WATCHED
from careerrelay.connectors.lever.standin import LeverStandIn
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import ApiResponseError, ApiUnavailableError
from careerrelay.models.events import ApplicationEvent, EventKind

from .conftest import Clock, Connect

Cursor = Mapping[str, Any]


def polled(
    connector: LeverConnector, cursor: Cursor | None = None
) -> tuple[list[ApplicationEvent], Cursor]:
    """One round, with the cursor stored as JSON between any two pages."""
    events: list[ApplicationEvent] = []
    saved: Cursor = cursor or {}
    for _ in range(500):
        page = connector.poll(json.loads(json.dumps(saved)))
        events += page.events
        saved = page.cursor
        if not page.more:
            return events, saved
    raise AssertionError("the round does not end")


def kinds(events: list[ApplicationEvent], case: str) -> list[EventKind]:
    return [event.kind for event in events if event.application_id == case]


@pytest.fixture
def posting(lever: LeverStandIn) -> str:
    return lever.account.add_posting("Engineer")


def apply(lever: LeverStandIn, posting: str, *, number: int = 1) -> str:
    return lever.account.apply(
        posting, name=f"Person {number}", email=f"person{number}@example.com"
    )


def crowd(lever: LeverStandIn, posting: str, *, size: int) -> list[str]:
    """That many rejections, one every hour up to now."""
    now = lever.clock()
    cases = []
    for number in range(size):
        at = now - timedelta(hours=size - number)
        case = lever.account.apply(
            posting, name=f"Person {number}", email=f"person{number}@example.com", at=at
        )
        lever.account.archive(case, at=at + timedelta(minutes=30))
        cases.append(case)
    return cases


def test_opportunity_that_cannot_be_read_stops_no_other(
    lever: LeverStandIn, posting: str, connector: LeverConnector
) -> None:
    cases = crowd(lever, posting, size=3)
    lever.account.opportunities[cases[1]]["urls"] = "nowhere"
    events, _ = polled(connector)
    told = [set(kinds(events, case)) for case in cases]
    assert told == [{EventKind.REJECTED}, {EventKind.CHANGED}, {EventKind.REJECTED}]
    odd, *same = (event for event in events if event.application_id == cases[1])
    assert odd.ats_event.endswith("not as the vendor documents it: urls")
    assert all(event == odd for event in same), "two lists show it, and it is one signal"
    with pytest.raises(ApiResponseError, match="urls"):
        connector.fetch_application(cases[1])


def test_the_first_round_brings_the_history(
    lever: LeverStandIn, posting: str, connector: LeverConnector
) -> None:
    rejected, hired, active = (apply(lever, posting, number=n) for n in range(3))
    lever.account.archive(rejected)
    lever.account.hire(hired)
    events, _ = polled(connector)
    assert kinds(events, rejected) == [EventKind.REJECTED]
    assert kinds(events, hired) == [EventKind.HIRED]
    assert kinds(events, active) == [EventKind.APPLIED]
    assert all(event.application is not None for event in events)


def test_several_hundred_survive_a_restart_in_the_middle(
    lever: LeverStandIn, posting: str, connect: Connect
) -> None:
    cases = crowd(lever, posting, size=350)
    first = connect()
    page = first.poll({})
    page2 = first.poll(page.cursor)
    lever.fail_next(path="/v1/opportunities", status=502)
    with pytest.raises(ApiUnavailableError):
        first.poll(page2.cursor)
    rest, _ = polled(connect(), json.loads(json.dumps(page2.cursor)))
    events = [*page.events, *page2.events, *rest]
    found = Counter(e.application_id for e in events if e.kind is EventKind.REJECTED)
    assert found == dict.fromkeys(cases, 1)


def test_a_page_walked_again_says_the_same(
    lever: LeverStandIn, posting: str, connect: Connect
) -> None:
    """Killed before the cursor was stored: the page comes again, equal to the last bit."""
    crowd(lever, posting, size=120)
    page = connect().poll({})
    second, again = connect().poll(page.cursor), connect().poll(page.cursor)
    assert second.events == again.events
    assert second.cursor == again.cursor


def test_the_titles_of_a_crowd_cost_one_call_each_job(
    lever: LeverStandIn, posting: str, connector: LeverConnector
) -> None:
    crowd(lever, posting, size=250)
    polled(connector)
    paths = Counter(path for _, path, _ in lever.calls)
    assert paths[f"/v1/postings/{posting}"] == 1
    assert paths["/v1/archive_reasons"] == 1


def test_later_rounds_bring_what_is_new(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    old = apply(lever, posting)
    lever.account.archive(old)
    _, cursor = polled(connector)
    clock.now += timedelta(hours=1)
    late, new = apply(lever, posting, number=2), apply(lever, posting, number=3)
    lever.account.archive(late)
    events, cursor = polled(connector, cursor)
    assert kinds(events, late) == [EventKind.REJECTED]
    assert kinds(events, new) == [EventKind.APPLIED]
    clock.now += timedelta(hours=1)
    lever.account.archive(new)
    events, _ = polled(connector, cursor)
    assert kinds(events, new) == [EventKind.REJECTED]
    assert kinds(events, old) == []


def test_what_lever_lists_a_few_minutes_late_is_not_lost(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    seen, slow = apply(lever, posting), apply(lever, posting, number=2)
    lever.account.archive(seen)
    _, cursor = polled(connector)
    lever.account.archive(slow, at=clock.now - timedelta(minutes=5))
    events, _ = polled(connector, cursor)
    assert kinds(events, slow) == [EventKind.REJECTED]


def test_the_history_ends_where_the_setting_says(
    lever: LeverStandIn, posting: str, clock: Clock, connect: Connect
) -> None:
    old = lever.account.apply(
        posting, name="Old", email="old@example.com", at=clock.now - timedelta(days=40)
    )
    lever.account.archive(old, at=clock.now - timedelta(days=31))
    assert kinds(polled(connect(history_days="30"))[0], old) == []
    assert kinds(polled(connect(history_days="32"))[0], old) == [EventKind.REJECTED]


def test_an_archiving_taken_back_is_told(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    case = apply(lever, posting)
    lever.account.archive(case)
    _, cursor = polled(connector)
    clock.now += timedelta(hours=1)
    lever.account.unarchive(case)
    events, cursor = polled(connector, cursor)
    (event,) = [event for event in events if event.kind is EventKind.UNREJECTED]
    assert event.application is not None
    assert event.application.state is ApplicationState.ACTIVE
    events, _ = polled(connector, cursor)
    assert EventKind.UNREJECTED not in kinds(events, case)


def test_it_is_told_even_if_lever_does_not_move_the_update_time(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    """Which changes move updatedAt is not documented, so known ids are looked at again."""
    case = apply(lever, posting)
    lever.account.archive(case)
    record = lever.account.opportunities[case]
    archived_at = record["archived"]["archivedAt"]
    record["updatedAt"] = archived_at - 1000
    _, cursor = polled(connector)
    clock.now += timedelta(hours=1)
    record["archived"] = None
    events, _ = polled(connector, cursor)
    (event,) = [event for event in events if event.kind is EventKind.UNREJECTED]
    assert event.occurred_at.timestamp() * 1000 > archived_at


def test_looking_again_ends_after_the_days_of_the_setting(
    lever: LeverStandIn, posting: str, clock: Clock, connect: Connect
) -> None:
    connector = connect(unarchive_watch_days="2")
    case = apply(lever, posting)
    lever.account.archive(case)
    _, cursor = polled(connector)
    assert len(cursor["watch"]) == 1
    clock.now += timedelta(days=3)
    _, cursor = polled(connector, cursor)
    assert cursor["watch"] == []


def test_looking_again_has_an_upper_bound(
    lever: LeverStandIn, posting: str, connect: Connect
) -> None:
    crowd(lever, posting, size=WATCHED + 60)
    connector = connect(unarchive_watch_days="100")
    _, cursor = polled(connector)
    assert len(cursor["watch"]) == WATCHED
    before = len(lever.calls)
    polled(connector, cursor)
    looks = [p for _, p, _ in lever.calls[before:] if p.count("/") == 3 and "deleted" not in p]
    assert len(looks) == LOOKS_PER_ROUND


def test_what_a_round_sees_archived_is_not_looked_at_again_before_the_next(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    case = apply(lever, posting)
    _, cursor = polled(connector)
    lever.account.archive(case)
    looks = []
    for _ in range(2):
        clock.now += timedelta(hours=1)
        before = len(lever.calls)
        _, cursor = polled(connector, cursor)
        looks.append(
            sum(path.endswith(f"/opportunities/{case}") for _, path, _ in lever.calls[before:])
        )
    assert looks == [0, 1]


def test_every_watched_case_gets_its_turn(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    cases = crowd(lever, posting, size=LOOKS_PER_ROUND * 2 + 10)
    _, cursor = polled(connector)
    for case in cases:
        lever.account.opportunities[case]["archived"] = None
    told: set[str | None] = set()
    for _ in range(3):
        clock.now += timedelta(hours=1)
        events, cursor = polled(connector, cursor)
        told |= {e.application_id for e in events if e.kind is EventKind.UNREJECTED}
    assert told == set(cases)


def test_deleted_cases_are_erased(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    case, kept = apply(lever, posting), apply(lever, posting, number=2)
    lever.account.archive(case)
    lever.account.archive(kept)
    _, cursor = polled(connector)
    clock.now += timedelta(hours=1)
    lever.account.delete(case)
    events, cursor = polled(connector, cursor)
    (event,) = [event for event in events if event.kind is EventKind.ERASED]
    assert (event.application_id, event.candidate_id) == (case, None)
    assert [watched for watched, _ in cursor["watch"]] == [kept]


def test_deletions_are_asked_for_in_windows_lever_answers(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    """After months without polling: the stand-in refuses windows over 30 days."""
    first = apply(lever, posting)
    _, cursor = polled(connector)
    clock.now += timedelta(days=10)
    lever.account.delete(first)
    clock.now += timedelta(days=100)
    events, _ = polled(connector, cursor)
    assert EventKind.ERASED in kinds(events, first)
    assert 400 not in {status for *_, status in lever.calls}


def test_anonymised_people_are_erased(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    case = apply(lever, posting)
    lever.account.archive(case)
    _, cursor = polled(connector)
    clock.now += timedelta(days=20)
    lever.account.anonymise(case)
    events, _ = polled(connector, cursor)
    # Several lists may show it; equal events are one signal.
    (event,) = {event for event in events if event.kind is EventKind.ERASED}
    assert event.candidate_id == lever.account.opportunities[case]["contact"]
    assert event.application is not None
    assert event.application.candidate.emails == ()


def test_lists_are_asked_for_in_full_pages_with_what_the_snapshot_needs(
    lever: LeverStandIn, posting: str, connector: LeverConnector
) -> None:
    crowd(lever, posting, size=150)
    page = connector.poll({})
    assert len(page.events) == 100
    event = page.events[0]
    assert event.application is not None
    assert event.application.job is not None
    assert event.application.stage_text == "New applicant"


def test_a_case_that_turned_confidential_is_not_taken_for_deleted(
    lever: LeverStandIn, posting: str, clock: Clock, connector: LeverConnector
) -> None:
    case = apply(lever, posting)
    lever.account.archive(case)
    _, cursor = polled(connector)
    clock.now += timedelta(hours=1)
    lever.account.hide(case)
    events, _ = polled(connector, cursor)
    assert kinds(events, case) == []
