"""What the webhooks of Template ATS mean: bytes in, events out, no I/O.

https://developers.example.com/ats/webhooks
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from careerrelay import connectors as kit

from .spec import SPEC

KINDS = {
    "application.created": kit.EventKind.APPLIED,
    "application.rejected": kit.EventKind.REJECTED,
    "application.reopened": kit.EventKind.UNREJECTED,
    "application.withdrawn": kit.EventKind.WITHDRAWN,
    "application.hired": kit.EventKind.HIRED,
}

STATES = {
    "open": kit.ApplicationState.ACTIVE,
    "rejected": kit.ApplicationState.REJECTED,
    "withdrawn": kit.ApplicationState.WITHDRAWN,
    "hired": kit.ApplicationState.HIRED,
}


class CandidateSchema(kit.IdSchema, kit.PersonParts):
    """The person; the address may be missing."""


class ApplicationSchema(kit.IdSchema):
    """A case, the same in webhooks and in the API's answers."""

    status = fields.String(required=True, validate=OneOf(STATES))
    updated_at = kit.IsoDateTime(required=True)
    candidate = fields.Nested(CandidateSchema, required=True)
    job = kit.OptionalPart(kit.NamedSchema)
    reason = kit.OptionalPart(kit.NamedSchema)


class HookSchema(kit.PayloadSchema):
    """What every webhook has."""

    event = fields.String(required=True)
    occurred_at = kit.IsoDateTime(required=True)


class ApplicationHookSchema(HookSchema):
    """A webhook about a case."""

    application = fields.Nested(ApplicationSchema, required=True)


class CandidateHookSchema(HookSchema):
    """A webhook about a person."""

    candidate = fields.Nested(CandidateSchema, only=("id",), required=True)


def parse(request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
    """The event in a verified request, or [] for one we do not read."""
    data = kit.read_json(request.body)
    hook = HookSchema().read(data)
    name = hook["event"]
    if not SPEC.reads(name):
        return []
    if name == "candidate.deleted":
        return [_erased(CandidateHookSchema().read(data))]
    return [_about_application(ApplicationHookSchema().read(data))]


def application_from(data: dict[str, Any]) -> kit.Application:
    """A snapshot from values that ApplicationSchema has read."""
    person = data["candidate"]
    return kit.Application(
        external_id=data["id"],
        candidate=kit.person_of(person["id"], person),
        state=STATES[data["status"]],
        changed_at=data["updated_at"],
        job=_job(data["job"]),
        reason=_reason(data["reason"]),
    )


def _about_application(hook: dict[str, Any]) -> kit.ApplicationEvent:
    application = application_from(hook["application"])
    return kit.ApplicationEvent(
        kind=KINDS[hook["event"]],
        occurred_at=hook["occurred_at"],
        application_id=application.external_id,
        candidate_id=application.candidate.external_id,
        application=application,
        ats_event=hook["event"],
    )


def _erased(hook: dict[str, Any]) -> kit.ApplicationEvent:
    return kit.ApplicationEvent(
        kind=kit.EventKind.ERASED,
        occurred_at=hook["occurred_at"],
        candidate_id=hook["candidate"]["id"],
        ats_event=hook["event"],
    )


def _job(data: dict[str, Any] | None) -> kit.Job | None:
    return kit.Job(data["id"], data["name"]) if data else None


def _reason(data: dict[str, Any] | None) -> kit.Reason | None:
    return kit.Reason(data["id"], data["name"]) if data else None
