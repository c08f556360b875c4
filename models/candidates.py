"""What connectors tell us about a person's case: frozen values, no ids of ours.

ids are the ATS's own, as ``str``; datetimes are aware. We do not read what we do not use:
no notes, no evaluations, no résumés.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ApplicationState(StrEnum):
    """Where a case stands."""

    ACTIVE = "active"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    HIRED = "hired"
    ERASED = "erased"

    @property
    def side(self) -> RejectionSide:
        """Who ended it, where the state itself says so."""
        sides = {"rejected": RejectionSide.COMPANY, "withdrawn": RejectionSide.CANDIDATE}
        return sides.get(self.value, RejectionSide.UNKNOWN)


class RejectionSide(StrEnum):
    """Who ended it. UNKNOWN lets the connection's reason map decide, or nobody."""

    COMPANY = "company"
    CANDIDATE = "candidate"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """How far the case came; chooses the mail template."""

    DOCUMENTS = "documents"
    FIRST_INTERVIEW = "first_interview"
    LATER_INTERVIEW = "later_interview"
    FINAL_INTERVIEW = "final_interview"
    OFFER = "offer"
    UNKNOWN = "unknown"


class Channel(StrEnum):
    """How the person came. Agents, scouts and schools are never mailed."""

    DIRECT = "direct"
    AGENT = "agent"
    SCOUT = "scout"
    SCHOOL = "school"
    REFERRAL = "referral"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


class Flag(StrEnum):
    """Facts about a case that keep a link away, where the ATS (or a reason map) states them."""

    TEST = "test"
    DUPLICATE = "duplicate"
    MINOR = "minor"
    DISABILITY_QUOTA = "disability_quota"
    OFFER_RESCINDED = "offer_rescinded"
    DO_NOT_CONTACT = "do_not_contact"
    PRIVATE = "private"
    DISPUTE = "dispute"
    MISCONDUCT = "misconduct"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person as the ATS knows them; ``emails`` best first.

    ``full_name`` is for ATSs that have one name field only; otherwise leave it empty.
    """

    external_id: str
    emails: tuple[str, ...] = ()
    family_name: str = ""
    given_name: str = ""
    full_name: str = ""
    locale: str | None = None

    def display_name(self, locale: str) -> str:
        """The name as a letter in that language writes it, without honorific."""
        if self.full_name:
            return self.full_name
        parts = (self.family_name, self.given_name)
        return " ".join(p for p in (parts if locale == "ja" else parts[::-1]) if p)


@dataclass(frozen=True, slots=True)
class Job:
    """A vacancy (background work is a *task*)."""

    external_id: str
    title: str


@dataclass(frozen=True, slots=True)
class Reason:
    """The ATS's reason for the end of a case."""

    external_id: str
    text: str
    side: RejectionSide = RejectionSide.UNKNOWN


@dataclass(frozen=True, slots=True)
class Application:
    """A snapshot of one case: the whole truth at ``changed_at`` (the ATS's time, aware).

    ``notice_after``: the ATS, or the company by a setting, lets the candidate know no earlier.
    ``version``: how the ATS tells this state of its record from any other, such as its own time
    of the last change to the millisecond; the same again means that nothing has changed since.
    """

    external_id: str
    candidate: Candidate
    state: ApplicationState
    changed_at: datetime
    job: Job | None = None
    reason: Reason | None = None
    stage: Stage = Stage.UNKNOWN
    stage_text: str = ""
    channel: Channel = Channel.UNKNOWN
    flags: frozenset[Flag] = frozenset()
    applied_at: datetime | None = None
    notice_after: datetime | None = None
    ats_url: str | None = None
    version: str = ""
