"""What is peculiar to Jobvite: errors inside a 200, days without a zone, pages that overlap."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiError,
    ApiUnavailableError,
    Flag,
)
from careerrelay.connectors.jobvite.connector import PAGE, JobviteConnector
from careerrelay.connectors.jobvite.standin import JobviteStandIn, settings

from ..company import SECOND, Clock, Receiver, again, opened, told, walk


@pytest.fixture
def vendor() -> JobviteStandIn:
    return JobviteStandIn(clock=Clock(step=SECOND))


@pytest.fixture
def connector(vendor: JobviteStandIn) -> Iterator[JobviteConnector]:
    with vendor.serve() as url:
        given = settings(vendor, url)
        with opened(JobviteConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: JobviteStandIn) -> str:
    return vendor.apply(given_name="花子", family_name="見本", email="h@example.jp", job="営業")


def test_what_the_vendor_sends_leads_to_the_case(
    vendor: JobviteStandIn, connector: JobviteConnector
) -> None:
    receiver = Receiver()
    with receiver.serve() as target:
        vendor.hook_url = f"{target}/hook"
        case = apply(vendor)
        vendor.move(case, "Rejected")
        assert vendor.wait_delivered()
    (arrived,) = receiver.taken
    connector.verify_webhook(arrived)
    (event,) = connector.parse_webhook(arrived)
    assert connector.fetch_application(str(event.application_id)).external_id == case


@pytest.mark.parametrize(
    ("code", "error"), [(401, ApiAuthenticationError), (500, ApiUnavailableError), (0, ApiError)]
)
def test_error_inside_a_200_is_an_error(
    code: int, error: type[ApiError], vendor: JobviteStandIn, connector: JobviteConnector
) -> None:
    body = b'{"candidates": [], "status": {"code": %d, "messages": []}}' % code
    vendor.fail_next(status=200, body=body)
    with pytest.raises(error):
        connector.poll({})


def test_pages_are_walked_and_days_overlap(
    vendor: JobviteStandIn, connector: JobviteConnector
) -> None:
    cases = [apply(vendor) for _ in range(PAGE + 5)]
    for case in cases[:-1]:
        vendor.move(case, "Rejected")
    found, cursor = walk(connector, {})
    assert [event.application_id for event in found] == cases[:-1]
    vendor.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    _, cursor = walk(connector, cursor)
    vendor.move(cases[0], "Interview")
    vendor.move(cases[-1], "Hired")
    assert told(walk(connector, cursor)[0]) == [("applied", cases[0]), ("hired", cases[-1])]


def test_personal_traits_are_dropped_as_they_arrive(
    vendor: JobviteStandIn, connector: JobviteConnector
) -> None:
    case = apply(vendor)
    vendor.rows["APP1"]["race"] = "told in confidence"
    assert "told in confidence" not in repr(connector.fetch_application(case))


@pytest.mark.parametrize(
    ("value", "stopped"), [(None, False), ("No", False), (False, False), ("Yes", True), (1, True)]
)
def test_field_that_means_do_not_contact(
    value: object, stopped: bool, vendor: JobviteStandIn, connector: JobviteConnector
) -> None:
    case = apply(vendor)
    custom = [{"fieldCode": "dnc", "value": value}, {"fieldCode": "other", "value": "Yes"}]
    vendor.rows["APP1"]["application"]["customField"] = custom
    asking = again(connector, stop_field="dnc")
    assert (Flag.DO_NOT_CONTACT in asking.fetch_application(case).flags) is stopped


def test_keys_stand_in_headers_and_never_in_the_address(
    vendor: JobviteStandIn, connector: JobviteConnector
) -> None:
    seen: list[str] = []
    vendor.watchers.append(lambda request, _: seen.append(request.url))
    connector.check()
    assert seen
    assert not any(vendor.api_key in url or vendor.api_secret in url for url in seen)


def test_pair_that_may_not_see_candidates_is_told(
    vendor: JobviteStandIn, connector: JobviteConnector
) -> None:
    vendor.allowed = False
    (failed,) = connector.check()
    assert not failed.ok
    assert "access to candidates" in failed.remedy
