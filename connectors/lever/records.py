"""Lever's API records turned into ours. Times are milliseconds since 1970.

Samples: https://hire.lever.co/developer/documentation#opportunities
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState, Channel, Flag, Stage

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


class Expandable(fields.Nested):
    """An id, or the whole record where the call said ``expand``."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        record = {"id": value} if isinstance(value, str | int) else value
        return super()._deserialize(record, *args, **kwargs)


class OptionalMoment(kit.EpochMilliseconds):
    """A time that may be missing or null, which is None."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(load_default=None, allow_none=True, **kwargs)


# One purpose of ``dataProtection``: may this person be contacted?
ConsentSchema = kit.PayloadSchema.of(allowed=fields.Boolean(load_default=None, allow_none=True))
DataProtectionSchema = kit.PayloadSchema.of(contact=kit.OptionalPart(ConsentSchema))
# A stage, and an archive reason, whose ``type`` is ``hired`` or ``non-hired``; the text of a stage
# comes with ``expand`` only.
TextSchema = kit.PayloadSchema.of(id=kit.ExternalId(required=True), text=kit.OptionalText())
ReasonSchema = kit.PayloadSchema.of(
    id=kit.ExternalId(required=True), text=kit.OptionalText(), type=kit.OptionalText()
)
PostingSchema = kit.PayloadSchema.of(id=kit.ExternalId(required=True), text=kit.Text(required=True))
# An application to one posting; all but the id come with ``expand`` only.
ApplicationSchema = kit.CamelCaseSchema.of(
    id=kit.ExternalId(required=True), posting=kit.OptionalId(), created_at=OptionalMoment()
)
ArchivedSchema = kit.CamelCaseSchema.of(
    reason=kit.OptionalId(), archived_at=kit.EpochMilliseconds(required=True)
)
UrlsSchema = kit.PayloadSchema.of(show=fields.String(load_default=None, allow_none=True))
# A row of the list of deleted opportunities: only the id is sure.
DeletedSchema = kit.CamelCaseSchema.of(
    id=kit.ExternalId(required=True), deleted_at=OptionalMoment()
)


class PersonSchema(kit.CamelCaseSchema):
    """What opportunity and contact have in common."""

    id = kit.ExternalId(required=True)
    is_anonymized = kit.OptionalFlag()
    data_protection = kit.OptionalPart(DataProtectionSchema)


class OpportunitySchema(PersonSchema):
    """A candidacy, with ``archived`` nested as today or flat as older clients saw it."""

    name = kit.OptionalText()
    contact = Expandable(PersonSchema, required=True)
    emails = kit.Addresses()
    archived = kit.OptionalPart(ArchivedSchema)
    flat_archived_at = OptionalMoment(data_key="archivedAt")
    flat_reason = kit.OptionalId(data_key="archiveReason")
    stage = Expandable(TextSchema, load_default=None, allow_none=True)
    origin = kit.OptionalText()
    applications = kit.OptionalList(Expandable(ApplicationSchema))
    urls = kit.OptionalPart(UrlsSchema)
    confidentiality = kit.OptionalText()
    created_at = kit.EpochMilliseconds(required=True)
    updated_at = OptionalMoment()


@dataclass(frozen=True, slots=True)
class ArchiveReason:
    """A reason for archiving, and whether it means a hire."""

    reason: kit.Reason
    hired: bool


def reason_for(record: Mapping[str, Any]) -> ArchiveReason:
    """Nothing tells a rejection from a withdrawal, so the side stays unknown."""
    text = record["text"] or record["id"]
    return ArchiveReason(kit.Reason(record["id"], text), hired=record["type"] == "hired")


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
    tied = [a for a in record["applications"] if a["posting"]]
    newest = max(tied, key=lambda a: a["created_at"] or record["created_at"], default=None)
    return newest["posting"] if newest else None


def application_for(
    record: Mapping[str, Any], *, job: kit.Job | None, reason: ArchiveReason | None
) -> kit.Application:
    """The snapshot. ``reason`` is that of the archiving, None where it is not archived."""
    erased = is_anonymised(record)
    person = {} if erased else {"emails": record["emails"], "full_name": record["name"]}
    stage = record["stage"] or {"id": "", "text": ""}
    return kit.Application(
        external_id=record["id"],
        candidate=kit.Candidate(record["contact"]["id"], **person),
        state=_state(record, reason=reason, erased=erased),
        changed_at=_changed_at(record, erased=erased),
        job=job,
        # "Hired" is no reason that the company has to map.
        reason=reason.reason if reason and not reason.hired else None,
        stage=STAGES.get(stage["id"], Stage.UNKNOWN),
        stage_text=stage["text"],
        channel=CHANNELS.get(record["origin"], Channel.UNKNOWN),
        flags=_flags(record),
        applied_at=record["created_at"],
        ats_url=(record["urls"] or {}).get("show"),
    )


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
