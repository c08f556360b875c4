"""Single calls over real HTTP: one case, the allowance, the comment, the check."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors.herp.connector import HerpConnector
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import (
    ApiAuthenticationError,
    ApiNotFoundError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiResponseError,
    ApiUnavailableError,
)
from careerrelay.models.events import RegistrationReport

from .conftest import START, Tenant

REPORT = RegistrationReport(
    marker="[CareerRelay 7f3a]",
    text="[CareerRelay 7f3a] 登録がありました。無料紹介枠まであと 3 名です。",
    tag="CareerRelay登録",
)


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


def test_a_comment_waits_where_only_the_reserve_is_left(tenant: Tenant) -> None:
    """A fresh connector per report, as the engine opens them: the first answer tells."""
    candidacy = tenant.rejected(1)
    application = tenant.connect().fetch_application(candidacy)
    tenant.standin.spend(80)
    with pytest.raises(ApiRateLimitedError) as refused:
        tenant.connect().report_registration(application, REPORT)
    assert tenant.standin.comments(candidacy) == []
    tenant.clock.advance(refused.value.retry_after or 0)
    tenant.connect().report_registration(application, REPORT)
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
        ("api_key", True),
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
    assert (check.name, check.ok) == ("api_key", False)
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


def test_job_titles_are_found_on_later_pages_and_asked_for_once(tenant: Tenant) -> None:
    for n in range(150):
        tenant.standin.add_requisition(f"職種 {n}")
    candidacies = [tenant.rejected(n) for n in range(3)]
    connector = tenant.connect()
    jobs = [connector.fetch_application(candidacy).job for candidacy in candidacies]
    assert {job.title for job in jobs if job} == {"バックエンドエンジニア"}
    paths = [path for _, path, _ in tenant.standin.calls]
    assert paths.count("/v1/requisitions") == 2


def test_the_check_says_when_herp_does_not_answer(tenant: Tenant) -> None:
    tenant.standin.fail_next(status=500)
    [failed] = [c for c in tenant.connect().check() if not c.ok]
    assert failed.name == "candidacy:read"
    assert failed.remedy
