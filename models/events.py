"""What passes between the engine and a connector: requests in, events out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from .candidates import Application, ApplicationState


class EventKind(StrEnum):
    """What a signal says. CHANGED means: something happened, go and look."""

    APPLIED = "applied"
    REJECTED = "rejected"
    UNREJECTED = "unrejected"
    WITHDRAWN = "withdrawn"
    HIRED = "hired"
    MERGED = "merged"
    ERASED = "erased"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class ApplicationEvent:
    """One event, normalised.

    ``application_id`` is the ATS's id of the case; it is None for MERGED and ERASED, which
    speak of a person (``candidate_id``; ``merged_into`` is the id that stays).
    ``application`` is a snapshot where the signal carries one that may be believed.
    ``notice_after``: the signal itself says when the candidate may know, at the earliest.
    ``version``: of a polled hint, what the snapshot would have as its own, had it been fetched
    now. Where a case is recorded with it already, the ATS is not asked again.
    ``ats_event`` is the vendor's own name for it.
    """

    kind: EventKind
    occurred_at: datetime
    application_id: str | None = None
    candidate_id: str | None = None
    application: Application | None = None
    merged_into: str | None = None
    application_ids: tuple[str, ...] = ()
    notice_after: datetime | None = None
    ats_event: str = field(default="", repr=False, compare=False)
    version: str = ""


KIND_OF_STATE = {
    ApplicationState.ACTIVE: EventKind.APPLIED,
    ApplicationState.REJECTED: EventKind.REJECTED,
    ApplicationState.WITHDRAWN: EventKind.WITHDRAWN,
    ApplicationState.HIRED: EventKind.HIRED,
    ApplicationState.ERASED: EventKind.ERASED,
}


def snapshot_event(found: Application, *, ats_event: str = "") -> ApplicationEvent:
    """What a case says when the ATS was asked for it."""
    return ApplicationEvent(
        kind=KIND_OF_STATE[found.state],
        occurred_at=found.changed_at,
        application_id=found.external_id,
        candidate_id=found.candidate.external_id,
        application=found,
        ats_event=ats_event,
    )


def hint_event(
    case: str,
    *,
    at: datetime,
    person: str | None = None,
    notice_after: datetime | None = None,
    ats_event: str = "",
    version: str = "",
) -> ApplicationEvent:
    """Something happened to a case, and the ATS has to be asked what."""
    return ApplicationEvent(
        EventKind.CHANGED,
        at,
        case,
        person,
        notice_after=notice_after,
        ats_event=ats_event,
        version=version,
    )


UNREADABLE = "unreadable row "
"""Begins the name of a hint that stands for a row of a list; then its case, and what is wrong."""


def unreadable_row(case: str, *, at: datetime, why: str, version: str) -> ApplicationEvent:
    """A list's row that is not as documented: its case has to be asked for alone."""
    return hint_event(case, at=at, ats_event=f"{UNREADABLE}{case}: {why}", version=version)


def erased_event(
    case: str, *, at: datetime, person: str | None = None, ats_event: str = ""
) -> ApplicationEvent:
    """The ATS has this case no more; where it is a person too, ``person`` is the same."""
    gone = EventKind.ERASED
    return ApplicationEvent(gone, at, case, person, application_ids=(case,), ats_event=ats_event)


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """An HTTP request as it arrived, without any web framework in it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """What to answer to a set-up handshake."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PollPage:
    """One page of a poll. The cursor is the connector's business; it is JSON."""

    events: tuple[ApplicationEvent, ...]
    cursor: Mapping[str, Any]
    more: bool = False


@dataclass(frozen=True, slots=True)
class RegistrationReport:
    """What to write on the ATS record after a registration, with the person's consent.

    ``marker`` is a short stable text that is part of ``text``: look for it before writing.
    ``url`` is a page the recruiter may open, for ATSs whose records list links; "" none.
    """

    marker: str
    text: str
    tag: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that we have sent in the company's name, for the ATS to keep (``mail_record``).

    ``marker`` is the same each time, and no other mail's.
    """

    marker: str
    subject: str
    html: str
    sender: str
    to: str
    message_id: str
    """As in its header, in angle brackets."""
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message the ATS is asked to send to the candidate (``ats_message``)."""

    marker: str
    subject: str
    text: str
