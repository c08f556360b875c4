"""What is peculiar to Breezy HR: rewritten JSON, times from the stream, messages in a thread."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    ApiNotFoundError,
    ApiUnavailableError,
    Application,
    ApplicationState,
    Channel,
    HttpClient,
    OutgoingMessage,
    RegistrationReport,
    RejectionSide,
    Trust,
    WebhookRequest,
    WebhookVerificationError,
    check_settings,
    hmac_sha256_hex,
)
from careerrelay.connectors.breezyhr.connector import BreezyhrConnector
from careerrelay.connectors.breezyhr.standin import ENDED, HIRED, WITHDREW, BreezyhrStandIn

from ..company import SECOND, START, Clock

MESSAGE = OutgoingMessage(
    "d3l1v3ry1", "選考結果のご連絡", "このたびは <見本> & Co.\nhttps://relay.example.com/r/AbC1"
)
REPORT = RegistrationReport("CR-1", "Registered. [CR-1]", "CareerRelay registered")


@pytest.fixture
def clock() -> Clock:
    return Clock(step=SECOND)


@pytest.fixture
def vendor(clock: Clock) -> BreezyhrStandIn:
    return BreezyhrStandIn(clock=clock)


def opened(vendor: BreezyhrStandIn, url: str, **given: str) -> BreezyhrConnector:
    settings = check_settings(
        BreezyhrConnector.spec, {**vendor.settings(url), **given}, allow_private=True
    )
    return BreezyhrConnector(
        settings, http=HttpClient("breezyhr", allow_private=True), clock=vendor.clock
    )


@pytest.fixture
def connector(vendor: BreezyhrStandIn) -> Iterator[BreezyhrConnector]:
    with vendor.serve() as url:
        found = opened(vendor, url)
        yield found
        found.http.close()


def apply(vendor: BreezyhrStandIn, position: str = "", **more: str) -> str:
    position = position or vendor.open_position("営業")
    return vendor.apply(name="見本 花子", email="hanako@example.jp", position=position, **more)


def messages(vendor: BreezyhrStandIn, case: str) -> list[str]:
    return [entry["object"]["body"] for entry in vendor.threads[case.partition(":")[2]]]


def signed(connector: BreezyhrConnector, sent: bytes, hashed: bytes) -> WebhookRequest:
    signature = hmac_sha256_hex(connector.settings["webhook_secret"], hashed)
    return WebhookRequest("POST", "/hook", "", {"x-hook-signature": signature}, sent, START)


BODY = {"type": "candidateAdded", "object": {"candidate": {"name": "見本 花子", "age": 3}}}
COMPACT = json.dumps(BODY, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("sent", "hashed"),
    [
        (COMPACT, COMPACT),
        (json.dumps(BODY).encode(), json.dumps(BODY).encode()),
        (json.dumps(BODY, indent=2).encode(), COMPACT),
    ],
)
def test_signature_is_of_what_was_sent_or_of_the_json_written_compactly(
    connector: BreezyhrConnector, sent: bytes, hashed: bytes
) -> None:
    connector.verify_webhook(signed(connector, sent, hashed))


@pytest.mark.parametrize("sent", [b"not JSON", json.dumps({**BODY, "type": "x"}).encode()])
def test_another_content_is_refused(connector: BreezyhrConnector, sent: bytes) -> None:
    with pytest.raises(WebhookVerificationError, match="X-Hook-Signature does not match"):
        connector.verify_webhook(signed(connector, sent, COMPACT))


def test_body_that_may_be_written_anew_is_only_a_hint(connector: BreezyhrConnector) -> None:
    assert connector.spec.webhook is not None
    assert connector.spec.webhook.trust is Trust.HINT


def test_edit_makes_no_new_rejection_of_an_old_one(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, ENDED)
    before = connector.fetch_application(case)
    vendor.clock.now += timedelta(days=90)  # type: ignore[attr-defined]
    vendor.edit(case, name="見本 花")
    after = connector.fetch_application(case)
    assert after.changed_at == before.changed_at
    assert after.candidate.full_name == "見本 花"
    assert after.notice_after == after.changed_at


def looked(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector, known: Application
) -> tuple[Application, int]:
    """What a second look tells, and the calls about the candidate that it takes."""
    before = len(vendor.calls)
    found = connector.fetch_again(known)
    return found, sum("/candidate/" in path for _, path, _ in vendor.calls[before:])


def test_unchanged_record_is_looked_at_once_more_with_one_call(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, ENDED)
    known = connector.fetch_application(case)
    vendor.clock.now += timedelta(days=7)  # type: ignore[attr-defined]
    assert looked(vendor, connector, known) == (known, 1)
    vendor.edit(case, tags=["do not contact"])
    assert looked(vendor, connector, known)[1] == 2
    vendor.move(case, WITHDREW)
    again, calls = looked(vendor, connector, known)
    assert calls == 2
    assert again.changed_at > known.changed_at


def test_row_of_the_list_tells_whether_a_case_has_changed_since_it_was_read(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, ENDED)
    known = connector.fetch_application(case).version
    cursor = connector.poll({}).cursor
    assert [event.version for event in connector.poll(cursor).events] == [known]
    vendor.edit(case, name="見本 花")
    assert known not in [event.version for event in connector.poll(cursor).events]
    vendor.move(case, WITHDREW)
    assert known not in [event.version for event in connector.poll(cursor).events]


def test_moving_back_comes_later_than_the_end(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, ENDED)
    ended = connector.fetch_application(case)
    vendor.move(case, "applied")
    found = connector.fetch_application(case)
    assert (ended.state, found.state) == (ApplicationState.REJECTED, ApplicationState.ACTIVE)
    assert found.changed_at > ended.changed_at


def test_only_the_reason_map_says_who_ended_it(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    case = apply(vendor)
    vendor.move(case, WITHDREW)
    reason = connector.fetch_application(case).reason
    assert reason is not None
    assert (reason.external_id, reason.side) == ("Withdrew", RejectionSide.UNKNOWN)
    assert [r.external_id for r in connector.reasons()] == ["Disqualified", "Withdrew"]


def test_hired_is_what_the_company_calls_so(vendor: BreezyhrStandIn) -> None:
    case = apply(vendor)
    vendor.move(case, HIRED)
    with vendor.serve() as url:
        states = [
            opened(vendor, url, hired_stages=name).fetch_application(case).state
            for name in ("HIRED", "入社")
        ]
    assert states == [ApplicationState.HIRED, ApplicationState.ACTIVE]


@pytest.mark.parametrize(
    ("origin", "channel"),
    [("sourced", Channel.SCOUT), ("recruiter", Channel.AGENT), ("import", Channel.UNKNOWN)],
)
def test_scouts_and_agents_are_told_apart_by_origin(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector, origin: str, channel: Channel
) -> None:
    case = apply(vendor, origin=origin)
    assert connector.fetch_application(case).channel is channel


def test_record_moved_to_another_position_is_another_case(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    case = apply(vendor)
    other = vendor.open_position("経理")
    person = case.partition(":")[2]
    vendor.people[person]["position"] = other
    with pytest.raises(ApiNotFoundError, match="another position"):
        connector.fetch_application(case)
    assert connector.fetch_application(f"{other}:{person}").job is not None


def test_silent_deletion_is_noticed_when_asked(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    case = apply(vendor)
    vendor.delete(case, silently=True)
    with pytest.raises(ApiNotFoundError):
        connector.fetch_application(case)


def rejected(vendor: BreezyhrStandIn, connector: BreezyhrConnector) -> Any:
    case = apply(vendor)
    vendor.move(case, ENDED)
    return connector.fetch_application(case)


@pytest.mark.parametrize("before", [0, 2, 3, 7])
def test_message_is_sent_once_however_long_the_thread(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector, before: int
) -> None:
    application = rejected(vendor, connector)
    for number in range(before):
        vendor.say(application.external_id, f"Message {number}")
    connector.send_message(application, MESSAGE)
    for number in range(before):
        vendor.say(application.external_id, f"Answer {number}")
    connector.send_message(application, MESSAGE)
    sent = messages(vendor, application.external_id)
    assert sum(MESSAGE.marker in text for text in sent) == 1
    assert f"{MESSAGE.text}\n\nRef. {MESSAGE.marker}" in sent


def test_message_at_the_far_end_of_a_thread_is_sent_no_second_time(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    """Taken for all of it, its first forty pages had the message sent again."""
    application = rejected(vendor, connector)
    connector.send_message(application, MESSAGE)
    for number in range(125):
        vendor.say(application.external_id, f"Answer {number}")
    connector.send_message(application, MESSAGE)
    sent = messages(vendor, application.external_id)
    assert sum(MESSAGE.marker in text for text in sent) == 1


def test_answer_that_is_lost_sends_no_second_mail(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    application = rejected(vendor, connector)
    vendor.fail_next(status=502, skip=1, after_effect=True)
    with pytest.raises(ApiUnavailableError):
        connector.send_message(application, MESSAGE)
    connector.send_message(application, MESSAGE)
    assert len(messages(vendor, application.external_id)) == 1


def test_second_rejection_is_a_message_of_its_own(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    application = rejected(vendor, connector)
    connector.send_message(application, MESSAGE)
    connector.send_message(application, replace(MESSAGE, marker="d3l1v3ry2"))
    assert len(messages(vendor, application.external_id)) == 2


def test_html_keeps_lines_and_signs(vendor: BreezyhrStandIn) -> None:
    with vendor.serve() as url:
        connector = opened(vendor, url, message_format="html")
        application = rejected(vendor, connector)
        connector.send_message(application, MESSAGE)
    (text,) = messages(vendor, application.external_id)
    assert text.startswith(
        "このたびは &lt;見本&gt; &amp; Co.<br>https://relay.example.com/r/AbC1<br>"
    )


def test_burst_on_one_position_asks_for_its_name_once(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    position = vendor.open_position("営業")
    cases = [apply(vendor, position) for _ in range(5)]
    for case in cases:
        vendor.move(case, ENDED)
        again = BreezyhrConnector(connector.settings, http=connector.http, clock=vendor.clock)
        assert again.fetch_application(case).job is not None
    asked = [path for _, path, _ in vendor.calls if path.endswith(f"/position/{position}")]
    assert len(asked) == 1


def test_other_tags_stay(vendor: BreezyhrStandIn, connector: BreezyhrConnector) -> None:
    application = rejected(vendor, connector)
    vendor.edit(application.external_id, tags=["vip", "再応募"])
    for _ in range(2):
        connector.report_registration(application, REPORT)
    person = application.candidate.external_id
    assert vendor.people[person]["tags"] == ["vip", "再応募", REPORT.tag]
    assert vendor.attributes[person]["CareerRelay"]["value"] == REPORT.tag
    bodies = [entry["object"].get("body") for entry in vendor.streams[person]]
    assert bodies.count(REPORT.text) == 1


def walk(connector: BreezyhrConnector, cursor: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    found: list[str] = []
    more = True
    while more:
        page = connector.poll(cursor)
        # A worker that is killed before it stored this page asks for it again.
        assert connector.poll(cursor).events == page.events
        found += [event.application_id or "" for event in page.events]
        cursor, more = json.loads(json.dumps(page.cursor)), page.more
    return found, cursor


def test_lost_web_hooks_are_found_position_by_position(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    closed, small = vendor.open_position("営業"), vendor.open_position("経理")
    cases = [apply(vendor, closed) for _ in range(120)]
    other = apply(vendor, small)
    for case in cases[:110]:
        vendor.move(case, ENDED)
    vendor.positions[closed]["state"] = "closed"
    found, cursor = walk(connector, {})
    assert sorted(found) == sorted(cases[:110])
    vendor.clock.now += timedelta(hours=1)  # type: ignore[attr-defined]
    _, cursor = walk(connector, cursor)
    vendor.move(other, ENDED)
    vendor.move(cases[0], "applied")
    vendor.edit(cases[1], tags=["vip"])
    assert sorted(walk(connector, cursor)[0]) == sorted([other, cases[0], cases[1]])


def test_user_without_access_is_told_so(
    vendor: BreezyhrStandIn, connector: BreezyhrConnector
) -> None:
    vendor.allowed = False
    failed = [check for check in connector.check() if not check.ok]
    assert [check.name for check in failed] == ["positions", "web hooks"]
    assert "Pro plan" in failed[1].remedy


def test_check_without_a_secret_says_what_is_lost(vendor: BreezyhrStandIn) -> None:
    with vendor.serve() as url:
        checks = opened(vendor, url, webhook_secret="").check()
    assert "polling alone" in next(c.detail for c in checks if c.name == "web hooks")
