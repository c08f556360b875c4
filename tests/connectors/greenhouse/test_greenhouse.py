"""What is peculiar to Greenhouse's web hooks; the rest is in fixtures and the shared suite."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from careerrelay.connectors import (
    Channel,
    EventKind,
    PayloadError,
    Stage,
    UnknownEventError,
    WebhookRequest,
    WebhookVerificationError,
    open_connector,
)
from careerrelay.connectors.greenhouse import words
from careerrelay.connectors.testing.fixtures import read_request

HERE = Path(__file__).parent
SETTINGS: dict[str, str] = json.loads((HERE / "settings.json").read_text())
CONNECTOR = open_connector("greenhouse", SETTINGS)


def fixture(name: str = "reject_candidate") -> WebhookRequest:
    return read_request(HERE / "fixtures" / f"{name}.http")


def with_body(body: bytes) -> WebhookRequest:
    return dataclasses.replace(fixture(), body=body)


def changed(name: str, **fields: Any) -> WebhookRequest:
    """The fixture with fields of its application changed."""
    hook = json.loads(fixture(name).body)
    hook["payload"]["application"].update(fields)
    return with_body(json.dumps(hook).encode())


def signed(request: WebhookRequest, secret: str, *, form: str = "sha256 {}") -> WebhookRequest:
    """Signed independently of the code under test."""
    digest = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
    headers = {**request.headers, "signature": form.format(digest)}
    return dataclasses.replace(request, headers=headers)


def test_signature_is_sha256_a_space_and_hex_of_the_raw_body() -> None:
    CONNECTOR.verify_webhook(signed(fixture(), SETTINGS["webhook_secret"]))


def test_escapes_in_the_body_are_part_of_what_is_signed() -> None:
    """``\\u003c`` parsed and written again is ``<``: another digest."""
    request = signed(fixture("reject_candidate__japanese"), SETTINGS["webhook_secret"])
    assert b"\\u003c" in request.body
    CONNECTOR.verify_webhook(request)
    again = json.dumps(json.loads(request.body)).encode()
    with pytest.raises(WebhookVerificationError):
        CONNECTOR.verify_webhook(dataclasses.replace(request, body=again))


@pytest.mark.parametrize("secret", ["new-secret", "old-secret"])
def test_two_secrets_are_good_while_one_replaces_the_other(secret: str) -> None:
    settings = {**SETTINGS, "webhook_secret": "new-secret, old-secret"}
    open_connector("greenhouse", settings).verify_webhook(signed(fixture(), secret))


def test_the_newest_secret_signs() -> None:
    settings = {**SETTINGS, "webhook_secret": "new-secret\nold-secret"}
    request = open_connector("greenhouse", settings).sign_webhook(fixture())
    assert request.headers == signed(fixture(), "new-secret").headers


@pytest.mark.parametrize(
    "form", ["{}", "sha1 {}", "sha256={}", "sha256", "sha256 ", "sha256 zz{}", "sha256 {}\u00e9"]
)
def test_malformed_signature_is_refused(form: str) -> None:
    with pytest.raises(WebhookVerificationError):
        CONNECTOR.verify_webhook(signed(fixture(), SETTINGS["webhook_secret"], form=form))


def test_missing_signature_says_where_to_type_the_secret() -> None:
    with pytest.raises(WebhookVerificationError, match="webhook_secret as Secret key"):
        CONNECTOR.verify_webhook(fixture())


def test_event_id_is_the_key_against_replays() -> None:
    assert CONNECTOR.delivery_id(fixture()) == fixture().headers["greenhouse-event-id"]


class TestPing:
    """Greenhouse saves a hook as disabled when its ping is not answered with success."""

    def test_unsigned_ping_is_answered(self) -> None:
        reply = CONNECTOR.answer_handshake(fixture("ping"))
        assert reply
        assert reply.status == 200

    def test_rightly_signed_ping_is_answered(self) -> None:
        assert CONNECTOR.answer_handshake(signed(fixture("ping"), SETTINGS["webhook_secret"]))

    def test_wrongly_signed_ping_goes_on_to_be_refused(self) -> None:
        request = signed(fixture("ping"), "another-secret")
        assert CONNECTOR.answer_handshake(request) is None
        with pytest.raises(WebhookVerificationError):
            CONNECTOR.verify_webhook(request)

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"ping"', b"\xff", b'{"action": 1}'])
    def test_anything_else_is_no_ping(self, body: bytes) -> None:
        assert CONNECTOR.answer_handshake(with_body(body)) is None


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("reject_candidate", {"status": "paused"}),
        ("reject_candidate", {"status": 3}),
        ("reject_candidate", {"candidate": None}),
        ("reject_candidate", {"jobs": None}),
        ("reject_candidate", {"jobs": [{"id": 1}]}),
        ("reject_candidate", {"id": None}),
        ("reject_candidate", {"id": True}),
        ("reject_candidate", {"rejected_at": "yesterday"}),
        ("reject_candidate", {"rejected_at": "2026-11-04T09:30:00"}),
        ("reject_candidate", {"rejection_reason": "Too Junior"}),
        ("reject_candidate", {"prospect": "false"}),
        ("hire_candidate", {"candidate": {"id": 1}}),
    ],
)
def test_undocumented_shape_is_refused_naming_the_field(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(PayloadError, match=next(iter(fields))):
        CONNECTOR.read_webhook(changed(name, **fields))


@pytest.mark.parametrize("flag", ["can_email", "is_private"])
@pytest.mark.parametrize("value", [None, "yes", 1])
def test_do_not_email_and_private_are_never_guessed(flag: str, value: Any) -> None:
    hook = json.loads(fixture().body)
    hook["payload"]["application"]["candidate"][flag] = value
    with pytest.raises(PayloadError, match=flag):
        CONNECTOR.read_webhook(with_body(json.dumps(hook).encode()))


def test_merge_without_the_id_that_stays_is_refused() -> None:
    hook = json.loads(fixture("merge_candidate").body)
    del hook["payload"]["person"]["new_candidate_id"]
    with pytest.raises(PayloadError, match="new_candidate_id"):
        CONNECTOR.read_webhook(with_body(json.dumps(hook).encode()))


def test_unknown_action_is_told_apart_from_garbage() -> None:
    with pytest.raises(UnknownEventError):
        CONNECTOR.read_webhook(with_body(b'{"action": "candidate_promoted", "payload": {}}'))


def test_error_messages_hold_nobodys_data() -> None:
    with pytest.raises(PayloadError) as refused:
        CONNECTOR.read_webhook(changed("reject_candidate", rejected_at="haruka.mori@example.com"))
    assert "haruka" not in refused.value.message


def test_hook_that_waited_while_the_case_moved_on_asks_for_the_truth() -> None:
    [event] = CONNECTOR.read_webhook(changed("unreject_candidate", status="rejected"))
    assert (event.kind, event.application) == (EventKind.CHANGED, None)


def test_first_job_of_several_is_taken_for_a_prospect() -> None:
    jobs = [{"id": 1, "name": "Designer"}, {"id": 2, "name": "Engineer", "confidential": True}]
    [event] = CONNECTOR.read_webhook(changed("new_prospect_application", jobs=jobs))
    assert event.application
    assert event.application.job
    assert event.application.job.title == "Designer"
    assert event.application.flags == {"private"}


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("Application Review", Stage.DOCUMENTS),
        ("書類選考", Stage.DOCUMENTS),
        ("Preliminary Phone Screen", Stage.FIRST_INTERVIEW),
        ("一次面接", Stage.FIRST_INTERVIEW),
        ("Face to Face", Stage.LATER_INTERVIEW),
        ("二次面接", Stage.LATER_INTERVIEW),
        ("Final Interview", Stage.FINAL_INTERVIEW),
        ("最終面接", Stage.FINAL_INTERVIEW),
        ("Offer", Stage.OFFER),
        ("Assessment", Stage.UNKNOWN),
        ("", Stage.UNKNOWN),
    ],
)
def test_stage_by_its_name(name: str, stage: Stage) -> None:
    assert words.stage_of(name) is stage


@pytest.mark.parametrize(
    ("names", "channel"),
    [
        (("Referral",), Channel.REFERRAL),
        (("Internal Applicant", None), Channel.INTERNAL),
        (("LinkedIn (Prospecting)", None), Channel.SCOUT),
        (("Example Agency", "Agencies"), Channel.AGENT),
        (("Indeed", "Third-party boards"), Channel.UNKNOWN),
        ((None, None), Channel.UNKNOWN),
    ],
)
def test_channel_by_source_name_or_type(names: tuple[str | None, ...], channel: Channel) -> None:
    assert words.channel_of(*names) is channel
