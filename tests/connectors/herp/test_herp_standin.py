"""The connector against a stateful tenant over real HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors.herp.connector import HerpConnector
from careerrelay.connectors.herp.standin import HerpStandIn
from careerrelay.connectors.http import HttpClient
from careerrelay.models.candidates import ApplicationState, Channel, RejectionSide
from careerrelay.models.errors import (
    ApiAuthenticationError,
    ApiNotFoundError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiRequestError,
    ApiResponseError,
    ApiUnavailableError,
)
from careerrelay.models.events import EventKind, RegistrationReport

from .conftest import START, Tenant, ids

REPORT = RegistrationReport(
    marker="[CareerRelay 7f3a]",
    text="[CareerRelay 7f3a] 登録がありました。無料紹介枠まであと 3 名です。",
    tag="CareerRelay登録",
)


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


# One application


def test_one_application_takes_two_calls_and_carries_the_address(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    tenant.rejected(2)
    connector = tenant.connect()
    connector.poll({})
    before = len(tenant.standin.calls)
    application = connector.fetch_application(candidacy)
    assert len(tenant.standin.calls) - before == 2
    assert application.candidate.emails == ("mihon1@example.jp",)
    assert application.state is ApplicationState.REJECTED


def test_one_application_is_found_on_a_day_with_several_pages(tenant: Tenant) -> None:
    candidacies = [tenant.person(n, days_ago=5 + n / 10_000) for n in range(250)]
    assert tenant.connect().fetch_application(candidacies[-1]).external_id == candidacies[-1]


def test_an_application_is_found_by_its_day_in_japan(tenant: Tenant) -> None:
    """20:00 UTC is the next day in Tokyo."""
    candidacy = tenant.standin.apply(
        tenant.requisition, name="見本", applied_at=START.replace(hour=20) - timedelta(days=9)
    )
    assert tenant.connect().fetch_application(candidacy).state is ApplicationState.ACTIVE


def test_a_deleted_application_is_not_found(tenant: Tenant) -> None:
    candidacy = tenant.person(1)
    tenant.standin.erase(candidacy)
    with pytest.raises(ApiNotFoundError):
        tenant.connect().fetch_application(candidacy)


# The tenant's allowance


@pytest.mark.parametrize(("reserve", "used"), [("30", 70), ("0", 100), ("90", 10)])
def test_the_reserve_is_left_to_the_customers_other_scripts(
    tenant: Tenant, reserve: str, used: int
) -> None:
    """More polls than a minute allows, with minutes that pass only while we wait."""
    for n in range(800):
        tenant.rejected(n, days_ago=n / 20)

    def connect() -> HerpConnector:
        return tenant.connect(reserved_requests=reserve)

    cursor: dict[str, Any] = {}
    for _ in range(14):
        _, cursor = tenant.poll_until_done(cursor, connect=connect)
    assert len(tenant.standin.calls) > 120
    assert used - 3 < tenant.standin.most_used <= used
    assert {status for _, _, status in tenant.standin.calls} == {200}
    assert all(0 < wait <= 60 for wait in tenant.waits)


def test_a_restart_does_not_forget_that_only_the_reserve_is_left(tenant: Tenant) -> None:
    for n in range(300):
        tenant.rejected(n)
    tenant.standin.spend(85)
    page = tenant.connect().poll({})
    calls = len(tenant.standin.calls)
    with pytest.raises(ApiRateLimitedError) as refused:
        tenant.connect().poll(page.cursor)
    assert len(tenant.standin.calls) == calls, "asked nothing"
    assert 0 < (refused.value.retry_after or 0) <= 60


def test_after_429_the_wait_lasts_until_the_reset(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    tenant.standin.spend(100)
    tenant.clock.advance(20)
    connector = tenant.connect()
    with pytest.raises(ApiRateLimitedError) as refused:
        connector.poll({})
    assert refused.value.retry_after == pytest.approx(40, abs=2)
    tenant.clock.advance(refused.value.retry_after or 0)
    assert [e.application_id for e in connector.poll({}).events] == [candidacy]


def test_a_429_without_a_readable_reset_waits_a_whole_window(tenant: Tenant) -> None:
    tenant.standin.fail_next(status=429, headers={"x-reset-at": "soon"})
    with pytest.raises(ApiRateLimitedError) as refused:
        tenant.connect().poll({})
    assert refused.value.retry_after == 60


# The report


def test_a_registration_is_one_plain_comment(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    connector = tenant.connect()
    application = connector.fetch_application(candidacy)
    connector.report_registration(application, REPORT)
    connector.report_registration(application, REPORT)
    assert tenant.standin.comments(candidacy) == [REPORT.text]


def test_a_comment_whose_answer_was_lost_is_not_written_twice(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    connector = tenant.connect()
    application = connector.fetch_application(candidacy)
    path = f"/v1/candidacies/{candidacy}/timeline-comments"
    tenant.standin.fail_next(path=path, skip=1, status=502, after_effect=True)
    with pytest.raises(ApiUnavailableError):
        connector.report_registration(application, REPORT)
    assert tenant.standin.comments(candidacy) == [REPORT.text], "done, but not answered"
    connector.report_registration(application, REPORT)
    assert tenant.standin.comments(candidacy) == [REPORT.text]


def test_an_older_registration_of_somebody_else_does_not_stop_the_comment(
    tenant: Tenant,
) -> None:
    candidacy = tenant.rejected(1)
    connector = tenant.connect()
    application = connector.fetch_application(candidacy)
    other = RegistrationReport(marker="[CareerRelay 1111]", text="[CareerRelay 1111]", tag="x")
    connector.report_registration(application, other)
    connector.report_registration(application, REPORT)
    assert len(tenant.standin.comments(candidacy)) == 2


def test_a_comment_on_a_deleted_application_is_not_found(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    connector = tenant.connect()
    application = connector.fetch_application(candidacy)
    tenant.standin.erase(candidacy)
    with pytest.raises(ApiNotFoundError):
        connector.report_registration(application, REPORT)


# Doctor


def test_the_check_names_the_three_permissions(tenant: Tenant) -> None:
    checks = tenant.connect().check()
    assert [(c.name, c.ok) for c in checks] == [
        ("candidacy:read", True),
        ("requisition:read", True),
        ("candidacy:write", True),
    ]


@pytest.mark.parametrize("missing", ["candidacy:read", "candidacy:write", "requisition:read"])
def test_the_check_names_a_missing_permission_and_where_to_click(
    tenant: Tenant, missing: str
) -> None:
    tenant.standin.scopes -= {missing}
    [failed] = [c for c in tenant.connect().check() if not c.ok]
    assert failed.name == missing
    assert missing in failed.remedy
    assert "右上メニュー > APIキー" in failed.remedy


def test_the_check_of_a_wrong_key_says_so_once(tenant: Tenant) -> None:
    [check] = tenant.connect(api_key="another").check()
    assert (check.name, check.ok) == ("API key", False)
    assert "another" not in check.detail + check.remedy


def test_a_key_without_requisition_read_is_told_in_the_error(tenant: Tenant) -> None:
    tenant.rejected(1)
    tenant.standin.scopes -= {"requisition:read"}
    with pytest.raises(ApiPermissionError, match="requisition:read"):
        tenant.connect().poll({})


def test_a_wrong_key_is_told_by_the_name_of_the_setting(tenant: Tenant) -> None:
    with pytest.raises(ApiAuthenticationError, match="api_key"):
        tenant.connect(api_key="another").poll({})


@pytest.mark.parametrize(
    "body",
    [
        b"<html>busy</html>",
        b"[]",
        b'{"candidacies": [{"id": "1"}], "hasNextPage": false}',
        b'{"candidacies": []}',
    ],
)
def test_an_answer_of_another_shape_is_refused(tenant: Tenant, body: bytes) -> None:
    tenant.standin.fail_next(status=200, body=body)
    with pytest.raises(ApiResponseError):
        tenant.connect().poll({})


# The stand-in itself keeps to what is known of the vendor


def test_the_standin_ignores_limit_and_shows_100_rows(tenant: Tenant) -> None:
    for n in range(101):
        tenant.rejected(n)
    answer = _get(tenant, "/v1/candidacies", limit="5")
    assert len(answer["candidacies"]) == 100
    assert answer["hasNextPage"] is True


def test_the_standin_leaves_optional_keys_out(tenant: Tenant) -> None:
    tenant.rejected(1, email="")
    [row] = _get(tenant, "/v1/candidacies")["candidacies"]
    assert "email" not in row
    assert None not in row.values()


def test_the_standins_single_read_lacks_address_and_reason(tenant: Tenant) -> None:
    candidacy = tenant.rejected(1)
    single = _get(tenant, f"/v1/candidacies/{candidacy}")
    assert not single.keys() & {"email", "terminationReason", "terminatedAt", "updatedAt"}
    assert single["links"] == []


def test_the_standin_filters_days_in_japan_time(tenant: Tenant) -> None:
    tenant.standin.apply(tenant.requisition, name="見本", applied_at=START.replace(hour=20))
    assert _get(tenant, "/v1/candidacies", appliedAtFrom="2026-01-21")["candidacies"]
    assert not _get(tenant, "/v1/candidacies", appliedAtTo="2026-01-20")["candidacies"]


@pytest.mark.parametrize(
    "params",
    [{"page": "0"}, {"status": "ended"}, {"appliedAtFrom": "20260120"}, {"direction": "down"}],
)
def test_the_standin_refuses_bad_parameters(tenant: Tenant, params: dict[str, str]) -> None:
    with pytest.raises(ApiRequestError):
        _get(tenant, "/v1/candidacies", **params)


@pytest.mark.parametrize(
    "body",
    [
        {"comment": "x", "contentType": "text/plain"},
        {"body": ""},
        {"body": "あ" * 20_001},
        {"body": "x", "textType": "text/html"},
        {"body": "x", "mentionTo": "U-AAAAA"},
    ],
)
def test_the_standin_refuses_other_shapes_of_a_comment(
    tenant: Tenant, body: dict[str, Any]
) -> None:
    path = f"/v1/candidacies/{tenant.person(1)}/timeline-comments"
    with pytest.raises(ApiRequestError):
        _client(tenant).request(
            "POST", tenant.url + path, operation="comment", json=body, headers=_key(tenant.standin)
        )


def test_ending_a_case_moves_its_update_but_not_its_step(tenant: Tenant) -> None:
    candidacy = tenant.person(1)
    before = tenant.standin.candidacy(candidacy)
    tenant.standin.reject(candidacy)
    after = tenant.standin.candidacy(candidacy)
    assert after["stepUpdatedAt"] == before["stepUpdatedAt"]
    assert after["updatedAt"] > before["updatedAt"]
    assert after["terminatedAt"].endswith(":00+09:00")


def _ended(tenant: Tenant, candidacy: str) -> str:
    tenant.standin.reject(candidacy)
    return candidacy


def _pages_read(tenant: Tenant) -> int:
    return sum(path.startswith("/v1/candidacies") for _, path, _ in tenant.standin.calls)


def _client(tenant: Tenant) -> HttpClient:
    return HttpClient("herp", allow_private=True)


def _key(standin: HerpStandIn) -> dict[str, str]:
    return {"Authorization": f"Bearer {standin.api_key}"}


def _get(tenant: Tenant, path: str, **params: str) -> dict[str, Any]:
    return (
        _client(tenant)
        .request(
            "GET",
            tenant.url + path,
            operation="read",
            params=params,
            headers=_key(tenant.standin),
        )
        .json()
    )
