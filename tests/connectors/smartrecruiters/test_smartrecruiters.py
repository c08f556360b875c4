"""What is peculiar to SmartRecruiters: the echo, the 202, rotating keys, one list at a time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from careerrelay.connectors import (
    ApiRateLimitedError,
    ApplicationState,
    Channel,
    ConfigurationError,
    Flag,
    HttpClient,
    RegistrationReport,
    WebhookRequest,
    WebhookVerificationError,
    check_settings,
)
from careerrelay.connectors.smartrecruiters.connector import SmartrecruitersConnector
from careerrelay.connectors.smartrecruiters.standin import SmartrecruitersStandIn
from careerrelay.connectors.testing import Request, Response, StandIn, read_request, route

from ..company import Clock

HERE = Path(__file__).parent
SECRET = json.loads((HERE / "settings.json").read_text())["webhook_secret"]


class Receiver(StandIn):
    """CareerRelay's web hook address, as far as it matters here."""

    def __init__(self, connector: SmartrecruitersConnector, *, status: int = 202) -> None:
        super().__init__()
        self.connector = connector
        self.status = status
        self.taken: list[WebhookRequest] = []

    @route("POST", "/hook")
    def hook(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        arrived = WebhookRequest(
            "POST", "/hook", "", headers, request.get_data(), self.connector.clock()
        )
        reply = self.connector.answer_handshake(arrived)
        if reply is not None:
            return Response(reply.body, reply.status, dict(reply.headers))
        self.connector.verify_webhook(arrived)
        self.taken.append(arrived)
        return Response(status=self.status)


@pytest.fixture
def vendor() -> SmartrecruitersStandIn:
    return SmartrecruitersStandIn(
        clock=Clock(datetime(2026, 11, 2, 3, 0, tzinfo=UTC), step=timedelta(milliseconds=200))
    )


@pytest.fixture
def url(vendor: SmartrecruitersStandIn) -> Iterator[str]:
    with vendor.serve() as base:
        yield base


def connect(vendor: SmartrecruitersStandIn, url: str, **changes: str) -> SmartrecruitersConnector:
    given = {"api_url": url, "api_key": vendor.api_key, "webhook_secret": vendor.secret}
    settings = check_settings(SmartrecruitersConnector.spec, given | changes, allow_private=True)
    http = HttpClient("smartrecruiters", allow_private=True)
    return SmartrecruitersConnector(settings, http=http, clock=vendor.clock)


@pytest.fixture
def connector(vendor: SmartrecruitersStandIn, url: str) -> SmartrecruitersConnector:
    return connect(vendor, url)


def subscribe(vendor: SmartrecruitersStandIn, target: str) -> bool:
    """What the guide's three calls do; whether the subscription became active."""
    vendor.subscriptions["s-1"] = {
        "id": "s-1",
        "callbackUrl": f"{target}/hook",
        "events": [{"name": name} for name in SmartrecruitersConnector.spec.events],
        "status": "inactive",
    }
    vendor.activate(None, "s-1")  # type: ignore[arg-type]
    return vendor.subscriptions["s-1"]["status"] == "active"


def apply(vendor: SmartrecruitersStandIn, *, source: str = "") -> str:
    return vendor.apply(name="Hanako Example", email="hanako@example.jp", job="営業", source=source)


def test_activation_is_answered_with_the_same_header(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    with Receiver(connector).serve() as target:
        assert subscribe(vendor, target)


@pytest.mark.parametrize("value", ["", "a b", "あ", "x" * 201, "a\r\nSet-Cookie: b"])
def test_a_header_nobody_would_send_is_not_echoed(
    connector: SmartrecruitersConnector, value: str
) -> None:
    request = WebhookRequest("POST", "/", "", {"x-hook-secret": value}, b"", datetime.now(UTC))
    assert connector.answer_handshake(request) is None


def test_what_the_vendor_sends_is_taken_and_says_where_to_look(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    receiver = Receiver(connector)
    with receiver.serve() as target:
        subscribe(vendor, target)
        case = apply(vendor)
        vendor.reject(case)
        assert vendor.wait_delivered()
    events = [event for hook in receiver.taken for event in connector.parse_webhook(hook)]
    assert {event.application_id for event in events} == {case}
    assert len({connector.delivery_id(hook) for hook in receiver.taken}) == 2


def test_200_is_no_success_and_a_retry_keeps_its_id(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    receiver = Receiver(connector, status=200)
    with receiver.serve() as target:
        subscribe(vendor, target)
        apply(vendor)
        assert vendor.wait_delivered()
    assert len(vendor.deliveries) == 1 + len(vendor.retry_seconds)
    assert len({connector.delivery_id(hook) for hook in receiver.taken}) == 1
    assert connector.spec.webhook is not None
    assert connector.spec.webhook.ack_status == 202


def stored() -> WebhookRequest:
    return read_request(HERE / "fixtures" / "application.status.updated.http")


def signed(*secrets: str) -> WebhookRequest:
    """As sent while keys rotate: one signature per key."""
    settings = {"api_key": "x", "webhook_secret": "x"}
    connector = SmartrecruitersConnector(check_settings(SmartrecruitersConnector.spec, settings))
    parts = []
    for secret in secrets:
        connector.settings = {**connector.settings, "webhook_secret": secret}
        parts.append(connector.sign_webhook(stored()).headers["smartrecruiters-signature"])
    request = connector.sign_webhook(stored())
    headers = {**request.headers, "smartrecruiters-signature": ";".join(parts)}
    return dataclasses.replace(request, headers=headers)


def test_any_of_several_signatures_will_do(connector: SmartrecruitersConnector) -> None:
    connector.settings = {**connector.settings, "webhook_secret": SECRET}
    connector.verify_webhook(signed("new", SECRET))
    connector.verify_webhook(signed(SECRET, "new"))
    with pytest.raises(WebhookVerificationError):
        connector.verify_webhook(signed("new", "other"))


def test_a_stranger_cannot_have_one_body_digested_a_thousand_times(
    connector: SmartrecruitersConnector,
) -> None:
    connector.settings = {**connector.settings, "webhook_secret": SECRET}
    with pytest.raises(WebhookVerificationError):
        connector.verify_webhook(signed(*["other"] * 1000, SECRET))


@pytest.mark.parametrize("name", ["event-id", "event-name", "event-version", "link"])
def test_each_signed_header_is_protected(connector: SmartrecruitersConnector, name: str) -> None:
    connector.settings = {**connector.settings, "webhook_secret": SECRET}
    request = signed(SECRET)
    changed = dataclasses.replace(request, headers={**request.headers, name: "other"})
    with pytest.raises(WebhookVerificationError):
        connector.verify_webhook(changed)


def test_a_delivery_from_last_month_is_refused(connector: SmartrecruitersConnector) -> None:
    connector.settings = {**connector.settings, "webhook_secret": SECRET}
    request = signed(SECRET)
    late = dataclasses.replace(request, received_at=request.received_at + timedelta(days=8))
    with pytest.raises(WebhookVerificationError, match="replay"):
        connector.verify_webhook(late)


def test_only_one_list_of_candidates_may_be_asked_for_at_a_time(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    apply(vendor)
    with vendor._listing, pytest.raises(ApiRateLimitedError):
        connector.poll({})
    assert connector.poll({}).cursor["page"] == ""


def test_doctor_leaves_the_candidate_list_to_the_poll(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    connector.check()
    assert "/candidates" not in {path for _, path, _ in vendor.calls}


def test_a_key_that_is_no_administrators_is_told_the_role(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    vendor.administrator = False
    notes = next(check for check in connector.check() if check.name == "notes")
    assert not notes.ok
    assert "ADMINISTRATOR" in notes.remedy


def poll_all(connector: SmartrecruitersConnector) -> list[str]:
    cursor, found, more = {}, [], True
    while more:
        page = connector.poll(cursor)
        found += [event.application_id or "" for event in page.events]
        cursor, more = dict(page.cursor), page.more
    return found


def test_the_past_is_read_page_by_page_and_for_its_rejections_only(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    cases = [apply(vendor) for _ in range(205)]
    for case in cases[:-1]:
        vendor.reject(case)
    assert poll_all(connector) == cases[:-1]


def test_later_rounds_see_what_was_taken_back(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    case = apply(vendor)
    vendor.reject(case)
    cursor = connector.poll({}).cursor
    vendor.set_status(case, "INTERVIEW")
    (event,) = connector.poll(cursor).events
    found = connector.fetch_application(event.application_id or "")
    assert found.state is ApplicationState.ACTIVE
    assert found.notice_after is None


@pytest.mark.parametrize(
    ("moves", "flags"),
    [
        (["OFFERED", "REJECTED"], set()),
        (["HIRED", "REJECTED"], {Flag.OFFER_RESCINDED}),
        (["HIRED", "IN_REVIEW", "REJECTED"], {Flag.OFFER_RESCINDED}),
        (["REJECTED", "HIRED"], set()),
        (["HIRED", "WITHDRAWN"], set()),
    ],
)
def test_who_was_hired_before_they_were_rejected_had_their_offer_rescinded(
    vendor: SmartrecruitersStandIn,
    connector: SmartrecruitersConnector,
    moves: list[str],
    flags: set[Flag],
) -> None:
    case = apply(vendor)
    for status in moves:
        vendor.set_status(case, status)
    assert connector.fetch_application(case).flags == flags


def test_list_tells_whether_a_case_has_changed_since_it_was_read(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    case = apply(vendor)
    other = apply(vendor).partition(":")[2]
    person = case.partition(":")[0]
    vendor.assign(person, other)
    cursor = connector.poll({}).cursor

    def listed() -> list[str]:
        events = connector.poll(cursor).events
        return [event.version for event in events if event.candidate_id == person]

    def read() -> list[str]:
        return [connector.fetch_application(id_).version for id_ in (case, f"{person}:{other}")]

    assert read() == listed()
    registration = RegistrationReport("CR-1", "Registered. [CR-1]", "CareerRelay registered")
    changes: list[Callable[[], None]] = [
        lambda: vendor.reject(case),
        lambda: vendor.set_status(case, "INTERVIEW"),
        lambda: connector.report_registration(connector.fetch_application(case), registration),
    ]
    for change in changes:
        known = read()
        change()
        assert not set(known) & set(listed())
    assert read() == listed()


def test_each_job_of_a_person_is_a_case_of_its_own(
    vendor: SmartrecruitersStandIn, connector: SmartrecruitersConnector
) -> None:
    first = apply(vendor)
    apply(vendor)
    person = first.partition(":")[0]
    vendor.assign(person, "j-2", source="Sourcing")
    vendor.reject(f"{person}:j-2")
    states = {case: connector.fetch_application(case).state for case in (first, f"{person}:j-2")}
    assert list(states.values()) == [ApplicationState.ACTIVE, ApplicationState.REJECTED]


def test_a_notice_of_ours_waits_longer_than_the_delayed_rejection(
    vendor: SmartrecruitersStandIn, url: str
) -> None:
    case = apply(vendor)
    vendor.reject(case)
    found = connect(vendor, url, notice_delay_days="9").fetch_application(case)
    assert found.notice_after == found.changed_at + timedelta(days=9)


def test_agents_internals_and_people_not_to_contact_are_told_apart(
    vendor: SmartrecruitersStandIn, url: str
) -> None:
    connector = connect(vendor, url, source_channels="ABC Agency=agent", do_not_contact_tags="dnc")
    agent = connector.fetch_application(apply(vendor, source="abc agency"))
    internal = connector.fetch_application(
        vendor.apply(name="Taro Example", email="t@example.jp", job="営業", internal=True)
    )
    case = apply(vendor)
    vendor.tags[case.partition(":")[0]] = ["DNC"]
    marked = connector.fetch_application(case)
    assert (agent.channel, internal.channel) == (Channel.AGENT, Channel.INTERNAL)
    assert marked.flags == {Flag.DO_NOT_CONTACT}


@pytest.mark.parametrize(
    ("setting", "value"),
    [("history_days", "soon"), ("notice_delay_days", "-1"), ("source_channels", "ABC")],
)
def test_a_setting_that_cannot_work_is_refused_when_it_is_typed_in(
    vendor: SmartrecruitersStandIn, setting: str, value: str
) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        connect(vendor, "http://127.0.0.1:9", **{setting: value})
