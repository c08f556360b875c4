"""The suite fails where it should: each test breaks the template in one way and sees it caught.

A check that cannot fail proves nothing; here and in ``test_conformance_catches_calls`` every
check is made to fail at least once.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from careerrelay.connectors import (
    ApplicationEvent,
    BodyHmac,
    Capability,
    Connector,
    Evidence,
    HttpClient,
    Setting,
    Support,
    WebhookReply,
    WebhookRequest,
    read_json,
)

from .breaking import (
    EXAMPLES,
    SPEC,
    Good,
    caught,
    spoil,
    with_setting,
    with_spec,
    with_support,
)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """A copy of the template's examples, to spoil."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


def test_nothing_is_caught_in_the_template_itself() -> None:
    assert caught(type("Same", (Good,), {})) == {}


# Declarations

SOURCE = "https://developers.example.com"


@pytest.mark.parametrize(
    ("connector", "check"),
    [
        (
            with_support(Capability.POLL, Support(Evidence.DOCUMENTED, SOURCE)),
            "declared_is_overridden",
        ),
        (with_support(Capability.REPORT, None), "declared_is_overridden"),
        (
            with_support(Capability.REPORT, Support(Evidence.MISSING, SOURCE, note="No way.")),
            "declared_is_overridden",
        ),
        (with_spec(name="another"), "name_is_the_folder"),
        (with_spec(name="Template"), "name_is_the_folder"),
        (with_spec(title=" "), "every_capability_says_how_we_know"),
        (with_spec(docs_url="http://x.example"), "every_capability_says_how_we_know"),
        (
            with_support(Capability.FETCH, Support(Evidence.GATED, SOURCE)),
            "every_capability_says_how_we_know",
        ),
        (
            with_support(Capability.FETCH, Support(Evidence.LIVE, "hearsay")),
            "every_capability_says_how_we_know",
        ),
        (with_setting("api_key", help=""), "settings_are_explained_in_both_languages"),
        (with_setting("api_key", help_ja="API key"), "settings_are_explained_in_both_languages"),
        (
            with_setting("api_url", choices=("https://a.example",)),
            "settings_are_explained_in_both_languages",
        ),
        (
            with_spec(settings=(*SPEC.settings, SPEC.settings[0])),
            "settings_are_explained_in_both_languages",
        ),
        (with_setting("api_key", secret=False), "secrets_are_flagged"),
        (with_setting("api_key", default="1234", required=False), "secrets_are_flagged"),
        (with_setting("api_url", choices=(SOURCE,)), "addresses_can_be_overridden"),
        (with_setting("api_url", default=None), "addresses_can_be_overridden"),
        (with_setting("api_url", default="http://a.example"), "addresses_can_be_overridden"),
        (with_spec(webhook=None), "webhook_is_described"),
        (with_spec(events=()), "webhook_is_described"),
        (with_spec(ignored_events=SPEC.events), "webhook_is_described"),
        (with_spec(events=(*SPEC.events, "case.moved")), "every_event_has_an_example"),
        (
            with_spec(
                settings=(
                    *SPEC.settings,
                    Setting("zone", help="x", help_ja="時間帯", required=False),
                )
            ),
            "guides_are_complete",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_untrue_declaration_is_caught(connector: type[Connector], check: str) -> None:
    assert check in caught(connector, check)


def test_code_for_a_declared_signature_is_caught() -> None:
    failures = caught(AcceptsBlankSecret, "declared_is_overridden")
    assert "declares the signature" in failures["declared_is_overridden"]


def test_api_without_an_address_setting_is_caught() -> None:
    class Fixed(Good):
        spec = dataclasses.replace(SPEC, settings=SPEC.settings[:2])

        def __init__(self, settings: Mapping[str, str], **given: Any) -> None:
            super().__init__({**settings, "api_url": "https://api.example.com/ats/v1"}, **given)

    failures = caught(Fixed, "addresses_can_be_overridden")
    assert "no setting ends in _url" in failures["addresses_can_be_overridden"]


def test_capability_without_an_exchange_is_caught(examples: Path) -> None:
    for path in (examples / "api").glob("report*"):
        path.unlink()
    failures = caught(type("Same", (Good,), {}), examples=examples)
    assert list(failures) == ["every_capability_has_an_exchange"]


def test_constructor_that_calls_the_vendor_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    class Eager(Good):
        def __init__(self, settings: Mapping[str, str], **given: Any) -> None:
            super().__init__(settings, **given)
            self.http.calls += 1

    assert "opening_does_nothing" in caught(Eager, "opening_does_nothing")


# Webhooks

SIGNATURE = BodyHmac("X-Signature")


class AcceptsUnsigned(Good):
    """Lets a request pass that has no signature at all."""

    def verify_webhook(self, request: WebhookRequest) -> None:
        if "x-signature" in request.headers:
            super().verify_webhook(request)


class AcceptsAnything(Good):
    """Only looks whether a signature is there."""

    def verify_webhook(self, request: WebhookRequest) -> None:
        other = {"webhook_secret": "x"}
        SIGNATURE.verify(SIGNATURE.sign(request, settings=other), settings=other)


class AcceptsBlankSecret(Good):
    """Forgets that a secret may be missing."""

    def verify_webhook(self, request: WebhookRequest) -> None:
        if self.settings["webhook_secret"]:
            super().verify_webhook(request)


class SignsTheStartOnly(Good):
    """Looks at the first hundred bytes."""

    def verify_webhook(self, request: WebhookRequest) -> None:
        super().verify_webhook(dataclasses.replace(request, body=request.body[:100]))

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        short = dataclasses.replace(request, body=request.body[:100])
        return dataclasses.replace(super().sign_webhook(short), body=request.body)


class KnowsOneSecret(Good):
    """Cannot be moved to a new secret without losing webhooks."""

    def verify_webhook(self, request: WebhookRequest) -> None:
        first = self.settings["webhook_secret"].split(",")[0]
        SIGNATURE.verify(request, settings={"webhook_secret": first})


class LeaksKeyError(Good):
    """Reads plain dicts."""

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        events = super().parse_webhook(request)
        data = read_json(request.body)
        if "application" in data:
            assert data["application"]["candidate"]["first_name"] is not Ellipsis
        return events


class ForgetsTheSnapshot(Good):
    """Reads less than the golden says."""

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        events = super().parse_webhook(request)
        return [dataclasses.replace(event, application=None) for event in events]


class NamesNobody(Good):
    """Makes events that the engine cannot store."""

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        events = super().parse_webhook(request)
        return [dataclasses.replace(e, application_id=None, candidate_id=None) for e in events]


class SwallowsTheUnknown(Good):
    """Takes an event nobody has heard of for one without meaning."""

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        known = any(event.encode() in request.body for event in SPEC.events)
        return super().parse_webhook(request) if known else []


class CallsWhileParsing(Good):
    """Does I/O where there must be none."""

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        HttpClient("template").request("GET", "https://192.0.2.1/", operation="look")
        return super().parse_webhook(request)


class TakesAllForPings(Good):
    """Answers every webhook as a handshake, so that none is ever read."""

    def answer_handshake(self, request: WebhookRequest) -> WebhookReply | None:
        return WebhookReply()


class CountsDeliveries(Good):
    """Gives every look at a delivery a new id, so that retries double."""

    def delivery_id(self, request: WebhookRequest) -> str:
        self.looks = getattr(self, "looks", 0) + 1
        return str(self.looks)


class TripsOverHeaders(Good):
    """Believes that headers are well formed."""

    def delivery_id(self, request: WebhookRequest) -> str:
        return request.headers["x-delivery"]


class TripsOverGarbage(Good):
    """Looks into the body before it is verified."""

    def answer_handshake(self, request: WebhookRequest) -> WebhookReply | None:
        return WebhookReply() if json.loads(request.body).get("ping") else None


@pytest.mark.parametrize(
    ("connector", "check"),
    [
        (AcceptsUnsigned, "unsigned_is_refused"),
        (AcceptsAnything, "other_secret_is_refused"),
        (AcceptsBlankSecret, "blank_secret_accepts_nothing"),
        (SignsTheStartOnly, "changed_body_is_refused"),
        (KnowsOneSecret, "every_secret_of_a_changing_setting_verifies"),
        (LeaksKeyError, "every_mutation_is_understood_or_refused"),
        (ForgetsTheSnapshot, "means_what_the_golden_says"),
        (NamesNobody, "means_what_the_golden_says"),
        (SwallowsTheUnknown, "ignored_and_unknown_events_are_told_apart"),
        (CallsWhileParsing, "means_what_the_golden_says"),
        (TakesAllForPings, "means_what_the_golden_says"),
        (CountsDeliveries, "delivery_id_is_stable"),
        (TripsOverHeaders, "hostile_headers_are_no_surprise"),
        (TripsOverGarbage, "signed_garbage_is_a_payload_error"),
    ],
)
def test_careless_webhook_code_is_caught(connector: type[Connector], check: str) -> None:
    assert check in caught(connector, check)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"application_id": "1"}, ".application_id: '4711', not '1'"),
        ({"kind": "hired"}, "kind"),
        ({"aplication": 1}, "unknown key .aplication"),
        ({"ats_event": "x"}, "ats_event"),
    ],
)
def test_wrong_golden_is_caught(examples: Path, changes: dict[str, Any], message: str) -> None:
    spoil(examples / "fixtures" / "application.rejected.json", **changes)
    check = "means_what_the_golden_says"
    assert message in caught(type("Same", (Good,), {}), check, examples=examples)[check]
