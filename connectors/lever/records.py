"""Lever's API records turned into ours. Times are milliseconds since 1970.

Samples: https://hire.lever.co/developer/documentation#opportunities
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import fields

from careerrelay.connectors.payload import EpochMilliseconds, ExternalId, PayloadSchema, Text
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Candidate,
    Channel,
    Flag,
    Job,
    Reason,
    Stage,
)
from careerrelay.models.events import EventKind

CHANNELS: Mapping[str, Channel] = {
    "applied": Channel.DIRECT,
    "agency": Channel.AGENT,
    "referred": Channel.REFERRAL,
    "university": Channel.SCHOOL,
    "internal": Channel.INTERNAL,
    "sourced": Channel.SCOUT,
}

# Only these two stages have the same id in every account.
STAGES: Mapping[str, Stage] = {"applicant-new": Stage.DOCUMENTS, "offer": Stage.OFFER}

KINDS: Mapping[ApplicationState, EventKind] = {
    ApplicationState.ACTIVE: EventKind.APPLIED,
    ApplicationState.REJECTED: EventKind.REJECTED,
    ApplicationState.HIRED: EventKind.HIRED,
    ApplicationState.ERASED: EventKind.ERASED,
}


class Expandable(fields.Nested):
    """An id, or the whole record where the call said ``expand``."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        record = {"id": value} if isinstance(value, str | int) else value
        return super()._deserialize(record, *args, **kwargs)


class ConsentSchema(PayloadSchema):
    """One purpose of ``dataProtection``."""

    allowed = fields.Boolean(load_default=None, allow_none=True)


class DataProtectionSchema(PayloadSchema):
    """May this person be contacted?"""

    contact = fields.Nested(ConsentSchema, load_default=None, allow_none=True)


class PersonSchema(PayloadSchema):
    """What opportunity and contact have in common."""

    id = ExternalId(required=True)
    is_anonymized = fields.Boolean(load_default=False, allow_none=True, data_key="isAnonymized")
    data_protection = fields.Nested(
        DataProtectionSchema, load_default=None, allow_none=True, data_key="dataProtection"
    )


class StageSchema(PayloadSchema):
    """A stage; the text comes with ``expand`` only."""

    id = ExternalId(required=True)
    text = Text(load_default="", allow_none=True)


class ApplicationSchema(PayloadSchema):
    """An application to one posting; all but the id come with ``expand`` only."""

    id = ExternalId(required=True)
    posting = ExternalId(load_default=None, allow_none=True)
    created_at = EpochMilliseconds(load_default=None, allow_none=True, data_key="createdAt")


class ArchivedSchema(PayloadSchema):
    """When and why."""

    reason = ExternalId(load_default=None, allow_none=True)
    archived_at = EpochMilliseconds(required=True, data_key="archivedAt")


class UrlsSchema(PayloadSchema):
    """Pages about a record."""

    show = fields.String(load_default=None, allow_none=True)


class OpportunitySchema(PersonSchema):
    """A candidacy, with ``archived`` nested as today or flat as older clients saw it."""

    name = Text(load_default="", allow_none=True)
    contact = Expandable(PersonSchema, required=True)
    emails = fields.List(fields.String(), load_default=list, allow_none=True)
    archived = fields.Nested(ArchivedSchema, load_default=None, allow_none=True)
    flat_archived_at = EpochMilliseconds(load_default=None, allow_none=True, data_key="archivedAt")
    flat_reason = ExternalId(load_default=None, allow_none=True, data_key="archiveReason")
    stage = Expandable(StageSchema, load_default=None, allow_none=True)
    origin = fields.String(load_default=None, allow_none=True)
    applications = fields.List(Expandable(ApplicationSchema), load_default=list, allow_none=True)
    urls = fields.Nested(UrlsSchema, load_default=None, allow_none=True)
    confidentiality = fields.String(load_default=None, allow_none=True)
    created_at = EpochMilliseconds(required=True, data_key="createdAt")
    updated_at = EpochMilliseconds(load_default=None, allow_none=True, data_key="updatedAt")


class DeletedSchema(PayloadSchema):
    """A row of the list of deleted opportunities: only the id is sure."""

    id = ExternalId(required=True)
    deleted_at = EpochMilliseconds(load_default=None, allow_none=True, data_key="deletedAt")


class ReasonSchema(PayloadSchema):
    """An archive reason; ``type`` is ``hired`` or ``non-hired``."""

    id = ExternalId(required=True)
    text = Text(load_default="", allow_none=True)
    type = fields.String(load_default="", allow_none=True)


class PostingSchema(PayloadSchema):
    """A job posting."""

    id = ExternalId(required=True)
    text = Text(required=True)


@dataclass(frozen=True, slots=True)
class ArchiveReason:
    """A reason for archiving, and whether it means a hire."""

    reason: Reason
    hired: bool


def reason_for(record: Mapping[str, Any]) -> ArchiveReason:
    """Nothing tells a rejection from a withdrawal, so the side stays unknown."""
    text = record["text"] or record["id"]
    return ArchiveReason(Reason(record["id"], text), hired=record["type"] == "hired")


def archived_at(record: Mapping[str, Any]) -> datetime | None:
    """When it was archived; None: it is not archived."""
    nested = record["archived"]
    return nested["archived_at"] if nested else record["flat_archived_at"]


def archive_reason_id(record: Mapping[str, Any]) -> str | None:
    """The id of the reason of an archived opportunity."""
    nested = record["archived"]
    return nested["reason"] if nested else record["flat_reason"]


def is_anonymised(record: Mapping[str, Any]) -> bool:
    """The case or the person was anonymised."""
    return bool(record["is_anonymized"] or record["contact"]["is_anonymized"])


def latest_posting(record: Mapping[str, Any]) -> str | None:
    """The posting of the newest application; None: not tied to a posting."""
    tied = [a for a in record["applications"] or () if a["posting"]]
    newest = max(tied, key=lambda a: a["created_at"] or record["created_at"], default=None)
    return newest["posting"] if newest else None


def application_for(
    record: Mapping[str, Any], *, job: Job | None, reason: ArchiveReason | None
) -> Application:
    """The snapshot. ``reason`` is that of the archiving, None where it is not archived."""
    erased = is_anonymised(record)
    stage = record["stage"] or {"id": "", "text": ""}
    return Application(
        external_id=record["id"],
        candidate=_candidate(record, erased=erased),
        state=_state(record, reason=reason, erased=erased),
        changed_at=_changed_at(record, erased=erased),
        job=job,
        # "Hired" is no reason that the company has to map.
        reason=reason.reason if reason and not reason.hired else None,
        stage=STAGES.get(stage["id"], Stage.UNKNOWN),
        stage_text=stage["text"] or "",
        channel=CHANNELS.get(record["origin"] or "", Channel.UNKNOWN),
        flags=_flags(record),
        applied_at=record["created_at"],
        ats_url=(record["urls"] or {}).get("show"),
    )


def _candidate(record: Mapping[str, Any], *, erased: bool) -> Candidate:
    person = record["contact"]["id"]
    if erased:
        return Candidate(person)
    emails = dict.fromkeys(e.strip() for e in record["emails"] or () if e.strip())
    return Candidate(person, emails=tuple(emails), full_name=record["name"] or "")


def _state(
    record: Mapping[str, Any], *, reason: ArchiveReason | None, erased: bool
) -> ApplicationState:
    if erased:
        return ApplicationState.ERASED
    if archived_at(record) is None:
        return ApplicationState.ACTIVE
    hired = reason is not None and reason.hired
    return ApplicationState.HIRED if hired else ApplicationState.REJECTED


def _changed_at(record: Mapping[str, Any], *, erased: bool) -> datetime:
    """When it was archived; else the last update: our own tags move that, never the first."""
    archived = None if erased else archived_at(record)
    return archived or record["updated_at"] or record["created_at"]


def _flags(record: Mapping[str, Any]) -> frozenset[Flag]:
    people = (record["data_protection"], record["contact"]["data_protection"])
    stated = {
        # A word we do not know counts as private: a link once sent cannot be taken back.
        Flag.PRIVATE: (record["confidentiality"] or "non-confidential") != "non-confidential",
        Flag.DO_NOT_CONTACT: any(
            p and p["contact"] and p["contact"]["allowed"] is False for p in people
        ),
    }
    return frozenset(flag for flag, holds in stated.items() if holds)
