"""Breezy's records, the parts of them that are read. No I/O.

https://developer.breezy.hr/docs/company-position-candidates
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from marshmallow import fields

from careerrelay.connectors import (
    Application,
    ApplicationState,
    Candidate,
    Channel,
    ExternalId,
    IsoDateTime,
    Job,
    OptionalList,
    OptionalPart,
    OptionalText,
    PayloadSchema,
    Policy,
    Reason,
)

from .webhook import RecordSchema, case_id

DISQUALIFIED = "disqualified"
MOVED = "candidateStatusUpdated"
ORIGINS = {
    "applied": Channel.DIRECT,
    "sourced": Channel.SCOUT,
    "recruiter": Channel.AGENT,
    "referral": Channel.REFERRAL,
}


class TypeSchema(PayloadSchema):
    id = ExternalId(required=True)
    name = OptionalText()


class StageSchema(PayloadSchema):
    """Ids differ from pipeline to pipeline; the type is what they have in common."""

    name = OptionalText()
    type = fields.Nested(TypeSchema, required=True)


class SourceSchema(PayloadSchema):
    name = OptionalText()


class CandidateSchema(RecordSchema):
    name = OptionalText()
    email_address = OptionalText()
    origin = OptionalText()
    source = OptionalPart(SourceSchema)
    stage = fields.Nested(StageSchema, required=True)
    tags = OptionalList(fields.String())
    creation_date = IsoDateTime(required=True)
    updated_date = IsoDateTime(required=True)


class PositionSchema(RecordSchema):
    name = OptionalText()
    pipeline_id = OptionalText()


class PipelineSchema(PayloadSchema):
    stages = fields.List(fields.Nested(StageSchema), required=True)


class EntrySchema(PayloadSchema):
    """Something that happened, in a candidate's stream or thread."""

    id = OptionalText(data_key="_id")
    type = OptionalText()
    timestamp = IsoDateTime(load_default=None, allow_none=True)


class EndpointSchema(PayloadSchema):
    events = OptionalList(fields.String())
    enabled = fields.Boolean(load_default=False, allow_none=True)


class EndpointsSchema(PayloadSchema):
    data = fields.List(fields.Nested(EndpointSchema), required=True)


def is_disqualified(person: dict[str, Any]) -> bool:
    return person["stage"]["type"]["id"] == DISQUALIFIED


def last_move(person: dict[str, Any], stream: Iterable[dict[str, Any]]) -> datetime:
    """When the record came to its stage. ``updated_date`` moves with every edit, so it would make
    a new rejection of an old one; where the stream tells nothing, the record's first day is what
    is certain."""
    moves = [e["timestamp"] for e in stream if e["type"] == MOVED and e["timestamp"]]
    return max(moves, default=person["creation_date"])


def application_from(
    person: dict[str, Any],
    job: Job,
    *,
    policy: Policy,
    hired: frozenset[str],
    ended_at: datetime | None = None,
) -> Application:
    """A record as a snapshot; ``ended_at`` is that of a disqualified one."""
    stage, kind = person["stage"]["name"], person["stage"]["type"]
    rejected = is_disqualified(person) and ended_at is not None
    is_hired = bool(hired & {word.casefold() for word in (stage, kind["id"], kind["name"])})
    state = ApplicationState.HIRED if is_hired else ApplicationState.ACTIVE
    # The disqualified stages of a company are its reasons, and the map has their meaning.
    reason = stage or DISQUALIFIED
    address = person["email_address"]
    source = person["source"] or {}
    changed_at = ended_at or person["updated_date"]
    return Application(
        external_id=case_id(job.external_id, person["id"]),
        candidate=Candidate(
            person["id"], emails=(address,) if address else (), full_name=person["name"]
        ),
        state=ApplicationState.REJECTED if rejected else state,
        changed_at=changed_at,
        job=job,
        reason=Reason(reason, reason) if rejected else None,
        stage_text="" if rejected else stage,
        channel=policy.channel(
            source.get("name"), otherwise=ORIGINS.get(person["origin"], Channel.UNKNOWN)
        ),
        flags=policy.flags(person["tags"]),
        applied_at=person["creation_date"],
        # Also without a delay: so the ATS is asked once more before a notice leaves.
        notice_after=changed_at + policy.notice_delay if rejected else None,
    )
