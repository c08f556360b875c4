"""What is peculiar to JazzHR: nothing says what changed or when, and lists change their shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import ApplicationState
from careerrelay.connectors.jazzhr.connector import JazzHrConnector
from careerrelay.connectors.jazzhr.standin import JazzHrStandIn, settings

from ..company import SECOND, Clock, again, opened, walk

REJECTED, WITHDREW, NEW = "2876534", "2876535", "2876530"


@pytest.fixture
def vendor() -> JazzHrStandIn:
    return JazzHrStandIn(clock=Clock(step=SECOND))


@pytest.fixture
def connector(vendor: JazzHrStandIn) -> Iterator[JazzHrConnector]:
    with vendor.serve() as url:
        given = settings(vendor, url)
        with opened(JazzHrConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: JazzHrStandIn) -> str:
    return vendor.apply(given_name="花子", family_name="見本", email="h@example.jp", job="営業")


def sweep(
    connector: JazzHrConnector, cursor: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    found, later = walk(connector, cursor)
    return [(event.application_id, event.ats_event) for event in found], later


def test_who_had_ended_before_the_connection_is_left_alone(
    vendor: JazzHrStandIn, connector: JazzHrConnector
) -> None:
    old, other = apply(vendor), apply(vendor)
    vendor.move(old, REJECTED)
    found, cursor = sweep(connector, {})
    assert found == []
    vendor.move(other, REJECTED)
    assert sweep(connector, cursor)[0] == [(other, "rejected")]


def test_each_change_is_told_once_even_there_and_back(
    vendor: JazzHrStandIn, connector: JazzHrConnector
) -> None:
    case = apply(vendor)
    _, cursor = sweep(connector, {})
    told = []
    for step in (REJECTED, REJECTED, NEW, NEW, REJECTED, WITHDREW, WITHDREW):
        vendor.move(case, step)
        found, cursor = sweep(connector, cursor)
        told.append([state for _, state in found])
    assert told == [["rejected"], [], ["active"], [], ["rejected"], ["withdrawn"], []]


def test_lists_of_none_one_and_many_pages_are_walked(
    vendor: JazzHrStandIn, connector: JazzHrConnector
) -> None:
    assert sweep(connector, {})[0] == []
    cases = [apply(vendor) for _ in range(201)]
    _, cursor = sweep(connector, {})
    vendor.move(cases[0], REJECTED)
    vendor.move(cases[200], WITHDREW)
    assert sweep(connector, cursor)[0] == [(cases[0], "rejected"), (cases[200], "withdrawn")]


def test_step_that_comes_to_mean_a_rejection_rejects_nobody_afterwards(
    vendor: JazzHrStandIn, connector: JazzHrConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, WITHDREW)
    given = {**connector.settings, "withdrawn_statuses": ""}
    before = again(connector, **given)
    _, cursor = sweep(before, {})
    given["rejected_statuses"] = "Not Hired - Candidate Withdrew"
    after = again(connector, **given)
    found, cursor = sweep(after, cursor)
    assert found == []
    assert sweep(after, cursor)[0] == []


def test_who_slips_to_a_page_that_was_read_is_not_new_the_next_time(
    vendor: JazzHrStandIn, connector: JazzHrConnector
) -> None:
    """Somebody who had ended before the connection would be written to."""
    cases = [apply(vendor) for _ in range(102)]
    vendor.move(cases[100], REJECTED)
    _, cursor = sweep(connector, {})
    first_page = connector.poll(cursor).cursor
    vendor.delete(cases[0])
    found, cursor = sweep(connector, first_page)
    assert (found, sweep(connector, cursor)[0]) == ([], [])
    vendor.move(cases[100], NEW)
    assert sweep(connector, cursor)[0] == [(cases[100], "active")]


def test_one_call_per_hundred_rows_and_per_step(
    vendor: JazzHrStandIn, connector: JazzHrConnector
) -> None:
    for _ in range(50):
        vendor.move(apply(vendor), REJECTED)
    sweep(connector, {})
    assert [path for _, path, _ in vendor.calls].count("/v1/applicants2jobs/page/1") == 1
    assert len(vendor.calls) == 2


def test_second_look_does_not_put_the_notice_off(
    vendor: JazzHrStandIn, connector: JazzHrConnector
) -> None:
    """JazzHR has no time of the rejection; a delay counted from each look would never end."""
    case = apply(vendor)
    _, cursor = sweep(connector, {})
    vendor.move(case, REJECTED)
    (event,) = connector.poll(cursor).events
    assert event.notice_after is not None
    assert event.notice_after - event.occurred_at == pytest.approx(
        timedelta(days=7), abs=timedelta(seconds=5)
    )
    found = connector.fetch_application(case)
    assert (found.state, found.notice_after) == (ApplicationState.REJECTED, None)


def test_deleted_applicant_says_nothing(vendor: JazzHrStandIn, connector: JazzHrConnector) -> None:
    case = apply(vendor)
    vendor.move(case, REJECTED)
    _, cursor = sweep(connector, {})
    vendor.delete(case)
    assert sweep(connector, cursor)[0] == []


def test_unknown_user_is_told(vendor: JazzHrStandIn, connector: JazzHrConnector) -> None:
    other = again(connector, user_id="usr_gone")
    failed = [check for check in other.check() if not check.ok]
    assert [check.name for check in failed] == ["user_id"]
