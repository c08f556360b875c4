"""Greenhouse web hooks: sign, verify, parse. No I/O.

Shapes: https://developers.greenhouse.io/webhooks.html
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC
from .words import (
    STATES,
    candidate_of,
    channel_of,
    flags_of,
    latest,
    side_of,
    stage_of,
    state_for,
)

HEADER = "signature"
PREFIX = "sha256 "


def sign(request: kit.WebhookRequest, *, secrets: str) -> kit.WebhookRequest:
    """The request with the header Greenhouse would have sent; the newest secret signs."""
    digest = kit.hmac_sha256_hex(kit.current_secret(secrets), request.body)
    return dataclasses.replace(request, headers={**request.headers, HEADER: PREFIX + digest})


def verify(request: kit.WebhookRequest, *, secrets: str) -> None:
    """Check ``Signature: sha256 <hex>`` over the raw bytes: re-serialising breaks the digest."""
    if HEADER not in request.headers:
        raise kit.WebhookVerificationError(
            "the Signature header is missing; type the setting webhook_secret as Secret key in "
            "Greenhouse under Configure > Dev Center > Web Hooks"
        )
    kit.verify_hmac(
        request.body,
        signature=request.headers[HEADER],
        secrets=secrets,
        prefix=PREFIX,
        where="the Signature header",
    )


def answer_ping(request: kit.WebhookRequest, *, secrets: str) -> kit.WebhookReply | None:
    """200 to the ping of a new or edited hook, which Greenhouse disables otherwise.

    Whether pings are signed is not documented: a signature that is there must be right (None
    sends the request on to be refused), one that is missing is no harm, for a ping does nothing.
    """
    if b'"ping"' not in request.body:
        return None  # spares every other hook a second parsing
    try:
        body = kit.read_json(request.body)
        if not isinstance(body, dict) or body.get("action") != "ping":
            return None
        if HEADER in request.headers:
            verify(request, secrets=secrets)
    except (kit.PayloadError, kit.WebhookVerificationError):
        return None
    return kit.WebhookReply(status=200)


class StrictBoolean(fields.Boolean):
    """true or false; a word or a number that might mean either is refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=type(value).__name__)
        return bool(super()._deserialize(value, attr, data, **kwargs))


NamedSchema = kit.PayloadSchema.of(name=kit.OptionalText())
SourceSchema = kit.PayloadSchema.of(
    id=kit.ExternalId(required=True), name=kit.OptionalText(), public_name=kit.OptionalText()
)
ReasonSchema = kit.PayloadSchema.of(
    id=kit.ExternalId(required=True), name=kit.OptionalText(), type=kit.OptionalPart(NamedSchema)
)
EmailSchema = kit.PayloadSchema.of(
    value=kit.Text(required=True, allow_none=True), type=kit.OptionalText()
)
JobSchema = kit.PayloadSchema.of(
    id=kit.ExternalId(required=True),
    name=kit.Text(required=True),
    confidential=StrictBoolean(load_default=False),
)


class CandidateSchema(kit.PayloadSchema):
    id = kit.ExternalId(required=True)
    first_name = kit.Text(required=True, allow_none=True)
    last_name = kit.Text(required=True, allow_none=True)
    email_addresses = fields.List(fields.Nested(EmailSchema), required=True)
    can_email = StrictBoolean(required=True)
    is_private = StrictBoolean(required=True)


class ApplicationSchema(kit.PayloadSchema):
    """``hire_candidate`` is the thin one: no status, no times, no stage."""

    id = kit.ExternalId(required=True)
    candidate = fields.Nested(CandidateSchema, required=True)
    jobs = fields.List(fields.Nested(JobSchema), required=True)
    status = kit.Text(load_default=None)
    prospect = StrictBoolean(load_default=False)
    current_stage = kit.OptionalPart(NamedSchema)
    rejection_reason = kit.OptionalPart(ReasonSchema)
    source = kit.OptionalPart(SourceSchema)
    applied_at = kit.OptionalTime()
    rejected_at = kit.OptionalTime()
    last_activity_at = kit.OptionalTime()
    url = kit.OptionalText()


ApplicationPayload = kit.PayloadSchema.of(
    application=fields.Nested(ApplicationSchema, required=True)
)
DeletedApplicationPayload = kit.PayloadSchema.of(
    application=fields.Nested(kit.IdSchema, required=True)
)
CandidatePayload = kit.PayloadSchema.of(candidate=fields.Nested(kit.IdSchema, required=True))


class PersonSchema(kit.PayloadSchema):
    id = kit.ExternalId(required=True)
    deleted_application_ids = fields.List(kit.ExternalId(), load_default=list)
    new_candidate_id = kit.ExternalId(load_default=None)


PersonPayload = kit.PayloadSchema.of(person=fields.Nested(PersonSchema, required=True))
AnonymisedPayload = kit.PayloadSchema.of(
    candidate_id=kit.ExternalId(required=True),
    anonymized_fields=fields.List(fields.String(), required=True),
)
HookSchema = kit.PayloadSchema.of(
    action=kit.Text(required=True), payload=fields.Dict(required=True)
)


def parse(
    request: kit.WebhookRequest, *, channels: Mapping[str, kit.Channel]
) -> list[kit.ApplicationEvent]:
    """The events of one hook; ``channels`` are the company's own sources by id."""
    hook = HookSchema().read(kit.read_json(request.body))
    action, payload = hook["action"], hook["payload"]
    if action in SPEC.ignored_events:
        return []
    if action in EXPECTED:
        return [_case_event(action, payload, at=request.received_at, channels=channels)]
    if action in READERS:
        event = READERS[action](payload, request.received_at)
        return [dataclasses.replace(event, ats_event=action)]
    raise kit.UnknownEventError(
        "Greenhouse sent an event whose action this connector does not know"
    )


# The state each hook speaks of; None: whatever the application's status says.
EXPECTED: Mapping[str, kit.ApplicationState | None] = {
    "new_candidate_application": kit.ApplicationState.ACTIVE,
    "new_prospect_application": kit.ApplicationState.ACTIVE,
    "candidate_stage_change": kit.ApplicationState.ACTIVE,
    "reject_candidate": kit.ApplicationState.REJECTED,
    "unreject_candidate": kit.ApplicationState.ACTIVE,
    "hire_candidate": kit.ApplicationState.HIRED,
    "unhire_candidate": kit.ApplicationState.ACTIVE,
    "application_updated": None,
}


def _case_event(
    action: str, payload: Mapping[str, Any], *, at: datetime, channels: Mapping[str, kit.Channel]
) -> kit.ApplicationEvent:
    case = ApplicationPayload().read(payload)["application"]
    state = _state(case, expected=EXPECTED[action])
    if action == "hire_candidate" or EXPECTED[action] not in (None, state):
        # A hire carries no time to order it by; in the other hooks the case moved on while they
        # waited to be sent (again). Both times the engine asks for the truth.
        kind = kit.EventKind.HIRED if state is kit.ApplicationState.HIRED else kit.EventKind.CHANGED
        return kit.ApplicationEvent(kind, at, case["id"], case["candidate"]["id"], ats_event=action)
    application = _snapshot(case, state=state, at=at, channels=channels)
    event = kit.snapshot_event(application, ats_event=action)
    return dataclasses.replace(event, kind=_kind(action, event.kind))


def _state(
    case: Mapping[str, Any], *, expected: kit.ApplicationState | None
) -> kit.ApplicationState:
    state = STATES.get(case["status"] or "", None if case["status"] else expected)
    if state is None:
        raise kit.PayloadError("payload.application.status is not a status Greenhouse documents")
    return state


def _kind(action: str, told: kit.EventKind) -> kit.EventKind:
    if action == "unreject_candidate":
        return kit.EventKind.UNREJECTED
    known = action in ("new_candidate_application", "reject_candidate")
    return told if known else kit.EventKind.CHANGED


def _snapshot(
    case: Mapping[str, Any],
    *,
    state: kit.ApplicationState,
    at: datetime,
    channels: Mapping[str, kit.Channel],
) -> kit.Application:
    rejected = state is kit.ApplicationState.REJECTED
    reason = _reason(case["rejection_reason"]) if rejected else None
    stage = (case["current_stage"] or {}).get("name") or ""
    job, person = next(iter(case["jobs"]), None), case["candidate"]
    return kit.Application(
        external_id=case["id"],
        candidate=candidate_of(person),
        state=state_for(state, side=reason.side if reason else kit.RejectionSide.UNKNOWN),
        changed_at=_changed_at(case, rejected=rejected) or at,
        job=kit.Job(job["id"], job["name"] or job["id"]) if job else None,
        reason=reason,
        stage=stage_of(stage),
        stage_text=stage,
        channel=_channel(case, channels=channels),
        flags=flags_of(
            may_mail=person["can_email"],
            private=person["is_private"] or any(job["confidential"] for job in case["jobs"]),
        ),
        applied_at=case["applied_at"],
        ats_url=_web_address(case["url"]),
    )


def _changed_at(case: Mapping[str, Any], *, rejected: bool) -> datetime | None:
    if rejected and case["rejected_at"]:
        return latest(case["rejected_at"])
    return latest(case["last_activity_at"], case["applied_at"])


def _reason(reason: Mapping[str, Any] | None) -> kit.Reason | None:
    if reason is None:
        return None
    return kit.Reason(
        external_id=reason["id"],
        text=reason["name"] or reason["id"],
        side=side_of((reason["type"] or {}).get("name")),
    )


def _channel(case: Mapping[str, Any], *, channels: Mapping[str, kit.Channel]) -> kit.Channel:
    if case["prospect"]:
        return kit.Channel.SCOUT  # added by a recruiter; has not applied
    source = case["source"]
    if source is None:
        return kit.Channel.UNKNOWN
    return channels.get(source["id"]) or channel_of(source["name"], source["public_name"])


def _web_address(url: str | None) -> str | None:
    usable = url is not None and url.startswith(("https://", "http://"))
    return "".join(url.split()) if url and usable else None


def _deleted_application(payload: Mapping[str, Any], at: datetime) -> kit.ApplicationEvent:
    """The person stays: no candidate id, or all of the person's cases would be erased."""
    case = DeletedApplicationPayload().read(payload)["application"]
    return kit.ApplicationEvent(kit.EventKind.ERASED, at, application_ids=(case["id"],))


def _deleted_candidate(payload: Mapping[str, Any], at: datetime) -> kit.ApplicationEvent:
    person = PersonPayload().read(payload)["person"]
    return kit.ApplicationEvent(
        kit.EventKind.ERASED,
        at,
        candidate_id=person["id"],
        application_ids=tuple(person["deleted_application_ids"]),
    )


def _merged(payload: Mapping[str, Any], at: datetime) -> kit.ApplicationEvent:
    person = PersonPayload().read(payload)["person"]
    if person["new_candidate_id"] is None:
        raise kit.PayloadError("payload.person.new_candidate_id: missing")
    return kit.ApplicationEvent(
        kit.EventKind.MERGED, at, candidate_id=person["id"], merged_into=person["new_candidate_id"]
    )


def _anonymised(payload: Mapping[str, Any], at: datetime) -> kit.ApplicationEvent:
    """Erased once the name or the addresses are gone; else only something to look at."""
    data = AnonymisedPayload().read(payload)
    gone = {"full_name", "email_addresses"} & set(data["anonymized_fields"])
    kind = kit.EventKind.ERASED if gone else kit.EventKind.CHANGED
    return kit.ApplicationEvent(kind, at, candidate_id=data["candidate_id"])


def _updated_candidate(payload: Mapping[str, Any], at: datetime) -> kit.ApplicationEvent:
    person = CandidatePayload().read(payload)["candidate"]
    return kit.ApplicationEvent(kit.EventKind.CHANGED, at, candidate_id=person["id"])


READERS: Mapping[str, Callable[[Mapping[str, Any], datetime], kit.ApplicationEvent]] = {
    "delete_application": _deleted_application,
    "delete_candidate": _deleted_candidate,
    "merge_candidate": _merged,
    "candidate_anonymized": _anonymised,
    "update_candidate": _updated_candidate,
}
