"""Ashby's applications in our words. No I/O.

https://developers.ashbyhq.com/reference/applicationinfo : the same object in web hooks, single
reads and lists. Feedback, résumés and custom fields of the application are not read.
"""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from careerrelay import connectors as kit

LEAD = "Lead"
STATES = {
    "Active": kit.ApplicationState.ACTIVE,
    "Hired": kit.ApplicationState.HIRED,
    "Archived": kit.ApplicationState.REJECTED,
    LEAD: kit.ApplicationState.ACTIVE,
}
KINDS = {
    kit.ApplicationState.ACTIVE: kit.EventKind.UNREJECTED,
    kit.ApplicationState.HIRED: kit.EventKind.HIRED,
    kit.ApplicationState.REJECTED: kit.EventKind.REJECTED,
    kit.ApplicationState.WITHDRAWN: kit.EventKind.WITHDRAWN,
}
SIDES = {
    "RejectedByOrg": kit.RejectionSide.COMPANY,
    "RejectedByCandidate": kit.RejectionSide.CANDIDATE,
}
UNSTATED = kit.Reason("unstated", "No archive reason", kit.RejectionSide.UNKNOWN)


class ReasonSchema(kit.CamelCaseSchema):
    """``Other``, and whatever Ashby may add, says nothing about who ended the case."""

    id = kit.ExternalId(required=True)
    text = kit.OptionalText()
    reason_type = kit.OptionalText()


AddressSchema = kit.PayloadSchema.of(value=kit.Text(required=True))


class PersonSchema(kit.CamelCaseSchema):
    """Whose case it is; only the primary address comes with it."""

    id = kit.ExternalId(required=True)
    name = kit.OptionalText()
    primary_email_address = kit.OptionalPart(AddressSchema)


class TitledSchema(kit.CamelCaseSchema):
    """Something with a title: a job, a stage, a source."""

    id = kit.ExternalId(required=True)
    title = kit.OptionalText()
    type = kit.OptionalText()


class SourceSchema(TitledSchema):
    """A source and the group it belongs to."""

    source_type = kit.OptionalPart(TitledSchema)


class ApplicationSchema(kit.CamelCaseSchema):
    """A case."""

    id = kit.ExternalId(required=True)
    status = fields.String(required=True, validate=OneOf(STATES))
    created_at = kit.IsoDateTime(required=True)
    updated_at = kit.IsoDateTime(required=True)
    archived_at = kit.OptionalTime()
    candidate = fields.Nested(PersonSchema, required=True)
    job = kit.OptionalPart(TitledSchema)
    current_interview_stage = kit.OptionalPart(TitledSchema)
    source = kit.OptionalPart(SourceSchema)
    archive_reason = kit.OptionalPart(ReasonSchema)


def application_from(case: dict[str, Any], *, policy: kit.Policy) -> kit.Application:
    """A case as a snapshot."""
    state = _state(case)
    archived = case["status"] == "Archived"
    person, job, stage = case["candidate"], case["job"], case["current_interview_stage"]
    address = (person["primary_email_address"] or {}).get("value")
    source = case["source"] or {}
    group = source.get("source_type") or {}
    return kit.Application(
        external_id=case["id"],
        candidate=kit.Candidate(
            person["id"], emails=(address,) if address else (), full_name=person["name"]
        ),
        state=state,
        changed_at=(archived and case["archived_at"]) or case["updated_at"],
        job=kit.Job(job["id"], job["title"]) if job else None,
        reason=reason_from(case["archive_reason"]) if archived else None,
        # At archiving the stage becomes "Archived", so how far the person came is not told.
        stage=kit.Stage.UNKNOWN,
        stage_text="" if archived or not stage else stage["title"],
        channel=policy.channel(source.get("title"), group.get("title")),
        flags=frozenset[kit.Flag](),
        applied_at=case["created_at"],
    )


def reason_from(told: dict[str, Any] | None) -> kit.Reason:
    """An archive reason; without one nobody knows who ended the case."""
    if told is None:
        return UNSTATED
    side = SIDES.get(told["reason_type"], kit.RejectionSide.UNKNOWN)
    return kit.Reason(told["id"], told["text"] or told["id"], side)


def event_from(
    case: dict[str, Any], *, policy: kit.Policy, ats_event: str
) -> list[kit.ApplicationEvent]:
    """What a case says now; a lead is nobody who applied."""
    if case["status"] == LEAD:
        return []
    application = application_from(case, policy=policy)
    applied = ats_event == "applicationSubmit" and application.state is kit.ApplicationState.ACTIVE
    return [
        kit.ApplicationEvent(
            kind=kit.EventKind.APPLIED if applied else KINDS[application.state],
            occurred_at=application.changed_at,
            application_id=application.external_id,
            candidate_id=application.candidate.external_id,
            application=application,
            ats_event=ats_event,
        )
    ]


def _state(case: dict[str, Any]) -> kit.ApplicationState:
    """Archived is rejected unless the reason says that the candidate left; the map has the rest."""
    told = case["archive_reason"]
    if case["status"] == "Archived" and told and told["reason_type"] == "RejectedByCandidate":
        return kit.ApplicationState.WITHDRAWN
    return STATES[case["status"]]
