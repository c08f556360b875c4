"""What is peculiar to iCIMS: its signature, gzip, ids only, a search that knows no moment."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiResponseError,
    ApplicationState,
    ConfigurationError,
    WebhookRequest,
    WebhookVerificationError,
)
from careerrelay.connectors.icims import webhook
from careerrelay.connectors.icims.connector import IcimsConnector
from careerrelay.connectors.icims.standin import (
    REJECTED,
    REVIEW,
    IcimsStandIn,
    settings,
)
from careerrelay.connectors.testing import Request, StandIn, route

from ..company import SECOND, START, Clock, Receiver, again, opened

EVENT = {
    "eventType": "WorkFlowStatusChangeEvent",
    "customerId": "6271",
    "systemId": "1479",
    "personId": "1930",
    "newStatus": REJECTED,
}


@pytest.fixture
def vendor() -> IcimsStandIn:
    return IcimsStandIn(clock=Clock(step=SECOND))


@pytest.fixture
def connector(vendor: IcimsStandIn) -> Iterator[IcimsConnector]:
    with vendor.serve() as url:
        given = settings(vendor, url)
        with opened(IcimsConnector, given, clock=vendor.clock) as connector:
            yield connector


def apply(vendor: IcimsStandIn) -> str:
    return vendor.apply(given_name="花子", family_name="見本", email="h@example.jp", job="営業")


def request(body: bytes = b"") -> WebhookRequest:
    headers = {"host": "relay.example.co.jp", "content-type": "application/json"}
    sent = body or json.dumps(EVENT).encode()
    return WebhookRequest("POST", "/webhooks/icims", "a=1", headers, sent, START)


def test_what_the_vendor_signs_by_its_own_code_is_verified_and_read(
    vendor: IcimsStandIn, connector: IcimsConnector
) -> None:
    receiver = Receiver()
    with receiver.serve() as target:
        vendor.hook_url = f"{target}/hook"
        case = apply(vendor)
        for status in (REVIEW, REJECTED, REVIEW, REJECTED):
            vendor.move(case, status)
        assert vendor.wait_delivered()
    for taken in receiver.taken:
        assert taken.body.startswith(b"\x1f\x8b")
        connector.verify_webhook(taken)
        (event,) = connector.parse_webhook(taken)
        assert event.application_id == case
    assert len({connector.delivery_id(taken) for taken in receiver.taken}) == 4


def test_hash_may_be_of_the_body_before_or_after_compression(connector: IcimsConnector) -> None:
    text = json.dumps(EVENT).encode()
    of_text = connector.sign_webhook(request(text))
    connector.verify_webhook(dataclasses.replace(of_text, body=gzip.compress(text)))
    connector.verify_webhook(connector.sign_webhook(request(gzip.compress(text))))


def changed(signed: WebhookRequest, **headers: str) -> WebhookRequest:
    return dataclasses.replace(signed, headers={**signed.headers, **headers})


@pytest.mark.parametrize(
    "forge",
    [
        lambda signed: dataclasses.replace(signed, body=signed.body + b" "),
        lambda signed: dataclasses.replace(signed, path="/webhooks/another"),
        lambda signed: dataclasses.replace(signed, query=""),
        lambda signed: dataclasses.replace(signed, method="PUT"),
        lambda signed: changed(signed, host="relay.example.com"),
        lambda signed: changed(signed, **{webhook.DATE: "2026-11-04T03:00:01+0000"}),
        lambda signed: changed(signed, **{webhook.HASH: hashlib.sha256(b"another").hexdigest()}),
        lambda signed: changed(
            signed, authorization=signed.headers["authorization"].replace("careerrelay", "x")
        ),
        lambda signed: changed(
            signed,
            authorization=signed.headers["authorization"].replace(f"{webhook.HASH};", ""),
        ),
    ],
)
def test_whatever_is_signed_cannot_be_changed(forge: Any, connector: IcimsConnector) -> None:
    signed = connector.sign_webhook(request())
    connector.verify_webhook(signed)
    with pytest.raises(WebhookVerificationError):
        connector.verify_webhook(forge(signed))


@pytest.mark.parametrize("minutes", [-16, 16])
def test_event_that_is_sent_again_much_later_is_refused(
    minutes: int, connector: IcimsConnector
) -> None:
    signed = connector.sign_webhook(request())
    late = dataclasses.replace(signed, received_at=START + timedelta(minutes=minutes))
    with pytest.raises(WebhookVerificationError, match="replay"):
        connector.verify_webhook(late)


@pytest.mark.parametrize(
    "body",
    [b"\x1f\x8b", gzip.compress(b" " * (webhook.LARGEST + 1)), gzip.compress(b"{}")[:-4]],
    # By name: a compressed body holds the second it was made in, and each process makes its own.
    ids=["cut short", "too large", "without its end"],
)
def test_what_cannot_be_decompressed_within_bounds_is_nothing(body: bytes) -> None:
    assert webhook.plain(body) == b""


def test_basic_instead_of_a_signature(vendor: IcimsStandIn, connector: IcimsConnector) -> None:
    basic = again(connector, webhook_auth="basic")
    signed = basic.sign_webhook(request())
    basic.verify_webhook(signed)
    with pytest.raises(WebhookVerificationError):
        connector.verify_webhook(signed)
    with pytest.raises(WebhookVerificationError):
        basic.verify_webhook(connector.sign_webhook(request()))


def told(connector: IcimsConnector, cursor: Mapping[str, Any]) -> tuple[list[Any], Any]:
    page = connector.poll(cursor)
    return [event.application_id for event in page.events], page.cursor


def test_search_tells_who_came_and_who_went_and_decides_nobody_at_first(
    vendor: IcimsStandIn, connector: IcimsConnector
) -> None:
    old, new = apply(vendor), apply(vendor)
    vendor.move(old, REJECTED)
    found, cursor = told(connector, {})
    assert found == []
    vendor.move(new, REJECTED)
    found, cursor = told(connector, cursor)
    assert found == [new]
    vendor.move(new, REVIEW)
    found, cursor = told(connector, cursor)
    assert found == [new]
    assert connector.fetch_application(new).state is ApplicationState.ACTIVE
    assert told(connector, cursor)[0] == []


def test_case_that_leaves_the_search_by_age_keeps_its_delay(
    vendor: IcimsStandIn, connector: IcimsConnector
) -> None:
    _, cursor = told(connector, {})
    case = apply(vendor)
    vendor.move(case, REJECTED)
    first = connector.poll(cursor)
    vendor.clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    later = connector.poll(first.cursor)
    (came,), (went,) = first.events, later.events
    assert came.notice_after is not None
    assert went.notice_after == pytest.approx(came.notice_after, abs=timedelta(seconds=5))


def test_who_stood_there_at_the_first_search_is_told_by_no_later_one_either(
    vendor: IcimsStandIn, connector: IcimsConnector
) -> None:
    """Nothing would be recorded of them yet, and the end would count as one of that day."""
    old = apply(vendor)
    vendor.move(old, REJECTED)
    _, cursor = told(connector, {})
    vendor.clock.now += timedelta(days=10)  # type: ignore[attr-defined]
    found, cursor = told(connector, cursor)
    assert (found, cursor["known"]) == ([], {})


def test_search_that_cannot_say_all_is_an_error(
    vendor: IcimsStandIn, connector: IcimsConnector
) -> None:
    for _ in range(1000):
        vendor.move(apply(vendor), REJECTED)
    with pytest.raises(ApiResponseError, match="search_days"):
        connector.poll({})


def test_no_polling_without_a_filter(vendor: IcimsStandIn, connector: IcimsConnector) -> None:
    given = {**connector.settings, "status_filter": "none"}
    off = again(connector, **given)
    assert off.poll({}).events == ()
    assert vendor.calls == []


def test_link_needs_its_field_and_oauth_its_address(
    vendor: IcimsStandIn, connector: IcimsConnector
) -> None:
    found = connector.fetch_application(apply(vendor))
    bare = again(connector, link_field="")
    with pytest.raises(ConfigurationError, match="link_field"):
        bare.write_link(found, "https://r.example.com/1", ours="https://r.example.com/")
    with pytest.raises(ConfigurationError, match="token_url"):
        again(connector, api_auth="oauth")


class OAuth(StandIn):
    """iCIMS behind a token."""

    @route("POST", "/token")
    def token(self, request: Request) -> tuple[int, Any]:
        good = request.form.to_dict() == {"grant_type": "client_credentials"}
        return (200, {"access_token": "t", "expires_in": 3600}) if good else (400, {})

    @route("POST", "/customers/6271/search/applicantworkflows")
    def search(self, request: Request) -> tuple[int, Any]:
        good = request.headers.get("Authorization") == "Bearer t"
        return (200, {"searchResults": []}) if good else (401, {})


def test_oauth_instead_of_a_user(vendor: IcimsStandIn) -> None:
    with OAuth().serve() as url:
        given = settings(vendor, url) | {"api_auth": "oauth", "token_url": f"{url}/token"}
        with opened(IcimsConnector, given, clock=vendor.clock) as connector:
            checks = connector.check()
    assert [check.ok for check in checks] == [True, True]


def test_user_who_sees_nothing_is_told(vendor: IcimsStandIn, connector: IcimsConnector) -> None:
    vendor.allowed = False
    (failed,) = (check for check in connector.check() if not check.ok)
    assert "Integration User" in failed.remedy
