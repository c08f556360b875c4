"""What is peculiar to Recruitee: the unsigned test, exactly 200, tags that might be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApplicationState,
    Flag,
    RegistrationReport,
    RejectionSide,
    WebhookRequest,
    WebhookVerificationError,
)
from careerrelay.connectors.recruitee.connector import RecruiteeConnector
from careerrelay.connectors.recruitee.standin import RecruiteeStandIn
from careerrelay.connectors.testing import Request, Response, StandIn, route

from ..company import SECOND, START, Clock, opened

REPORT = RegistrationReport("CR-1", "CareerRelay <registered> [CR-1]", "CareerRelay registered")


class Receiver(StandIn):
    """CareerRelay's web hook address, as far as it matters here."""

    def __init__(self, connector: RecruiteeConnector, *, status: int = 200) -> None:
        super().__init__()
        self.connector = connector
        self.status = status
        self.taken: list[WebhookRequest] = []

    @route("POST", "/hook")
    def hook(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        arrived = WebhookRequest("POST", "/hook", "", headers, request.get_data(), START)
        reply = self.connector.answer_handshake(arrived)
        if reply is not None:
            return Response(reply.body, reply.status)
        self.connector.verify_webhook(arrived)
        self.taken.append(arrived)
        return Response(status=self.status)


@pytest.fixture
def vendor() -> RecruiteeStandIn:
    return RecruiteeStandIn(clock=Clock(step=SECOND))


@pytest.fixture
def connector(vendor: RecruiteeStandIn) -> Iterator[RecruiteeConnector]:
    with vendor.serve() as url:
        given = {"api_url": url, "company_id": "12345", "api_token": vendor.token}
        given["webhook_secret"] = vendor.secret
        with opened(RecruiteeConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: RecruiteeStandIn) -> str:
    return vendor.apply(name="見本 花子", email="hanako@example.jp", job="営業")


def test_the_test_before_there_is_a_secret_is_answered_and_does_nothing(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    receiver = Receiver(connector)
    with receiver.serve() as target:
        assert vendor.verify_hook(f"{target}/hook")
    assert receiver.taken == []


@pytest.mark.parametrize("body", [b'{"tested": 1}', b'["test"]', b'{"a": "test"}', b'{"test"'])
def test_only_a_test_passes_without_a_signature(connector: RecruiteeConnector, body: bytes) -> None:
    request = WebhookRequest("POST", "/hook", "", {}, body, START)
    assert connector.answer_handshake(request) is None
    with pytest.raises(WebhookVerificationError):
        connector.verify_webhook(request)


def test_201_is_a_failure_and_is_sent_again(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    with Receiver(connector, status=201).serve() as target:
        vendor.hook_url = f"{target}/hook"
        apply(vendor)
        assert vendor.wait_delivered()
    assert len(vendor.deliveries) == 1 + len(vendor.retry_seconds)
    assert connector.spec.webhook is not None
    assert connector.spec.webhook.ack_status == 200


def test_what_the_vendor_sends_leads_to_the_case(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    receiver = Receiver(connector)
    with receiver.serve() as target:
        vendor.hook_url = f"{target}/hook"
        case = apply(vendor)
        for change in (vendor.disqualify, vendor.requalify, vendor.hire):
            change(case)
        assert vendor.wait_delivered()
    ids = {e.application_id for hook in receiver.taken for e in connector.parse_webhook(hook)}
    assert ids == {case}
    assert len(receiver.taken) == 4


def test_nobody_but_the_reason_map_says_who_ended_it(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    case = apply(vendor)
    vendor.disqualify(case, reason=6)
    found = connector.fetch_application(case)
    assert found.state is ApplicationState.REJECTED
    assert found.reason is not None
    assert (found.reason.external_id, found.reason.side) == ("Withdrew", RejectionSide.UNKNOWN)
    assert "Withdrew" in {reason.external_id for reason in connector.reasons()}


def test_who_was_hired_before_is_no_rejection_to_write_to(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    case = apply(vendor)
    vendor.hire(case)
    vendor.disqualify(case)
    found = connector.fetch_application(case)
    assert (found.state, found.flags) == (ApplicationState.REJECTED, {Flag.OFFER_RESCINDED})


def test_taking_it_back_comes_later_than_the_end(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    case = apply(vendor)
    vendor.disqualify(case)
    rejected = connector.fetch_application(case)
    vendor.requalify(case)
    found = connector.fetch_application(case)
    assert found.state is ApplicationState.ACTIVE
    assert found.changed_at > rejected.changed_at


def walk(connector: RecruiteeConnector, cursor: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    found: list[str] = []
    more = True
    while more:
        page = connector.poll(cursor)
        found += [event.application_id or "" for event in page.events]
        cursor, more = dict(page.cursor), page.more
    return found, cursor


def test_the_search_is_walked_until_where_the_last_round_began(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    cases = [apply(vendor) for _ in range(230)]
    for case in cases[:-1]:
        vendor.disqualify(case)
    found, cursor = walk(connector, {})
    assert found == cases[-2::-1]
    vendor.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    _, cursor = walk(connector, cursor)
    vendor.disqualify(cases[-1])
    assert walk(connector, cursor)[0] == cases[-1:]


@pytest.mark.parametrize("replaces", [False, True])
def test_other_tags_survive_whatever_the_call_does(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector, *, replaces: bool
) -> None:
    case = apply(vendor)
    vendor.disqualify(case)
    vendor.tags_replace = replaces
    person = case.partition(":")[0]
    vendor.candidates[person]["tags"] = ["vip", "再応募"]
    for _ in range(2):
        connector.report_registration(connector.fetch_application(case), REPORT)
    assert vendor.candidates[person]["tags"] == ["vip", "再応募", REPORT.tag]
    assert [n["body"] for n in vendor.notes[person]] == ["CareerRelay &lt;registered&gt; [CR-1]"]


def test_a_user_without_the_rights_is_told_what_is_missing(
    vendor: RecruiteeStandIn, connector: RecruiteeConnector
) -> None:
    vendor.allowed = False
    failed = [check for check in connector.check() if not check.ok]
    assert {check.name for check in failed} == {"reasons", "candidates"}
    assert all("hiring role" in check.remedy for check in failed)
