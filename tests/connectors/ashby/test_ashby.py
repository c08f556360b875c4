"""What is peculiar to Ashby: errors inside a 200, tokens that end, mails it keeps once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest
import responses

from careerrelay.cli.rehearsal import rehearse
from careerrelay.connectors import (
    ApiAuthenticationError,
    ApiConflictError,
    ApiError,
    ApiNotFoundError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiRequestError,
    ApiResponseError,
    Application,
    ApplicationState,
    Channel,
    EventKind,
    RegistrationReport,
    SentMail,
    UnknownEventError,
    WebhookRequest,
    WebhookVerificationError,
)
from careerrelay.connectors.ashby import AshbyConnector
from careerrelay.connectors.ashby.standin import LINK_FIELD, AshbyStandIn
from careerrelay.connectors.ashby.stories import AshbyStory

from ..company import START, Clock, Receiver, opened, walk

OURS = "https://relay.example.com/r/"
LINK = f"{OURS}2NEpo7TZRRrLZSi2U"
MAIL = SentMail(
    "d1",
    "選考結果のご連絡",
    "<p>お知らせします。</p>",
    "saiyo@example.co.jp",
    "hanako@example.com",
    "<d1@example.co.jp>",
    datetime(2026, 11, 4, 3, 0, tzinfo=UTC),
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vendor(clock: Clock) -> AshbyStandIn:
    return AshbyStandIn(clock=clock)


@pytest.fixture
def connector(vendor: AshbyStandIn, clock: Clock) -> Iterator[AshbyConnector]:
    with vendor.serve() as url, opened(AshbyConnector, vendor.settings(url), clock=clock) as it:
        yield it


@pytest.fixture
def case(vendor: AshbyStandIn) -> str:
    return vendor.apply(name="Hanako Example", email="hanako@example.com")


def asked(connector: AshbyConnector, case: str) -> Application:
    return connector.fetch_application(case)


def fields_of(vendor: AshbyStandIn, case: str) -> dict[str, str]:
    person = vendor.person_of(case)
    assert person is not None
    return {row["title"]: row["value"] for row in person["customFields"]}


# Errors inside a 200.


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("unauthorized", ApiAuthenticationError),
        ("missing_endpoint_permission", ApiPermissionError),
        ("application_not_found", ApiNotFoundError),
        ("rate_limit_exceeded", ApiRateLimitedError),
        ("invalid_input", ApiRequestError),
        ("some_new_code", ApiRequestError),
    ],
)
@pytest.mark.parametrize("where", ["errorInfo", "errors"])
def test_error_inside_a_200_is_what_its_code_says(
    vendor: AshbyStandIn, clock: Clock, code: str, error: type[ApiError], where: str
) -> None:
    """The old list of codes counts where the newer object is not there."""
    told = {"errors": [code]} if where == "errors" else {"errorInfo": {"code": code}}
    settings = vendor.settings("http://127.0.0.1:9")
    with responses.RequestsMock() as mock, opened(AshbyConnector, settings, clock=clock) as it:
        mock.post("http://127.0.0.1:9/application.info", json={"success": False, **told})
        with pytest.raises(error) as caught:
            it.fetch_application("a1")
    assert type(caught.value) is error
    assert vendor.api_key not in caught.value.message


def test_success_that_holds_nothing_is_no_success(vendor: AshbyStandIn, clock: Clock) -> None:
    settings = vendor.settings("http://127.0.0.1:9")
    with responses.RequestsMock() as mock, opened(AshbyConnector, settings, clock=clock) as it:
        mock.post("http://127.0.0.1:9/application.info", json={"success": True})
        with pytest.raises(ApiResponseError):
            it.fetch_application("a1")


def test_case_that_is_not_there_is_not_found(connector: AshbyConnector) -> None:
    with pytest.raises(ApiNotFoundError):
        connector.fetch_application("3ae2b801-19f6-41ef-ad28-214bd731948f")


# Who ended it.


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("Too inexperienced", ApplicationState.REJECTED),
        ("Accepted another offer", ApplicationState.WITHDRAWN),
        ("Timing", ApplicationState.REJECTED),
    ],
)
def test_the_reasons_type_says_who_ended_a_case(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str, reason: str, state: ApplicationState
) -> None:
    vendor.archive(case, reason)
    found = asked(connector, case)
    assert found.state is state
    assert found.reason is not None
    assert found.reason.text == reason
    listed = {row.external_id: row for row in connector.reasons()}
    assert listed[found.reason.external_id] == found.reason


def test_restored_case_has_no_reason_any_more(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    vendor.archive(case)
    vendor.restore(case)
    assert (asked(connector, case).state, asked(connector, case).reason) == ("active", None)


def test_sources_group_says_that_somebody_was_sourced(
    vendor: AshbyStandIn, connector: AshbyConnector
) -> None:
    case = vendor.apply(name="Taro Example", email="taro@example.com", source="Sourced")
    assert asked(connector, case).channel is Channel.SCOUT


# Polls.


def test_a_sync_token_brings_what_changed_since_and_nothing_twice(
    vendor: AshbyStandIn, connector: AshbyConnector
) -> None:
    cases = [vendor.apply(name=f"P{n}", email=f"p{n}@example.com", bulk=True) for n in range(230)]
    events, cursor = walk(connector, {})
    assert [event.application_id for event in events] == cases
    assert sum(path == "/application.list" for _, path, _ in vendor.calls) == 3
    assert walk(connector, cursor)[0] == []
    vendor.archive(cases[7])
    events, _ = walk(connector, cursor)
    assert [(e.application_id, e.kind) for e in events] == [(cases[7], EventKind.REJECTED)]


def test_expired_token_begins_anew_from_the_same_day_and_loses_nothing(
    vendor: AshbyStandIn, connector: AshbyConnector, clock: Clock, case: str
) -> None:
    _, cursor = walk(connector, {})
    clock.forward(days=40)
    vendor.archive(case)
    vendor.tokens.clear()
    events, later = walk(connector, cursor)
    assert [(e.application_id, e.kind) for e in events] == [(case, EventKind.REJECTED)]
    assert later["since"] == cursor["since"]
    assert later["token"] != cursor["token"]
    assert walk(connector, later)[0] == []


def test_cursor_that_is_refused_in_mid_round_begins_anew(
    vendor: AshbyStandIn, connector: AshbyConnector
) -> None:
    for number in range(120):
        vendor.apply(name=f"P{number}", email=f"p{number}@example.com", bulk=True)
    first = connector.poll({})
    assert first.more
    vendor.fail_next(status=400)
    again = connector.poll(first.cursor)
    assert (again.events, again.more, dict(again.cursor)) == (
        (), True, {"since": first.cursor["since"]},
    )  # fmt: skip


def test_refusal_of_a_first_poll_is_no_expired_token(
    vendor: AshbyStandIn, connector: AshbyConnector
) -> None:
    vendor.fail_next(status=400)
    with pytest.raises(ApiRequestError):
        connector.poll({})


# Web hooks.


def test_wrong_secret_is_answered_so_that_ashby_sends_again() -> None:
    hook = AshbyConnector.spec.webhook
    assert hook is not None
    assert hook.refuse_status not in (401, 403, 404, 405, 410)
    assert hook.refuse_status >= 500


@pytest.mark.parametrize("status", [401, 403, 404, 405, 410])
def test_stand_in_never_sends_again_after_that_status(
    vendor: AshbyStandIn, case: str, status: int
) -> None:
    assert _attempts(vendor, case, status) == 1


def test_stand_in_sends_ten_times_in_all_after_a_503(vendor: AshbyStandIn, case: str) -> None:
    assert _attempts(vendor, case, 503) == 10


def _attempts(vendor: AshbyStandIn, case: str, status: int) -> int:
    with Receiver(status).serve() as url, vendor.serve():
        vendor.hooks["candidateStageChange"] = f"{url}/hook"
        vendor.archive(case)
        assert vendor.wait_delivered()
    return len(vendor.deliveries)


def test_web_hook_tells_the_whole_case_and_one_byte_more_is_refused(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    receiver = Receiver()
    with receiver.serve() as url:
        vendor.hooks["candidateStageChange"] = f"{url}/hook"
        vendor.archive(case)
        assert vendor.wait_delivered()
    request = receiver.taken[0]
    connector.verify_webhook(request)
    (event,) = connector.read_webhook(request)
    assert event.application == asked(connector, case)
    for broken in (replace(request, body=request.body + b" "), replace(request, headers={})):
        with pytest.raises(WebhookVerificationError):
            connector.verify_webhook(broken)


def test_new_kind_of_web_hook_is_told_as_unknown(connector: AshbyConnector) -> None:
    body = json.dumps({"action": "candidateCloned", "data": {}}).encode()
    with pytest.raises(UnknownEventError):
        connector.read_webhook(WebhookRequest("POST", "/hook", "", {}, body, START))


# The field.


def test_link_is_written_once_and_taken_out_again(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    application = asked(connector, case)
    for _ in range(2):
        connector.write_link(application, LINK, ours=OURS)
    writes = [path for _, path, _ in vendor.calls if path == "/customField.setValue"]
    assert (fields_of(vendor, case), len(writes)) == ({LINK_FIELD: LINK}, 1)
    connector.write_link(application, "", ours=OURS)
    assert fields_of(vendor, case) == {}


def test_field_with_something_else_in_it_is_left_alone(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    person = vendor.person_of(case)
    assert person is not None
    field = vendor.fields[0]
    person["customFields"] = [{**field, "value": "https://example.com/portfolio"}]
    with pytest.raises(ApiConflictError, match="link_field"):
        connector.write_link(asked(connector, case), LINK, ours=OURS)
    assert fields_of(vendor, case) == {LINK_FIELD: "https://example.com/portfolio"}


def test_field_made_later_is_found_without_a_restart(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    """Onboarding: first the connection, then somebody makes the field in Ashby."""
    field = vendor.fields.pop(0)
    with pytest.raises(ApiRequestError, match="link_field"):
        connector.write_link(asked(connector, case), LINK, ours=OURS)
    vendor.fields.append(field)
    connector.write_link(asked(connector, case), LINK, ours=OURS)
    assert fields_of(vendor, case) == {LINK_FIELD: LINK}


def test_field_of_another_kind_of_record_is_none_of_a_candidate(
    vendor: AshbyStandIn, connector: AshbyConnector
) -> None:
    vendor.fields[0]["objectType"] = "Application"
    failed = {check.name: check.remedy for check in connector.check() if not check.ok}
    assert "enabled in e-mail templates" in failed["link_field"]


# Reports.


def test_report_of_a_person_with_notes_of_others_is_written_once(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    person = vendor.person_of(case)
    assert person is not None
    vendor.notes[person["id"]].append({"id": "n1", "createdAt": "x", "content": "Strong"})
    report = RegistrationReport("CR-1", "Registered. [CR-1]", "CareerRelay registered")
    for _ in range(2):
        connector.report_registration(asked(connector, case), report)
    assert [n["content"] for n in vendor.notes[person["id"]]] == ["Strong", "Registered. [CR-1]"]
    assert [tag["title"] for tag in person["tags"]] == ["CareerRelay registered"]


# Mails of ours.


class OwnMailStory(AshbyStory):
    """The company sends its notices through CareerRelay."""

    strategy: ClassVar[str] = "own_mail"


def test_story_by_own_mail_ends_with_each_mail_on_its_record_once(tmp_path: Path) -> None:
    played = rehearse(
        AshbyConnector,
        folder=tmp_path / "it",
        bulk=5,
        story=OwnMailStory,
        examples=Path(__file__).parent,
    )
    assert (played.strategy, played.deaths) == ("own_mail", 2)


def test_mail_is_kept_whether_ashby_refuses_its_id_or_takes_it_for_done(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    for answer in ("emailProviderEmailId must be unique per API key", ""):
        vendor.known_mail = answer
        for _ in range(2):
            connector.record_mail(asked(connector, case), MAIL)
    assert [mail["subject"] for mail in vendor.mails.values()] == ["選考結果のご連絡"]


def test_refusal_that_does_not_say_why_is_left_to_a_person(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    """It might be the mail's id, or anything else: not documented, so nothing is assumed."""
    connector.record_mail(asked(connector, case), MAIL)
    vendor.known_mail = "Request payload is malformed"
    with pytest.raises(ApiRequestError):
        connector.record_mail(asked(connector, case), MAIL)
    assert len(vendor.mails) == 1


def test_key_without_writing_names_the_permission(
    vendor: AshbyStandIn, connector: AshbyConnector, case: str
) -> None:
    vendor.permissions.remove("candidatesWrite")
    with pytest.raises(ApiPermissionError, match="candidatesWrite"):
        connector.record_mail(asked(connector, case), MAIL)
    assert vendor.mails == {}
