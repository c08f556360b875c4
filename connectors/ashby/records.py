"""Ashby's applications in our words. No I/O.

https://developers.ashbyhq.com/reference/applicationinfo : the same object in web hooks, single
reads and lists. Feedback, résumés and custom fields of the application are not read.
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from careerrelay.connectors import (
    Application,
    ApplicationEvent,
    ApplicationState,
    CamelCaseSchema,
    Candidate,
    EventKind,
    ExternalId,
    Flag,
    IsoDateTime,
    Job,
    Policy,
    Reason,
    RejectionSide,
    Stage,
    Text,
)

LEAD = "Lead"
STATES = {
    "Active": ApplicationState.ACTIVE,
    "Hired": ApplicationState.HIRED,
    "Archived": ApplicationState.REJECTED,
    LEAD: ApplicationState.ACTIVE,
}
KINDS = {
    ApplicationState.ACTIVE: EventKind.UNREJECTED,
    ApplicationState.HIRED: EventKind.HIRED,
    ApplicationState.REJECTED: EventKind.REJECTED,
    ApplicationState.WITHDRAWN: EventKind.WITHDRAWN,
}
SIDES = {
    "RejectedByOrg": RejectionSide.COMPANY,
    "RejectedByCandidate": RejectionSide.CANDIDATE,
}
UNSTATED = Reason("unstated", "No archive reason", RejectionSide.UNKNOWN)


class ReasonSchema(CamelCaseSchema):
    """``Other``, and whatever Ashby may add, says nothing about who ended the case."""

    id = ExternalId(required=True)
    text = Text(load_default="")
    reason_type = fields.String(load_default="")


class AddressSchema(CamelCaseSchema):
    """An e-mail address."""

    value = Text(required=True)


class PersonSchema(CamelCaseSchema):
    """Whose case it is; only the primary address comes with it."""

    id = ExternalId(required=True)
    name = Text(load_default="", allow_none=True)
    primary_email_address = fields.Nested(AddressSchema, load_default=None, allow_none=True)


class TitledSchema(CamelCaseSchema):
    """Something with a title: a job, a stage, a source."""

    id = ExternalId(required=True)
    title = Text(load_default="", allow_none=True)
    type = fields.String(load_default="", allow_none=True)


class SourceSchema(TitledSchema):
    """A source and the group it belongs to."""

    source_type = fields.Nested(TitledSchema, load_default=None, allow_none=True)


class ApplicationSchema(CamelCaseSchema):
    """A case."""

    id = ExternalId(required=True)
    status = fields.String(required=True, validate=OneOf(STATES))
    created_at = IsoDateTime(required=True)
    updated_at = IsoDateTime(required=True)
    archived_at = IsoDateTime(load_default=None, allow_none=True)
    candidate = fields.Nested(PersonSchema, required=True)
    job = fields.Nested(TitledSchema, load_default=None, allow_none=True)
    current_interview_stage = fields.Nested(TitledSchema, load_default=None, allow_none=True)
    source = fields.Nested(SourceSchema, load_default=None, allow_none=True)
    archive_reason = fields.Nested(ReasonSchema, load_default=None, allow_none=True)


def application_from(case: dict[str, Any], *, policy: Policy) -> Application:
    """A case as a snapshot."""
    state = _state(case)
    archived = case["status"] == "Archived"
    person, job, stage = case["candidate"], case["job"], case["current_interview_stage"]
    address = (person["primary_email_address"] or {}).get("value")
    source = case["source"] or {}
    group = source.get("source_type") or {}
    return Application(
        external_id=case["id"],
        candidate=Candidate(
            person["id"], emails=(address,) if address else (), full_name=person["name"] or ""
        ),
        state=state,
        changed_at=(archived and case["archived_at"]) or case["updated_at"],
        job=Job(job["id"], job["title"] or "") if job else None,
        reason=reason_from(case["archive_reason"]) if archived else None,
        # At archiving the stage becomes "Archived", so how far the person came is not told.
        stage=Stage.UNKNOWN,
        stage_text="" if archived or not stage else stage["title"] or "",
        channel=policy.channel(source.get("title"), group.get("title")),
        flags=frozenset[Flag](),
        applied_at=case["created_at"],
    )


def reason_from(told: dict[str, Any] | None) -> Reason:
    """An archive reason; without one nobody knows who ended the case."""
    if told is None:
        return UNSTATED
    side = SIDES.get(told["reason_type"], RejectionSide.UNKNOWN)
    return Reason(told["id"], told["text"] or told["id"], side)


def event_from(case: dict[str, Any], *, policy: Policy, ats_event: str) -> list[ApplicationEvent]:
    """What a case says now; a lead is nobody who applied."""
    if case["status"] == LEAD:
        return []
    application = application_from(case, policy=policy)
    applied = ats_event == "applicationSubmit" and application.state is ApplicationState.ACTIVE
    return [
        ApplicationEvent(
            kind=EventKind.APPLIED if applied else KINDS[application.state],
            occurred_at=application.changed_at,
            application_id=application.external_id,
            candidate_id=application.candidate.external_id,
            application=application,
            ats_event=ats_event,
        )
    ]


def _state(case: dict[str, Any]) -> ApplicationState:
    """Archived is rejected unless the reason says that the candidate left; the map has the rest."""
    told = case["archive_reason"]
    if case["status"] == "Archived" and told and told["reason_type"] == "RejectedByCandidate":
        return ApplicationState.WITHDRAWN
    return STATES[case["status"]]
