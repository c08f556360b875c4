"""Polling over real HTTP: nothing missed, nothing doubled, told for what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from careerrelay.connectors.herp.connector import HerpConnector
from careerrelay.models.candidates import ApplicationState, Channel, RejectionSide
from careerrelay.models.errors import (
    ApiNotFoundError,
    ApiUnavailableError,
)
from careerrelay.models.events import EventKind

from .conftest import START, Tenant, ids

# The walk


def test_a_rejection_is_read_with_address_reason_and_job_title(tenant: Tenant) -> None:
    candidacy = tenant.person(1, step="finalInterview")
    tenant.standin.reject(candidacy, at=START)
    events, _ = tenant.poll_until_done(connect=lambda: tenant.connect(tenant="mihon"))
    [event] = {e.application_id: e for e in events}.values()
    application = event.application
    assert application is not None
    assert (event.kind, event.occurred_at) == (EventKind.REJECTED, START)
    assert application.candidate.emails == ("mihon1@example.jp",)
    assert application.candidate.display_name("ja") == "見本 1"
    assert application.job is not None
    assert application.job.title == "バックエンドエンジニア"
    assert application.reason is not None
    assert application.reason.side is RejectionSide.COMPANY
    url = f"https://mihon.v1.herp.cloud/ats/p/candidacies/id/{candidacy}#detail"
    assert application.ats_url == url


@pytest.mark.parametrize("restart_every", [0, 1, 3])
def test_no_rejection_is_missed_while_others_are_inserted(
    tenant: Tenant, restart_every: int
) -> None:
    """Six pages; after every page read, cases end above, at and below the place of reading."""
    rejected = {tenant.rejected(n, days_ago=n / 4) for n in range(600)}
    waiting = [tenant.person(1000 + n, days_ago=n * 2.5) for n in range(60)]

    def end_some(_page: int) -> None:
        for _ in range(min(4, len(waiting))):
            rejected.add(_ended(tenant, waiting.pop(len(waiting) // 2)))

    tenant.standin.after_page = end_some
    first, cursor = tenant.poll_until_done(restart_every=restart_every)
    tenant.standin.after_page = None
    second, _ = tenant.poll_until_done(cursor, restart_every=restart_every)
    assert ids(first) | ids(second) == rejected


def test_no_old_rejection_is_missed_while_others_are_reopened(tenant: Tenant) -> None:
    """Reopened rows pull one up over the border of page 3, behind two pages that are known.

    So far in the past no later walk looks; the second one must not stop early.
    """
    old = [tenant.rejected(n, days_ago=200 + n / 4) for n in range(450)]

    def reopen_three(page: int) -> None:
        if page == 3:
            tenant.standin.after_page = None
            for candidacy in old[250:253]:
                tenant.standin.reopen(candidacy)

    tenant.standin.after_page = reopen_three
    first, cursor = tenant.poll_until_done()
    second, _ = tenant.poll_until_done(cursor)
    assert not set(old[300:303]) & ids(first), "nothing crossed the border: a void test"
    assert ids(first) | ids(second) == set(old)


def test_later_walks_stop_after_the_window_and_two_known_pages(tenant: Tenant) -> None:
    for n in range(900):
        tenant.rejected(n, days_ago=n * 0.4)
    _, cursor = tenant.poll_until_done()
    _, cursor = tenant.poll_until_done(cursor)
    before = _pages_read(tenant)
    events, cursor = tenant.poll_until_done(cursor)
    # 450 rows lie within 180 days: five pages reach the edge, two more are known.
    assert _pages_read(tenant) - before == 7
    assert len(events) == 700


def test_a_late_rejection_just_beyond_the_window_is_found(tenant: Tenant) -> None:
    for n in range(500):
        tenant.rejected(n, days_ago=100 + n * 0.5)
    late = tenant.person(9999, days_ago=230)
    _, cursor = tenant.poll_until_done()
    _, cursor = tenant.poll_until_done(cursor)
    tenant.standin.reject(late)
    events, _ = tenant.poll_until_done(cursor)
    assert late in ids(events)


def test_the_cursor_stays_small_however_many_cases_there_are(tenant: Tenant) -> None:
    for n in range(1500):
        tenant.rejected(n, days_ago=n * 0.24)
    cursor: dict[str, Any] = {}
    sizes = []
    for _ in range(3):
        _, cursor = tenant.poll_until_done(cursor)
        sizes.append(len(json.dumps(cursor)))
    assert max(sizes) < 32_000
    assert len(cursor["watch"]) == 300


def test_the_walk_begins_anew_after_its_end(tenant: Tenant) -> None:
    first = tenant.rejected(1)
    _, cursor = tenant.poll_until_done()
    second = tenant.rejected(2)
    events, _ = tenant.poll_until_done(cursor)
    assert ids(events) == {first, second}


def test_the_same_rejection_gives_the_same_event_in_every_walk(tenant: Tenant) -> None:
    tenant.rejected(1)
    first, cursor = tenant.poll_until_done()
    second, _ = tenant.poll_until_done(cursor)
    assert first == second


def test_applications_beyond_the_import_are_not_read(tenant: Tenant) -> None:
    young = tenant.rejected(1, days_ago=364)
    tenant.rejected(2, days_ago=366)
    events, _ = tenant.poll_until_done()
    assert ids(events) == {young}


# What became of a case


def test_withdrawn_hired_and_not_eligible_are_told_apart(tenant: Tenant) -> None:
    withdrawn, hired, spam = (tenant.person(n) for n in range(3))
    tenant.standin.withdraw(withdrawn)
    tenant.standin.hire(hired)
    tenant.standin.not_eligible(spam)
    events, _ = tenant.poll_until_done()
    assert ids(events, EventKind.WITHDRAWN) == {withdrawn}
    assert ids(events, EventKind.HIRED) == {hired}
    [event] = [e for e in events if e.application_id == spam]
    assert event.kind is EventKind.REJECTED
    assert event.application is not None
    assert event.application.reason is not None
    assert event.application.reason.external_id == "notEligible"
    assert event.application.reason.side is RejectionSide.UNKNOWN


def test_only_rejections_are_asked_for_where_the_company_wants_so(tenant: Tenant) -> None:
    tenant.standin.withdraw(tenant.person(1))
    rejected = tenant.rejected(2)
    events, _ = tenant.poll_until_done(connect=lambda: tenant.connect(outcomes="rejected"))
    assert [e.application_id for e in events] == [rejected]


def test_a_reopened_case_is_unrejected(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    [rejection], cursor = tenant.poll_until_done()
    tenant.clock.advance(3600)
    tenant.standin.reopen(candidacy)
    [event], cursor = tenant.poll_until_done(cursor)
    assert (event.kind, event.application_id) == (EventKind.UNREJECTED, candidacy)
    assert event.application is not None
    assert event.application.state is ApplicationState.ACTIVE
    assert event.occurred_at > rejection.occurred_at
    assert tenant.poll_until_done(cursor)[0] == [], "told once"


def test_a_case_rejected_again_after_reopening_is_newer_than_the_reopening(
    tenant: Tenant,
) -> None:
    candidacy = tenant.rejected(1)
    _, cursor = tenant.poll_until_done()
    tenant.standin.reopen(candidacy)
    [reopening], cursor = tenant.poll_until_done(cursor)
    tenant.clock.advance(60)
    tenant.standin.reject(candidacy)
    [again], _ = tenant.poll_until_done(cursor)
    assert again.kind is EventKind.REJECTED
    assert again.occurred_at > reopening.occurred_at


@pytest.mark.parametrize("outcomes", ["all", "rejected"])
def test_a_rejection_corrected_to_withdrawal_is_later_than_the_rejection(
    tenant: Tenant, outcomes: str
) -> None:
    """The recruiter corrects the reason and leaves the typed time as it was."""
    candidacy = tenant.person(1)
    tenant.standin.reject(candidacy, at=START)

    def connect() -> HerpConnector:
        return tenant.connect(outcomes=outcomes)

    [rejection], cursor = tenant.poll_until_done(connect=connect)
    tenant.standin.withdraw(candidacy, at=START)
    [event], _ = tenant.poll_until_done(cursor, connect=connect)
    assert event.kind is EventKind.WITHDRAWN
    assert event.occurred_at > rejection.occurred_at


def test_a_deleted_application_erases_the_person(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    _, cursor = tenant.poll_until_done()
    tenant.standin.erase(candidacy)
    [event], _ = tenant.poll_until_done(cursor)
    assert (event.kind, event.candidate_id) == (EventKind.ERASED, candidacy)
    assert event.application_ids == (candidacy,)


def test_a_missing_list_erases_nobody(tenant: Tenant) -> None:
    """Only the case itself may be gone; a 404 elsewhere is a wrong address."""
    candidacy = tenant.rejected(1)
    _, cursor = tenant.poll_until_done()
    tenant.standin.reopen(candidacy)
    connector = tenant.connect()
    doubting = connector.poll(cursor).cursor
    tenant.standin.fail_next(path="/v1/candidacies", skip=1, status=404)
    with pytest.raises(ApiNotFoundError):
        connector.poll(doubting)


def test_an_agents_candidate_is_never_direct_and_has_no_address(tenant: Tenant) -> None:
    agent = {"id": "a-1", "company": "見本エージェント", "name": "担当 太郎"}
    tenant.rejected(1, channel={"type": "agent", "agent": agent})
    tenant.rejected(2, channel={"type": "jobmiru"})
    events, _ = tenant.poll_until_done()
    applications = [e.application for e in events if e.application]
    assert [a.channel for a in applications] == [Channel.AGENT] * 2
    assert [a.candidate.emails for a in applications] == [()] * 2


def test_a_candidate_without_address_is_still_reported_to_the_engine(tenant: Tenant) -> None:
    tenant.rejected(1, email="")
    [event], _ = tenant.poll_until_done()
    assert event.application is not None
    assert event.application.candidate.emails == ()


def test_after_the_last_doubt_no_second_walk_follows(tenant: Tenant) -> None:
    candidacies = [tenant.rejected(n) for n in range(3)]
    _, cursor = tenant.poll_until_done()
    for candidacy in candidacies[:2]:
        tenant.standin.reopen(candidacy)
    before = _pages_read(tenant)
    events, _ = tenant.poll_until_done(cursor)
    assert ids(events, EventKind.UNREJECTED) == set(candidacies[:2])
    # One page of the walk; for each doubt the case itself and its day in the list.
    assert _pages_read(tenant) - before == 5


def test_a_doubt_that_could_not_be_settled_is_looked_at_again(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    _, cursor = tenant.poll_until_done()
    tenant.standin.reopen(candidacy)
    connector = tenant.connect()
    doubting = connector.poll(cursor).cursor
    tenant.standin.fail_next(path=f"/v1/candidacies/{candidacy}")
    with pytest.raises(ApiUnavailableError):
        connector.poll(doubting)
    [event] = connector.poll(doubting).events
    assert event.kind is EventKind.UNREJECTED


def test_a_rejection_missed_at_a_page_border_is_told_again_not_reopened(tenant: Tenant) -> None:
    """The look at the case itself finds it rejected as before."""
    candidacy = tenant.rejected(1)
    [rejection], cursor = tenant.poll_until_done()
    page = tenant.connect().poll({**cursor, "doubts": [candidacy]})
    assert page.events == (rejection,)
    assert candidacy in page.cursor["watch"]


def _ended(tenant: Tenant, candidacy: str) -> str:
    tenant.standin.reject(candidacy)
    return candidacy


def _pages_read(tenant: Tenant) -> int:
    return sum(path.startswith("/v1/candidacies") for _, path, _ in tenant.standin.calls)
