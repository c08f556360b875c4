"""Breezy's records, the parts of them that are read. No I/O.

https://developer.breezy.hr/docs/company-position-candidates
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .webhook import RecordSchema, case_id

DISQUALIFIED = "disqualified"
MOVED = "candidateStatusUpdated"
ORIGINS = {
    "applied": kit.Channel.DIRECT,
    "sourced": kit.Channel.SCOUT,
    "recruiter": kit.Channel.AGENT,
    "referral": kit.Channel.REFERRAL,
}


TypeSchema = kit.PayloadSchema.of(id=kit.ExternalId(required=True), name=kit.OptionalText())
# Ids differ from pipeline to pipeline; the type is what they have in common.
StageSchema = kit.PayloadSchema.of(
    name=kit.OptionalText(), type=fields.Nested(TypeSchema, required=True)
)
SourceSchema = kit.PayloadSchema.of(name=kit.OptionalText())


class CandidateSchema(RecordSchema):
    name = kit.OptionalText()
    emails = kit.Addresses(data_key="email_address")
    origin = kit.OptionalText()
    source = kit.OptionalPart(SourceSchema)
    stage = fields.Nested(StageSchema, required=True)
    tags = kit.OptionalList(fields.String())
    creation_date = kit.IsoDateTime(required=True)
    updated_date = kit.IsoDateTime(required=True)


class PositionSchema(RecordSchema):
    name = kit.OptionalText()
    pipeline_id = kit.OptionalText()


PipelineSchema = kit.PayloadSchema.of(stages=fields.List(fields.Nested(StageSchema), required=True))
# Something that happened, in a candidate's stream or thread.
EntrySchema = kit.PayloadSchema.of(
    id=kit.OptionalText(data_key="_id"), type=kit.OptionalText(), timestamp=kit.OptionalTime()
)
EndpointSchema = kit.PayloadSchema.of(
    events=kit.OptionalList(fields.String()), enabled=kit.OptionalFlag()
)
EndpointsSchema = kit.PayloadSchema.of(
    data=fields.List(fields.Nested(EndpointSchema), required=True)
)


def is_disqualified(person: dict[str, Any]) -> bool:
    return person["stage"]["type"]["id"] == DISQUALIFIED


def version(person: dict[str, Any]) -> str:
    """A row of the list is the record itself, so its last change and its stage say which state."""
    return f"{person['updated_date'].isoformat()} {person['stage']['name']}"


def last_move(person: dict[str, Any], stream: Iterable[dict[str, Any]]) -> datetime:
    """When the record came to its stage. ``updated_date`` moves with every edit, so it would make
    a new rejection of an old one; where the stream tells nothing, the record's first day is what
    is certain."""
    moves = [e["timestamp"] for e in stream if e["type"] == MOVED and e["timestamp"]]
    return max(moves, default=person["creation_date"])


def application_from(
    person: dict[str, Any],
    job: kit.Job,
    *,
    policy: kit.Policy,
    hired: frozenset[str],
    ended_at: datetime | None = None,
) -> kit.Application:
    """A record as a snapshot; ``ended_at`` is that of a disqualified one."""
    stage, kind = person["stage"]["name"], person["stage"]["type"]
    rejected = is_disqualified(person) and ended_at is not None
    is_hired = bool(hired & {word.casefold() for word in (stage, kind["id"], kind["name"])})
    state = kit.ApplicationState.HIRED if is_hired else kit.ApplicationState.ACTIVE
    # The disqualified stages of a company are its reasons, and the map has their meaning.
    reason = stage or DISQUALIFIED
    source = person["source"] or {}
    changed_at = ended_at or person["updated_date"]
    return kit.Application(
        external_id=case_id(job.external_id, person["id"]),
        candidate=kit.Candidate(person["id"], emails=person["emails"], full_name=person["name"]),
        state=kit.ApplicationState.REJECTED if rejected else state,
        changed_at=changed_at,
        job=job,
        reason=kit.Reason(reason, reason) if rejected else None,
        stage_text="" if rejected else stage,
        channel=policy.channel(
            source.get("name"), otherwise=ORIGINS.get(person["origin"], kit.Channel.UNKNOWN)
        ),
        flags=policy.flags(person["tags"]),
        applied_at=person["creation_date"],
        # Also without a delay: so the ATS is asked once more before a notice leaves.
        notice_after=changed_at + policy.notice_delay if rejected else None,
        version=version(person),
    )
