"""Webhooks: sign, verify, parse; bytes in, events out, no I/O.

https://developers.example.com/ats/webhooks
"""

from __future__ import annotations

import dataclasses
from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from careerrelay.connectors import (
    Application,
    ApplicationEvent,
    ApplicationState,
    Candidate,
    EventKind,
    ExternalId,
    IsoDateTime,
    Job,
    PayloadSchema,
    Reason,
    Text,
    UnknownEventError,
    WebhookRequest,
    current_secret,
    hmac_sha256_hex,
    read_json,
    verify_hmac,
)

from .spec import SPEC

HEADER = "x-signature"

KINDS = {
    "application.created": EventKind.APPLIED,
    "application.rejected": EventKind.REJECTED,
    "application.reopened": EventKind.UNREJECTED,
    "application.withdrawn": EventKind.WITHDRAWN,
    "application.hired": EventKind.HIRED,
}

STATES = {
    "open": ApplicationState.ACTIVE,
    "rejected": ApplicationState.REJECTED,
    "withdrawn": ApplicationState.WITHDRAWN,
    "hired": ApplicationState.HIRED,
}


class CandidateSchema(PayloadSchema):
    """The person; the address may be missing."""

    id = ExternalId(required=True)
    first_name = Text(load_default="", allow_none=True)
    last_name = Text(load_default="", allow_none=True)
    email = fields.Email(load_default=None, allow_none=True)


class NamedSchema(PayloadSchema):
    """Something with an id and a name: a vacancy, a reason."""

    id = ExternalId(required=True)
    name = Text(load_default="", allow_none=True)


class ApplicationSchema(PayloadSchema):
    """A case, the same in webhooks and in the API's answers."""

    id = ExternalId(required=True)
    status = fields.String(required=True, validate=OneOf(STATES))
    updated_at = IsoDateTime(required=True)
    candidate = fields.Nested(CandidateSchema, required=True)
    job = fields.Nested(NamedSchema, load_default=None, allow_none=True)
    reason = fields.Nested(NamedSchema, load_default=None, allow_none=True)


class HookSchema(PayloadSchema):
    """What every webhook has."""

    event = fields.String(required=True)
    occurred_at = IsoDateTime(required=True)


class ApplicationHookSchema(HookSchema):
    """A webhook about a case."""

    application = fields.Nested(ApplicationSchema, required=True)


class CandidateHookSchema(HookSchema):
    """A webhook about a person."""

    candidate = fields.Nested(CandidateSchema, only=("id",), required=True)


def sign(request: WebhookRequest, *, secrets: str) -> WebhookRequest:
    """The request with the vendor's signature header."""
    signature = hmac_sha256_hex(current_secret(secrets), request.body)
    return dataclasses.replace(request, headers={**request.headers, HEADER: signature})


def verify(request: WebhookRequest, *, secrets: str) -> None:
    """Return if the signature is one of the secrets'; else WebhookVerificationError."""
    verify_hmac(
        request.body,
        signature=request.headers.get(HEADER),
        secrets=secrets,
        where="the header X-Signature",
    )


def parse(request: WebhookRequest) -> list[ApplicationEvent]:
    """The event in a verified request, or [] for one we do not read."""
    data = read_json(request.body)
    hook = HookSchema().read(data)
    name = hook["event"]
    if name in SPEC.ignored_events:
        return []
    if name == "candidate.deleted":
        return [_erased(CandidateHookSchema().read(data))]
    if name not in KINDS:
        raise UnknownEventError("Template ATS sent an event that is in neither list of its spec")
    return [_about_application(ApplicationHookSchema().read(data))]


def application_from(data: dict[str, Any]) -> Application:
    """A snapshot from values that ApplicationSchema has read."""
    person = data["candidate"]
    return Application(
        external_id=data["id"],
        candidate=Candidate(
            external_id=person["id"],
            emails=(person["email"],) if person["email"] else (),
            given_name=person["first_name"] or "",
            family_name=person["last_name"] or "",
        ),
        state=STATES[data["status"]],
        changed_at=data["updated_at"],
        job=_job(data["job"]),
        reason=_reason(data["reason"]),
    )


def _about_application(hook: dict[str, Any]) -> ApplicationEvent:
    application = application_from(hook["application"])
    return ApplicationEvent(
        kind=KINDS[hook["event"]],
        occurred_at=hook["occurred_at"],
        application_id=application.external_id,
        candidate_id=application.candidate.external_id,
        application=application,
        ats_event=hook["event"],
    )


def _erased(hook: dict[str, Any]) -> ApplicationEvent:
    return ApplicationEvent(
        kind=EventKind.ERASED,
        occurred_at=hook["occurred_at"],
        candidate_id=hook["candidate"]["id"],
        ats_event=hook["event"],
    )


def _job(data: dict[str, Any] | None) -> Job | None:
    return Job(data["id"], data["name"] or "") if data else None


def _reason(data: dict[str, Any] | None) -> Reason | None:
    return Reason(data["id"], data["name"] or "") if data else None
