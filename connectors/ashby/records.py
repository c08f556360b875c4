"""Ashby's applications in our words. No I/O.

https://developers.ashbyhq.com/reference/applicationinfo : the same object in web hooks, single
reads and lists. Feedback, résumés and custom fields of the application are not read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState

STATES = {
    "Active": ApplicationState.ACTIVE,
    "Lead": ApplicationState.ACTIVE,
    "Hired": ApplicationState.HIRED,
    "Archived": ApplicationState.REJECTED,
}
SIDES = {
    "RejectedByOrg": kit.RejectionSide.COMPANY,
    "RejectedByCandidate": kit.RejectionSide.CANDIDATE,
}
"""``Other``, and whatever Ashby may add, says nothing about who ended the case."""
UNSTATED = kit.Reason("unstated", "No archive reason")

AddressSchema = kit.PayloadSchema.of(value=kit.Text(required=True))


class TitledSchema(kit.IdSchema):
    """Something with a title: a job, a stage, the group of a source."""

    title = kit.OptionalText()


class ReasonSchema(kit.CamelCaseSchema, kit.IdSchema):
    text = kit.OptionalText()
    reason_type = kit.OptionalText()


class PersonSchema(kit.CamelCaseSchema, kit.IdSchema):
    """Whose case it is; only the primary address comes with it."""

    name = kit.OptionalText()
    primary_email_address = kit.OptionalPart(AddressSchema)


class SourceSchema(kit.CamelCaseSchema, TitledSchema):
    source_type = kit.OptionalPart(TitledSchema)


class ApplicationSchema(kit.CamelCaseSchema, kit.IdSchema):
    status = fields.String(required=True, validate=OneOf(STATES))
    created_at = kit.IsoDateTime(required=True)
    updated_at = kit.IsoDateTime(required=True)
    archived_at = kit.OptionalTime()
    candidate = fields.Nested(PersonSchema, required=True)
    job = kit.OptionalPart(TitledSchema)
    current_interview_stage = kit.OptionalPart(TitledSchema)
    source = kit.OptionalPart(SourceSchema)
    archive_reason = kit.OptionalPart(ReasonSchema)


def snapshot(case: Mapping[str, Any], policy: kit.Policy) -> kit.Application:
    """A case. Archived is rejected unless the reason says that the candidate left."""
    state, archived = STATES[case["status"]], case["status"] == "Archived"
    reason = reason_of(case["archive_reason"]) if archived else None
    if reason and reason.side is kit.RejectionSide.CANDIDATE:
        state = ApplicationState.WITHDRAWN
    person, job, stage = case["candidate"], case["job"], case["current_interview_stage"]
    address, source = person["primary_email_address"], case["source"]
    groups = (source["title"], (source["source_type"] or {}).get("title")) if source else ()
    return kit.Application(
        external_id=case["id"],
        candidate=kit.Candidate(
            person["id"], emails=(address["value"],) if address else (), full_name=person["name"]
        ),
        state=state,
        changed_at=(archived and case["archived_at"]) or case["updated_at"],
        job=kit.Job(job["id"], job["title"]) if job else None,
        reason=reason,
        # At archiving the stage becomes "Archived", so how far the person came is not told.
        stage=kit.Stage.UNKNOWN,
        stage_text="" if archived or not stage else stage["title"],
        channel=policy.channel(*groups),
        flags=frozenset[kit.Flag](),
        applied_at=case["created_at"],
    )


def reason_of(told: Mapping[str, Any] | None) -> kit.Reason:
    """An archive reason; without one nobody knows who ended the case."""
    if told is None:
        return UNSTATED
    side = SIDES.get(told["reason_type"], kit.RejectionSide.UNKNOWN)
    return kit.Reason(told["id"], told["text"] or told["id"], side)


def events_of(
    case: Mapping[str, Any], policy: kit.Policy, ats_event: str
) -> list[kit.ApplicationEvent]:
    """What a case says now; a lead is nobody who applied."""
    if case["status"] == "Lead":
        return []
    event = kit.snapshot_event(snapshot(case, policy), ats_event=ats_event)
    reopened = event.kind is kit.EventKind.APPLIED and ats_event != "applicationSubmit"
    return [dataclasses.replace(event, kind=kit.EventKind.UNREJECTED) if reopened else event]
