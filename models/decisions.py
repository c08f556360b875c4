"""Link or no link, with one reason code and the rule version that decided."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .applications import ApplicationRecord
from .base import Base, new_id


class ReasonCode(StrEnum):
    """Why a rejection gets a link, or does not; shown to the company as is."""

    LINK = "link"
    NOT_REJECTED = "not_rejected"
    WITHDRAWN = "withdrawn"
    HIRED = "hired"
    OFFER_RESCINDED = "offer_rescinded"
    TEST_OR_DUPLICATE = "test_or_duplicate"
    AGENT_SCOUT_SCHOOL = "agent_scout_school"
    UNDER_18 = "under_18"
    DISABILITY_QUOTA = "disability_quota"
    INTERNAL = "internal"
    MISCONDUCT = "misconduct"
    DISPUTE = "dispute"
    PRIVATE = "private"
    DO_NOT_CONTACT = "do_not_contact"
    SUPPRESSED = "suppressed"
    NO_ADDRESS = "no_address"
    ERASED = "erased"
    UNREJECTED = "unrejected"
    UNMAPPED_REASON = "unmapped_reason"
    TOO_OLD = "too_old"
    BEFORE_START = "before_start"
    ALREADY_COUNTED = "already_counted"


class Decision(Base):
    """One judgement on one rejection (判定). Rows are never changed, only superseded."""

    __tablename__ = "decisions"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), index=True)
    link: Mapped[bool]
    code: Mapped[str]
    rule_version: Mapped[str]
    decided_at: Mapped[datetime]
    rejected_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]

    application: Mapped[ApplicationRecord] = relationship(lazy="raise")
    """Given when made: the unit of work then writes the case first."""
