"""Acme's webhooks: https://acme.example.com/developers/hooks."""

from __future__ import annotations

import base64
import dataclasses

from marshmallow import fields

from careerrelay.connectors import (
    ApplicationEvent,
    EpochMilliseconds,
    EventKind,
    ExternalId,
    PayloadSchema,
    UnknownEventError,
    WebhookRequest,
    current_secret,
    read_json,
    verify_basic,
)

from .spec import SPEC

USER = "careerrelay"


class HookSchema(PayloadSchema):
    """Ids only."""

    type = fields.String(required=True)
    at = EpochMilliseconds(required=True)


class CaseHookSchema(HookSchema):
    """Something happened to a case."""

    case_id = ExternalId(required=True)


class PersonHookSchema(HookSchema):
    """Something happened to a person."""

    person_id = ExternalId(required=True)


def verify(request: WebhookRequest, *, passwords: str) -> None:
    """Return if the Basic credentials are those of the setting."""
    verify_basic(request.headers.get("authorization"), user=USER, passwords=passwords)


def sign(request: WebhookRequest, *, passwords: str) -> WebhookRequest:
    """The request with the credentials Acme takes from the webhook's address."""
    pair = f"{USER}:{current_secret(passwords)}".encode()
    basic = "Basic " + base64.b64encode(pair).decode("ascii")
    return dataclasses.replace(request, headers={**request.headers, "authorization": basic})


def parse(request: WebhookRequest) -> list[ApplicationEvent]:
    """A hint: which case to look at, or which person is gone."""
    data = read_json(request.body)
    name = HookSchema().read(data)["type"]
    if name in SPEC.ignored_events:
        return []
    if name == "case.changed":
        hook = CaseHookSchema().read(data)
        changed = ApplicationEvent(EventKind.CHANGED, hook["at"], application_id=hook["case_id"])
        return [dataclasses.replace(changed, ats_event=name)]
    if name == "person.removed":
        hook = PersonHookSchema().read(data)
        removed = ApplicationEvent(EventKind.ERASED, hook["at"], candidate_id=hook["person_id"])
        return [dataclasses.replace(removed, ats_event=name)]
    raise UnknownEventError("Acme ATS sent an event that is in neither list of its spec")
