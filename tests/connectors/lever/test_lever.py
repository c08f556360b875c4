"""What is peculiar to Lever and needs no network."""

from __future__ import annotations

import copy
import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from careerrelay.connectors.lever.connector import LeverConnector
from careerrelay.connectors.lever.records import (
    ArchiveReason,
    OpportunitySchema,
    application_for,
)
from careerrelay.connectors.lever.spec import SPEC
from careerrelay.connectors.spec import Capability, Evidence
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Channel,
    Flag,
    Reason,
    RejectionSide,
)
from careerrelay.models.errors import (
    ConfigurationError,
    PayloadError,
    UnknownEventError,
    UnsupportedCapabilityError,
    WebhookVerificationError,
)
from careerrelay.models.events import ApplicationEvent, EventKind, WebhookRequest

ARRIVED = datetime(2026, 7, 2, 7, 0, tzinfo=UTC)
CASE = "6408dc54-7015-4e5b-8d60-23afff2b1efc"
OTHER_CASE = "90bb80d6-db1b-4ba8-9d4f-8bcb25b6c017"
ARCHIVED = {"reason": "4105fb10-1f79-44ec-b873-33886dc01348", "archivedAt": 1782973996415}
UNDER_QUALIFIED = ArchiveReason(Reason(ARCHIVED["reason"], "Under- qualified"), hired=False)
HIRED = ArchiveReason(Reason("0092d31b-502b-4f0d-b4da-3827e1a2991f", "Hired"), hired=True)

HOOK: dict[str, Any] = {
    "event": "candidateArchiveChange",
    "triggeredAt": int(ARRIVED.timestamp() * 1000) - 500,
    "token": "0f6c1d2e3a4b5c6d7e8f90112233445566778899",
    "data": {"opportunityId": CASE, "fromArchived": None, "toArchived": ARCHIVED},
}
OPPORTUNITY: dict[str, Any] = {
    "id": CASE,
    "name": "Hanako Example",
    "contact": "997fd432-94f6-4613-9fa8-c3d5bd49600b",
    "emails": ["hanako@example.com", " hanako@example.com "],
    "archived": ARCHIVED,
    "stage": "applicant-new",
    "origin": "applied",
    "applications": [],
    "confidentiality": "non-confidential",
    "isAnonymized": False,
    "dataProtection": None,
    "createdAt": 1782972986091,
    "updatedAt": 1782974048515,
    "urls": {"show": f"https://hire.lever.co/candidates/{CASE}"},
}


def request(body: Any) -> WebhookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest("POST", "/webhooks/lever", "", {}, raw, ARRIVED)


@pytest.fixture
def connector(settings: dict[str, str]) -> LeverConnector:
    return LeverConnector(settings | {"webhook_max_age_hours": "24"})


def read(connector: LeverConnector, hook: dict[str, Any]) -> list[ApplicationEvent]:
    signed = connector.sign_webhook(request(hook))
    connector.verify_webhook(signed)
    return connector.read_webhook(signed)


def snapshot(reason: ArchiveReason | None = UNDER_QUALIFIED, /, **changes: Any) -> Application:
    record = OpportunitySchema().read(copy.deepcopy(OPPORTUNITY) | changes)
    return application_for(record, job=None, reason=reason)


class TestSignature:
    def test_data_is_not_signed_so_a_forged_one_verifies_and_is_only_a_hint(
        self, connector: LeverConnector
    ) -> None:
        signed = json.loads(connector.sign_webhook(request(HOOK)).body)
        forged = request(signed | {"data": {"opportunityId": OTHER_CASE, "toArchived": None}})
        connector.verify_webhook(forged)
        (event,) = connector.read_webhook(forged)
        assert (event.kind, event.application_id) == (EventKind.CHANGED, OTHER_CASE)
        assert event.application is None

    @pytest.mark.parametrize(
        "change", [{"token": "another"}, {"triggeredAt": HOOK["triggeredAt"] + 1}]
    )
    def test_token_and_time_are_signed(
        self, connector: LeverConnector, change: dict[str, Any]
    ) -> None:
        signed = json.loads(connector.sign_webhook(request(HOOK)).body)
        with pytest.raises(WebhookVerificationError, match="signature_tokens"):
            connector.verify_webhook(request(signed | change))

    def test_each_of_several_signature_tokens_is_tried(self, settings: dict[str, str]) -> None:
        new, old = (LeverConnector(settings | {"signature_tokens": t}) for t in ("new", "old"))
        both = LeverConnector(settings | {"signature_tokens": "new, hired-hook\nold"})
        for sender in (new, old):
            both.verify_webhook(sender.sign_webhook(request(HOOK)))
        with pytest.raises(WebhookVerificationError):
            new.verify_webhook(old.sign_webhook(request(HOOK)))

    def test_without_a_signature_token_nothing_is_accepted(
        self, settings: dict[str, str], connector: LeverConnector
    ) -> None:
        polling = LeverConnector(settings | {"signature_tokens": ""})
        with pytest.raises(WebhookVerificationError, match="signature_tokens"):
            polling.verify_webhook(connector.sign_webhook(request(HOOK)))
        with pytest.raises(WebhookVerificationError, match="signature_tokens"):
            polling.verify_webhook(polling.sign_webhook(request(HOOK)))

    def test_an_old_hook_is_refused_with_its_age_and_the_setting(
        self, connector: LeverConnector
    ) -> None:
        late = dataclasses.replace(
            connector.sign_webhook(request(HOOK)), received_at=ARRIVED + timedelta(hours=25)
        )
        with pytest.raises(WebhookVerificationError, match=r"25 hours.*webhook_max_age_hours"):
            connector.verify_webhook(late)

    def test_a_retry_within_the_day_is_taken(self, connector: LeverConnector) -> None:
        signed = connector.sign_webhook(request(HOOK))
        connector.verify_webhook(
            dataclasses.replace(signed, received_at=ARRIVED + timedelta(hours=23))
        )

    @pytest.mark.parametrize("signature", [None, 5, "", "é", "0" * 63, ["x"]])
    def test_a_signature_of_any_other_shape_is_refused(
        self, connector: LeverConnector, signature: Any
    ) -> None:
        with pytest.raises(WebhookVerificationError):
            connector.verify_webhook(request(HOOK | {"signature": signature}))

    @pytest.mark.parametrize("body", [b"", b"\xff", b"null", b"[]", b"{}", b"{"])
    def test_what_is_no_json_object_is_refused(
        self, connector: LeverConnector, body: bytes
    ) -> None:
        with pytest.raises(WebhookVerificationError):
            connector.verify_webhook(request(body))

    @pytest.mark.parametrize("moment", [True, 1.5, "1782973996500", -1, None])
    def test_triggered_at_must_be_a_number_of_milliseconds(
        self, connector: LeverConnector, moment: Any
    ) -> None:
        with pytest.raises(WebhookVerificationError, match="triggeredAt"):
            connector.verify_webhook(request(HOOK | {"triggeredAt": moment, "signature": "0" * 64}))

    def test_the_delivery_id_is_what_was_signed_whatever_the_data_say(
        self, connector: LeverConnector
    ) -> None:
        ids = {connector.delivery_id(request(HOOK | {"data": d})) for d in ({}, HOOK["data"])}
        assert len(ids) == 1
        assert HOOK["token"] in ids.pop()

    def test_a_token_used_again_at_another_time_is_another_delivery(
        self, connector: LeverConnector
    ) -> None:
        later = HOOK | {"triggeredAt": HOOK["triggeredAt"] + 1}
        assert connector.delivery_id(request(HOOK)) != connector.delivery_id(request(later))

    def test_a_body_without_token_has_an_id_all_the_same(self, connector: LeverConnector) -> None:
        long = HOOK | {"token": "x" * 5000}
        for body in (b"", b"[]", json.dumps(long).encode()):
            assert 0 < len(connector.delivery_id(request(body))) <= 64

    def test_signing_fills_in_what_lever_would(self, connector: LeverConnector) -> None:
        bare = {k: v for k, v in HOOK.items() if k not in ("token", "triggeredAt")}
        first, second = (connector.sign_webhook(request(bare)) for _ in range(2))
        connector.verify_webhook(first)
        assert connector.delivery_id(first) != connector.delivery_id(second)


class TestParsing:
    def test_the_old_name_of_the_id_is_enough(self, connector: LeverConnector) -> None:
        (event,) = read(connector, HOOK | {"data": {"candidateId": CASE}})
        assert (event.application_id, event.candidate_id) == (CASE, None)

    def test_an_event_nobody_named_is_unknown(self, connector: LeverConnector) -> None:
        with pytest.raises(UnknownEventError):
            read(connector, HOOK | {"event": "candidateArchiveStateChange"})

    @pytest.mark.parametrize("event", SPEC.ignored_events)
    def test_events_about_something_else_are_nothing(
        self, connector: LeverConnector, event: str
    ) -> None:
        assert read(connector, HOOK | {"event": event, "data": {"contactId": "x"}}) == []

    @pytest.mark.parametrize("case", ["deleted", "../users", "a/b" * 8, "?limit=1" * 4, "", None])
    def test_an_id_that_could_bend_our_call_is_refused(
        self, connector: LeverConnector, case: Any
    ) -> None:
        with pytest.raises(PayloadError):
            read(connector, HOOK | {"data": {"opportunityId": case}})

    def test_a_deleted_case_does_not_speak_of_the_person(self, connector: LeverConnector) -> None:
        data = {"opportunityId": CASE, "contactId": OPPORTUNITY["contact"]}
        (event,) = read(connector, HOOK | {"event": "candidateDeleted", "data": data})
        assert (event.kind, event.application_id) == (EventKind.ERASED, CASE)
        assert event.candidate_id is None


class TestSnapshot:
    def test_a_rejection_says_when_and_why_and_leaves_the_side_open(self) -> None:
        case = snapshot()
        assert case.state is ApplicationState.REJECTED
        assert case.changed_at == datetime(2026, 7, 2, 6, 33, 16, 415000, tzinfo=UTC)
        assert case.reason == Reason(ARCHIVED["reason"], "Under- qualified", RejectionSide.UNKNOWN)

    def test_both_shapes_of_archived_mean_the_same(self) -> None:
        flat = snapshot(
            archived=None,
            archivedAt=ARCHIVED["archivedAt"],
            archiveReason=ARCHIVED["reason"],
        )
        assert flat == snapshot()

    def test_an_archive_reason_of_type_hired_is_a_hire_and_no_reason_to_map(self) -> None:
        case = snapshot(HIRED)
        assert (case.state, case.reason) == (ApplicationState.HIRED, None)

    def test_what_is_not_archived_is_active(self) -> None:
        case = snapshot(None, archived=None)
        assert case.state is ApplicationState.ACTIVE
        assert case.changed_at == datetime(2026, 7, 2, 6, 34, 8, 515000, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("origin", "channel"),
        [
            ("applied", Channel.DIRECT),
            ("agency", Channel.AGENT),
            ("referred", Channel.REFERRAL),
            ("university", Channel.SCHOOL),
            ("internal", Channel.INTERNAL),
            ("sourced", Channel.SCOUT),
            ("something new", Channel.UNKNOWN),
            (None, Channel.UNKNOWN),
        ],
    )
    def test_origin_is_the_channel(self, origin: str | None, channel: Channel) -> None:
        assert snapshot(origin=origin).channel is channel

    @pytest.mark.parametrize("where", ["opportunity", "contact"])
    def test_a_refused_contact_is_never_mailed(self, where: str) -> None:
        refused = {"store": {"allowed": True}, "contact": {"allowed": False, "expiresAt": None}}
        person = {"id": OPPORTUNITY["contact"], "dataProtection": refused}
        changes = {"opportunity": {"dataProtection": refused}, "contact": {"contact": person}}
        assert snapshot(**changes[where]).flags == {Flag.DO_NOT_CONTACT}

    @pytest.mark.parametrize("given", [None, {}, {"contact": None}, {"contact": {"allowed": True}}])
    def test_no_word_about_contact_is_no_refusal(self, given: Any) -> None:
        assert snapshot(dataProtection=given).flags == frozenset()

    @pytest.mark.parametrize("word", ["confidential", "a new word"])
    def test_whatever_is_not_plainly_open_is_private(self, word: str) -> None:
        assert snapshot(confidentiality=word).flags == {Flag.PRIVATE}

    @pytest.mark.parametrize("where", ["opportunity", "contact"])
    def test_an_anonymised_case_holds_no_person(self, where: str) -> None:
        person = {"id": OPPORTUNITY["contact"], "isAnonymized": True}
        changes = {"opportunity": {"isAnonymized": True}, "contact": {"contact": person}}
        case = snapshot(**changes[where])
        assert case.state is ApplicationState.ERASED
        assert (case.candidate.emails, case.candidate.full_name) == ((), "")

    def test_an_address_is_kept_once(self) -> None:
        assert snapshot().candidate.emails == ("hanako@example.com",)


class TestDeclarations:
    @pytest.mark.parametrize("capability", [Capability.FIELD_TOKEN, Capability.ATS_MESSAGE])
    def test_no_personal_link_by_lever_and_the_spec_says_why(self, capability: Capability) -> None:
        support = SPEC.capabilities[capability]
        assert support.evidence is Evidence.MISSING
        assert support.source.startswith("https://")
        assert support.note
        assert not SPEC.can(capability)

    def test_writing_a_link_is_refused(self, connector: LeverConnector) -> None:
        with pytest.raises(UnsupportedCapabilityError):
            connector.write_link(snapshot(), "https://relay.example.co.jp/x", ours="https://")

    @pytest.mark.parametrize("value", ["a day", "-1", "1.5", "１２", "100000", ""])
    def test_a_setting_that_is_no_number_is_named(
        self, settings: dict[str, str], value: str
    ) -> None:
        with pytest.raises(ConfigurationError, match="history_days"):
            LeverConnector(settings | {"history_days": value})
