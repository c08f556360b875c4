"""HERP's rows (応募, *candidacy*) in our words. No I/O.

Only the keys named in ``CandidacySchema`` are read. ``note``, ``career``, ``age``, ``tags`` and
the rest of a row hold free text about people and never leave this module's input.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import fields, pre_load

from careerrelay import connectors as kit
from careerrelay.connectors import (
    Application,
    ApplicationState,
    Channel,
    Flag,
    IsoDateTime,
    Reason,
    RejectionSide,
    Stage,
    Text,
)

from .options import Options

# API values from public client code, labels from the product's screen:
# https://guide.herp.cloud/faq/e5a6561fc6f645dd886b76fa248b6013
REASONS = {
    "rejected": Reason("rejected", "不採用", RejectionSide.COMPANY),
    "refusedByCandidate": Reason("refusedByCandidate", "応募者辞退", RejectionSide.CANDIDATE),
    "hired": Reason("hired", "入社決定", RejectionSide.UNKNOWN),
    # Duplicates, tests, spam: no rejection after a selection. UNKNOWN leaves it to the
    # company's reason map, which links nobody until the company says so.
    "notEligible": Reason("notEligible", "非選考対象", RejectionSide.UNKNOWN),
}
_UNSTATED = Reason("unstated", "選考終了理由なし", RejectionSide.UNKNOWN)

_STATES = {
    "refusedByCandidate": ApplicationState.WITHDRAWN,
    "hired": ApplicationState.HIRED,
}

# casualInterview (カジュアル面談) comes before any selection, so it names no stage of one.
_STAGES = {
    "entry": Stage.DOCUMENTS,
    "resumeScreening": Stage.DOCUMENTS,
    "firstInterview": Stage.FIRST_INTERVIEW,
    "secondInterview": Stage.LATER_INTERVIEW,
    "thirdInterview": Stage.LATER_INTERVIEW,
    "finalInterview": Stage.FINAL_INTERVIEW,
    "offered": Stage.OFFER,
    "offerAccepted": Stage.OFFER,
}


class RowSchema(kit.PayloadSchema):
    """Optional keys are absent in recorded traffic; a null would mean the same."""

    @pre_load
    def drop_nulls(self, data: Any, **_: Any) -> Any:
        """The row without its nulls."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}


class ChannelSchema(RowSchema):
    """The union on ``type``; ``description`` and the agent's name are left alone."""

    type = fields.String(required=True)
    isScout = fields.Boolean()  # noqa: N815 - the vendor's key


class CandidacySchema(RowSchema):
    """The keys we use of a row; only id, status and appliedAt must be there."""

    id = kit.ExternalId(required=True)
    name = Text(load_default="")
    status = fields.String(required=True)
    requisitionId = kit.ExternalId()  # noqa: N815 - the vendor's key
    appliedAt = IsoDateTime(required=True)  # noqa: N815
    step = Text(load_default="")
    stepUpdatedAt = IsoDateTime()  # noqa: N815
    updatedAt = IsoDateTime()  # noqa: N815
    terminatedAt = IsoDateTime()  # noqa: N815
    terminationReason = fields.String()  # noqa: N815
    email = Text(load_default="")
    channel = fields.Nested(ChannelSchema)


class CandidacyPageSchema(kit.PayloadSchema):
    """One page of the list: 100 rows, whatever is asked for."""

    candidacies = fields.List(fields.Nested(CandidacySchema), required=True)
    hasNextPage = fields.Boolean(required=True)  # noqa: N815


class RequisitionSchema(RowSchema):
    """A 職種. Its name's key differs between public clients, so both are read."""

    id = kit.ExternalId(required=True)
    name = Text(load_default="")
    title = Text(load_default="")


class RequisitionPageSchema(kit.PayloadSchema):
    """One page of the requisitions, archived ones included."""

    requisitions = fields.List(fields.Nested(RequisitionSchema), required=True)
    hasNextPage = fields.Boolean(required=True)  # noqa: N815


def application_from(row: dict[str, Any], *, title: str, options: Options) -> Application:
    """A list row as a snapshot. ``title`` is the requisition's name, "" where unknown."""
    channel = _channel(row.get("channel"), manual=options.manual_channel)
    job_id = row.get("requisitionId")
    state = state_of(row)
    return Application(
        external_id=row["id"],
        candidate=kit.Candidate(
            external_id=row["id"], emails=_emails(row, channel=channel), full_name=row["name"]
        ),
        state=state,
        changed_at=changed_at(row),
        job=kit.Job(job_id, title) if job_id else None,
        reason=_reason(row),
        stage=_STAGES.get(row["step"], Stage.UNKNOWN),
        stage_text=row["step"],
        channel=channel,
        flags=_flags(row, state=state),
        applied_at=row["appliedAt"],
        ats_url=_url(row["id"], tenant=options.tenant),
    )


def state_of(row: dict[str, Any]) -> ApplicationState:
    """REJECTED also for 非選考対象 and for reasons we do not know: the reason map decides."""
    if row["status"] != "terminated":
        return ApplicationState.ACTIVE
    return _STATES.get(row.get("terminationReason", ""), ApplicationState.REJECTED)


def changed_at(row: dict[str, Any]) -> datetime:
    """When the case reached its state; ``terminatedAt`` is typed by people, to the minute."""
    keys = ("terminatedAt",) if row["status"] == "terminated" else ()
    known = (row.get(key) for key in (*keys, "updatedAt", "stepUpdatedAt", "appliedAt"))
    return next(moment for moment in known if moment is not None)


def _reason(row: dict[str, Any]) -> Reason | None:
    if row["status"] != "terminated":
        return None
    value = row.get("terminationReason")
    if value is None:
        return _UNSTATED
    return REASONS.get(value) or Reason(value, value, RejectionSide.UNKNOWN)


def _channel(channel: dict[str, Any] | None, *, manual: Channel) -> Channel:
    """Never mailed (AGENT, SCOUT) wherever HERP does not say that the person came directly.

    HERP names the channel of every case, so one we do not know is not left to chance.
    """
    told = channel or {}
    if told.get("type") == "media":
        return Channel.SCOUT if told.get("isScout", True) else Channel.DIRECT
    return {"careerPage": Channel.DIRECT, "manual": manual}.get(told.get("type", ""), Channel.AGENT)


def _emails(row: dict[str, Any], *, channel: Channel) -> tuple[str, ...]:
    """None for people an agent presented: the address may be the agent's own."""
    address = row["email"]
    return (address,) if "@" in address and channel is not Channel.AGENT else ()


def _flags(row: dict[str, Any], *, state: ApplicationState) -> frozenset[Flag]:
    """Ended by the company after an offer is 内定取消, which must never be followed by a link."""
    rescinded = state is ApplicationState.REJECTED and _STAGES.get(row["step"]) is Stage.OFFER
    return frozenset({Flag.OFFER_RESCINDED}) if rescinded else frozenset()


def _url(candidacy_id: str, *, tenant: str) -> str | None:
    if not tenant:
        return None
    return f"https://{tenant}.v1.herp.cloud/ats/p/candidacies/id/{candidacy_id}#detail"
