"""Ashby's web hooks: https://developers.ashbyhq.com/docs/authenticating-webhooks. No I/O."""

from __future__ import annotations

import dataclasses

from marshmallow import fields

from careerrelay.connectors import (
    ApplicationEvent,
    CamelCaseSchema,
    EventKind,
    ExternalId,
    PayloadSchema,
    Policy,
    UnknownEventError,
    WebhookRequest,
    current_secret,
    hmac_sha256_hex,
    read_json,
    verify_hmac,
)

from .records import ApplicationSchema, event_from
from .spec import SPEC

HEADER = "ashby-signature"
PREFIX = "sha256="


class HookSchema(PayloadSchema):
    """What every web hook has. No time, no id."""

    action = fields.String(required=True)
    data = fields.Dict(required=True)


class IdSchema(PayloadSchema):
    """A person by id."""

    id = ExternalId(required=True)


class CaseSchema(PayloadSchema):
    """Something about a case."""

    application = fields.Nested(ApplicationSchema, required=True)


class DeletedSchema(PayloadSchema):
    """A person is gone."""

    candidate = fields.Nested(IdSchema, required=True)


class MergedSchema(CamelCaseSchema):
    """Two persons are one."""

    deleted_candidate = fields.Nested(IdSchema, required=True)
    merged_candidate = fields.Nested(IdSchema, required=True)


def verify(request: WebhookRequest, *, secrets: str) -> None:
    """Return if the signature is one of the secrets'; else WebhookVerificationError."""
    verify_hmac(
        request.body,
        signature=request.headers.get(HEADER),
        secrets=secrets,
        prefix=PREFIX,
        where="Ashby-Signature",
    )


def sign(request: WebhookRequest, *, secrets: str) -> WebhookRequest:
    """The request as Ashby signs it."""
    signature = PREFIX + hmac_sha256_hex(current_secret(secrets), request.body)
    return dataclasses.replace(request, headers={**request.headers, HEADER: signature})


def parse(request: WebhookRequest, *, policy: Policy) -> list[ApplicationEvent]:
    """The case as the web hook shows it, or who is gone."""
    hook = HookSchema().read(read_json(request.body))
    action, data = hook["action"], hook["data"]
    if action in SPEC.ignored_events:
        return []
    if action not in SPEC.events:
        raise UnknownEventError("Ashby sent an event that is in neither list of its spec")
    if action == "candidateDelete":
        gone = DeletedSchema().read(data)["candidate"]["id"]
        return [_about(gone, EventKind.ERASED, request, action)]
    if action == "candidateMerge":
        both = MergedSchema().read(data)
        merged = _about(both["deleted_candidate"]["id"], EventKind.MERGED, request, action)
        return [dataclasses.replace(merged, merged_into=both["merged_candidate"]["id"])]
    return event_from(CaseSchema().read(data)["application"], policy=policy, ats_event=action)


def _about(person: str, kind: EventKind, request: WebhookRequest, action: str) -> ApplicationEvent:
    """Ashby tells no time of these, so they happened when they came."""
    return ApplicationEvent(
        kind=kind, occurred_at=request.received_at, candidate_id=person, ats_event=action
    )
