"""What is peculiar to Teamtailor: hooks sent once, two readings of a signature, pages back."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiRateLimitedError,
    ApiResponseError,
    ApplicationState,
    Channel,
    Flag,
    RegistrationReport,
    RejectionSide,
    WebhookRequest,
    WebhookVerificationError,
    hmac_sha256_hex,
)
from careerrelay.connectors.teamtailor.connector import TeamtailorConnector
from careerrelay.connectors.teamtailor.standin import BASE, TeamtailorStandIn

from ..company import START, Clock, Receiver, opened

REPORT = RegistrationReport("CR-1", "CareerRelay: registered. [CR-1]", "CareerRelay registered")


@pytest.fixture
def vendor() -> TeamtailorStandIn:
    found = TeamtailorStandIn(clock=Clock())
    found.calls_a_second = 1000
    return found


@pytest.fixture
def connector(vendor: TeamtailorStandIn) -> Iterator[TeamtailorConnector]:
    with vendor.serve() as url:
        given = {
            "api_url": url + BASE,
            "api_key": vendor.api_key,
            "webhook_secret": vendor.secret,
            "user_id": vendor.user,
        }
        with opened(TeamtailorConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: TeamtailorStandIn, *, sourced: bool = False) -> str:
    return vendor.apply(
        name="Hanako Example", email="hanako@example.jp", job="営業", sourced=sourced
    )


def heard(vendor: TeamtailorStandIn, *, status: int = 200) -> list[WebhookRequest]:
    """A rejection that may be told in two days, as the vendor sends it."""
    receiver = Receiver(status)
    case = apply(vendor)
    with receiver.serve() as target:
        vendor.hook_url = f"{target}/hook"
        vendor.reject(case, visible_at=START + timedelta(days=2))
        assert vendor.wait_delivered()
    return receiver.taken


def test_the_hook_says_from_when_the_candidate_may_know(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    (request,) = heard(vendor)
    connector.verify_webhook(request)
    (event,) = connector.parse_webhook(request)
    assert event.notice_after == START + timedelta(days=2)
    assert event.application is None


def test_a_failed_hook_is_never_sent_again(vendor: TeamtailorStandIn) -> None:
    assert len(heard(vendor, status=500)) == 1


def test_either_reading_of_the_payload_is_a_signature(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    (inner,) = heard(vendor)
    outer = connector.sign_webhook(inner)
    assert inner.headers["tt-signature"] != outer.headers["tt-signature"]
    for request in (inner, outer):
        connector.verify_webhook(request)
        changed = dataclasses.replace(request, body=request.body.replace(b'"1"', b'"2"'))
        with pytest.raises(WebhookVerificationError):
            connector.verify_webhook(changed)


def header(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_version_1_is_refused_whatever_it_signs(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    (request,) = heard(vendor)
    for text in (hmac_sha256_hex(vendor.secret, b"1"), "t=1,v1=" + "0" * 64, "", "t=,v2="):
        headers = {**request.headers, "tt-signature": header(text)}
        with pytest.raises(WebhookVerificationError, match="version 2"):
            connector.verify_webhook(dataclasses.replace(request, headers=headers))


def test_an_old_hook_is_a_replay_because_nothing_is_sent_twice(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    (request,) = heard(vendor)
    late = dataclasses.replace(request, received_at=START + timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError, match="replay"):
        connector.verify_webhook(late)


def walk(
    connector: TeamtailorConnector, cursor: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    found: list[str] = []
    more = True
    while more:
        page = connector.poll(cursor)
        found += [event.application_id or "" for event in page.events]
        cursor, more = dict(page.cursor), page.more
    return found, cursor


def test_polling_covers_every_hook_that_was_lost(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    cases = [apply(vendor) for _ in range(70)]
    for case in cases:
        vendor.reject(case)
    assert set(walk(connector, {})[0]) == set(cases)


def test_rows_that_leave_the_window_meanwhile_hide_nobody(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    cases = [apply(vendor) for _ in range(95)]
    for case in cases:
        vendor.reject(case)
    clock = vendor.clock
    assert isinstance(clock, Clock)
    found, cursor, more = set[str](), dict[str, Any](), True
    while more:
        page = connector.poll(cursor)
        found |= {event.application_id or "" for event in page.events}
        cursor, more = dict(page.cursor), page.more
        clock.now += timedelta(minutes=1)
        vendor.unreject(cases[0])
        vendor.unreject(cases[40])
    assert found | {cases[0], cases[40]} == set(cases)


def test_an_unrejection_is_told_by_the_next_round(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    case = apply(vendor)
    vendor.reject(case)
    _, cursor = walk(connector, {})
    vendor.clock.now += timedelta(minutes=5)  # type: ignore[attr-defined]
    vendor.unreject(case)
    (event,) = connector.poll(cursor).events
    assert event.application is not None
    assert event.application.state is ApplicationState.ACTIVE
    assert event.application.notice_after is None


def test_who_ended_it_is_the_reasons_word_and_without_one_nobodys(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    cases = [apply(vendor) for _ in range(3)]
    for case, reason in zip(cases, (None, vendor.own_reason, ""), strict=True):
        vendor.reject(case, reason=reason)
    found = [connector.fetch_application(case) for case in cases]
    assert [one.state for one in found] == [
        ApplicationState.REJECTED,
        ApplicationState.WITHDRAWN,
        ApplicationState.REJECTED,
    ]
    assert [one.reason.side if one.reason else None for one in found] == [
        RejectionSide.COMPANY,
        RejectionSide.CANDIDATE,
        RejectionSide.UNKNOWN,
    ]


def test_who_was_hired_before_is_no_rejection_to_write_to(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    case = apply(vendor)
    vendor.hire(case)
    vendor.reject(case)
    found = connector.fetch_application(case)
    assert (found.state, found.flags) == (ApplicationState.REJECTED, {Flag.OFFER_RESCINDED})


def test_who_was_sourced_counts_as_scouted(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    assert connector.fetch_application(apply(vendor, sourced=True)).channel is Channel.SCOUT


def notes(vendor: TeamtailorStandIn) -> list[str]:
    return [row["attributes"]["note"] for row in vendor.records.get("notes", {}).values()]


def test_our_note_is_found_among_many_after_a_lost_answer(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    case = apply(vendor)
    vendor.reject(case)
    application = connector.fetch_application(case)
    vendor.fail_next(path=f"{BASE}/notes", status=502, skip=1, after_effect=True)
    with pytest.raises(Exception, match="502"):
        connector.report_registration(application, REPORT)
    for number in range(100):
        vendor._add("notes", {"note": f"note {number}"})
    connector.report_registration(application, REPORT)
    assert notes(vendor).count(REPORT.text) == 1
    tags = vendor.records["candidates"][vendor.person_of(case)]["attributes"]["tags"]
    assert tags == [REPORT.tag]


def test_a_lost_tag_is_noticed(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = apply(vendor)
    vendor.reject(case)
    application = connector.fetch_application(case)
    monkeypatch.setattr(connector, "_tags", lambda _: ["vip"])
    with pytest.raises(ApiResponseError, match="tags"):
        connector.report_registration(application, REPORT)


def test_the_vendors_pause_is_kept(
    vendor: TeamtailorStandIn, connector: TeamtailorConnector
) -> None:
    vendor.calls_a_second = 0
    with pytest.raises(ApiRateLimitedError) as refused:
        connector.reasons()
    assert refused.value.retry_after == 1
