"""The queue hands its events out once; a worker may die at any line and nothing is lost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiError,
    ApiNotFoundError,
    ApiRequestError,
    EventKind,
    PollPage,
)
from careerrelay.connectors.bullhorn.connector import BullhornConnector
from careerrelay.connectors.bullhorn.standin import BullhornStandIn

from .conftest import Clock, Open

REJECTED = "Client Rejected"


def apply(vendor: BullhornStandIn, **more: Any) -> str:
    return vendor.apply(name="Hanako Example", email="hanako@example.jp", **more)


def stored(page: PollPage) -> dict[str, Any]:
    """The cursor as it comes back from the database."""
    return json.loads(json.dumps(page.cursor))


def kinds(page: PollPage) -> dict[str, EventKind]:
    return {event.application_id or event.candidate_id or "": event.kind for event in page.events}


def walk(
    connector: BullhornConnector, cursor: dict[str, Any]
) -> tuple[dict[str, EventKind], dict[str, Any]]:
    """What the engine does: each page's cursor is stored, until there is no more."""
    found: dict[str, EventKind] = {}
    more = True
    while more:
        page = connector.poll(cursor)
        found |= kinds(page)
        cursor, more = stored(page), page.more
    return found, cursor


@pytest.fixture
def cursor(opened: Open) -> dict[str, Any]:
    """Of a connection whose past is known and whose queue is empty."""
    return walk(opened(), {})[1]


def test_events_that_a_dead_worker_took_are_read_again(
    vendor: BullhornStandIn, opened: Open, cursor: dict[str, Any]
) -> None:
    case = apply(vendor)
    vendor.set_status(case, REJECTED)
    taken = opened().poll(cursor)  # and nothing of it is stored
    assert kinds(taken) == {case: EventKind.REJECTED}
    assert vendor.subscriptions["careerrelay"]["events"] == []
    later = apply(vendor)
    found, cursor = walk(opened(), cursor)
    assert found == {case: EventKind.REJECTED, later: EventKind.APPLIED}
    assert walk(opened(), cursor)[0] == {}


def test_worker_that_dies_twice_loses_nothing(
    vendor: BullhornStandIn, opened: Open, cursor: dict[str, Any]
) -> None:
    cases = [apply(vendor) for _ in range(3)]
    for _ in range(2):
        assert set(kinds(opened().poll(cursor))) == set(cases)
    assert set(walk(opened(), cursor)[0]) == set(cases)


@pytest.mark.parametrize("at", range(8))
def test_every_answer_may_be_lost(
    vendor: BullhornStandIn, opened: Open, cursor: dict[str, Any], at: int
) -> None:
    """The vendor does what it was asked, and nobody hears of it: on any call of two rounds."""
    cases = [apply(vendor) for _ in range(130)]
    for case in cases[:40]:
        vendor.set_status(case, REJECTED)
    vendor.edit_person(cases[-1], isAnonymized=True)
    vendor.fail_next(status=502, skip=at, after_effect=True)
    found: dict[str, EventKind] = {}
    for _ in range(2):
        connector, more = opened(), True
        try:
            while more:
                page = connector.poll(cursor)
                found |= kinds(page)
                cursor, more = stored(page), page.more
        except ApiError:
            continue
    assert vendor.faults_left == 0
    assert {case for case in cases if case in found} == set(cases)
    assert [found[case] for case in cases[:40]] == [EventKind.REJECTED] * 40
    assert str(vendor.archive.person_of(int(cases[-1]))["id"]) in found


def test_worker_that_dies_between_every_two_pages_ends_where_others_do(
    vendor: BullhornStandIn, opened: Open
) -> None:
    """From the first day on: each page is asked for, thrown away, and asked for by another."""
    cases = [apply(vendor) for _ in range(4)]
    cursor: dict[str, Any] = {}
    found: dict[str, EventKind] = {}
    more = True
    while more:
        opened().poll(cursor)
        if len(cases) < 8:
            cases.append(apply(vendor))
            vendor.set_status(cases[-1], REJECTED)
        page = opened().poll(cursor)
        found |= kinds(page)
        cursor, more = stored(page), page.more
    assert set(found) == set(cases)
    assert [found[case] for case in cases[4:]] == [EventKind.REJECTED] * len(cases[4:])


def test_kill_after_the_subscription_and_before_its_cursor(
    vendor: BullhornStandIn, opened: Open
) -> None:
    opened().poll({})
    case = apply(vendor)
    opened().poll({})
    assert set(walk(opened(), {})[0]) == {case}


def test_other_workers_lost_batch_is_noticed(
    vendor: BullhornStandIn, opened: Open, cursor: dict[str, Any]
) -> None:
    """Only within one walk, under the engine's lock, a worker may know that nothing was lost."""
    mine = opened()
    first = apply(vendor)
    page = mine.poll(cursor)
    second = apply(vendor)
    other = opened().poll(stored(page))
    assert set(kinds(other)) == {second}
    third = apply(vendor)
    assert set(walk(opened(), stored(page))[0]) == {second, third}
    assert set(kinds(page)) == {first}


def test_within_one_walk_the_last_id_is_asked_for_once(
    vendor: BullhornStandIn, opened: Open, cursor: dict[str, Any]
) -> None:
    for _ in range(250):
        apply(vendor)
    before = len(vendor.calls)
    found, _ = walk(opened(), cursor)
    made = [path.rpartition("/")[2] for _, path, _ in vendor.calls[before:]]
    assert len(found) == 250
    assert made.count("lastRequestId") == 1
    assert len(made) == 1 + 3 + 3  # that, three batches, three reads


def test_queue_that_is_gone_is_made_again_and_searched_for(
    vendor: BullhornStandIn, opened: Open, cursor: dict[str, Any]
) -> None:
    case = apply(vendor)
    vendor.lose_queue()
    found, cursor = walk(opened(), cursor)
    assert found == {case: EventKind.APPLIED}
    vendor.set_status(case, REJECTED)
    assert walk(opened(), cursor)[0] == {case: EventKind.REJECTED}


def test_queue_that_began_anew_is_searched_for(
    vendor: BullhornStandIn, opened: Open, cursor: dict[str, Any]
) -> None:
    """Somebody deleted and made the subscription: its ids begin at nothing again."""
    apply(vendor)
    _, cursor = walk(opened(), cursor)
    vendor.lose_queue()
    case = apply(vendor)
    vendor.subscriptions["careerrelay"] = {
        "last": 0,
        "events": [],
        "batch": None,
        "used": vendor.clock(),
    }
    assert case in walk(opened(), cursor)[0]


def test_events_older_than_the_queue_keeps_are_searched_for(
    vendor: BullhornStandIn, clock: Clock, opened: Open, cursor: dict[str, Any]
) -> None:
    case = apply(vendor)
    vendor.set_status(case, REJECTED)
    clock.now += timedelta(days=31)
    assert walk(opened(), cursor)[0] == {case: EventKind.REJECTED}


def test_what_a_queue_drops_without_a_word_is_found_within_a_day(
    vendor: BullhornStandIn, clock: Clock, opened: Open, cursor: dict[str, Any]
) -> None:
    case = apply(vendor)
    vendor.subscriptions["careerrelay"]["events"].clear()
    found, cursor = walk(opened(), cursor)
    assert found == {}
    clock.now += timedelta(days=1)
    assert walk(opened(), cursor)[0] == {case: EventKind.APPLIED}


@pytest.mark.parametrize(("status", "error"), [(404, ApiNotFoundError), (400, ApiRequestError)])
def test_queue_that_cannot_be_read_at_all_is_shown_and_costs_no_endless_searches(
    vendor: BullhornStandIn,
    opened: Open,
    cursor: dict[str, Any],
    status: int,
    error: type[ApiError],
) -> None:
    lost = "/rest-services/e999/event/subscription/careerrelay/lastRequestId"
    case = apply(vendor)
    vendor.fail_next(times=4, status=status, path=lost)
    page = opened().poll(cursor)
    while page.cursor["until"]:
        page = opened().poll(stored(page))
    assert page.cursor["fresh"]
    for _ in range(3):
        before = len(vendor.calls)
        with pytest.raises(error):
            opened().poll(stored(page))
        assert len(vendor.calls) == before + 2
    assert case in walk(opened(), stored(page))[0]


def test_search_survives_a_kill_and_many_rows_of_one_moment(
    vendor: BullhornStandIn, clock: Clock, opened: Open
) -> None:
    moment = clock.now
    cases = []
    for _ in range(1203):
        clock.now = moment  # a mass update
        cases.append(apply(vendor))
    cases += [apply(vendor) for _ in range(3)]
    cursor: dict[str, Any] = {}
    found: set[str] = set()
    more = True
    while more:
        opened().poll(cursor)
        page = opened().poll(cursor)
        found |= set(kinds(page))
        cursor, more = stored(page), page.more
    assert found == set(cases)


def test_row_that_changes_during_the_search_is_not_missed(
    vendor: BullhornStandIn, opened: Open
) -> None:
    cases = [apply(vendor) for _ in range(700)]
    connector = opened()
    cursor = stored(connector.poll({}))
    page = connector.poll(cursor)
    vendor.edit(cases[0], customText9="x")
    vendor.subscriptions["careerrelay"]["events"].clear()
    found = set(kinds(page)) | set(walk(opened(), stored(page))[0])
    assert found == set(cases)
