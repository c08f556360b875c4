"""The last known state of every case, with the person encrypted and matched by keyed hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, new_id


class ApplicationRecord(Base):
    """What we keep of an ``Application``: enough to decide, link, match and report.

    ``person_sealed`` is JSON {emails, family_name, given_name, full_name}, encrypted.
    ``current_decision_id`` None: no decision stands (never rejected, or un-rejected since).
    """

    __tablename__ = "applications"
    __table_args__ = (
        UniqueConstraint("connection_id", "external_id"),
        Index("ix_applications_candidate", "connection_id", "candidate_external_id"),
        Index("ix_applications_changed_at", "changed_at"),
        # Retention asks for old cases that still have their person, few among the many that
        # had one.
        Index(
            "ix_applications_profiles",
            "connection_id",
            "changed_at",
            sqlite_where=text("person_sealed IS NOT NULL"),
            postgresql_where=text("person_sealed IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    external_id: Mapped[str]
    candidate_external_id: Mapped[str]
    person_sealed: Mapped[str | None] = mapped_column(info={"sealed": "text"})
    locale: Mapped[str | None]
    state: Mapped[str]
    reason_external_id: Mapped[str | None]
    reason_text: Mapped[str | None]
    reason_side: Mapped[str | None]
    job_external_id: Mapped[str | None]
    job_title: Mapped[str | None]
    stage: Mapped[str]
    channel: Mapped[str]
    flags: Mapped[list[str]] = mapped_column(default=list)
    applied_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]
    """The ATS's time of the last change we applied; older events are stale."""
    notice_after: Mapped[datetime | None]
    """The candidate is not told before; None: the ATS knows no such time."""
    ats_url: Mapped[str | None]
    version: Mapped[str | None]
    """The ATS's word for the state of its record that we read; None: it has none."""
    current_decision_id: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    addresses: Mapped[list[ApplicationAddress]] = relationship(
        back_populates="application", cascade="all, delete-orphan"
    )


class ApplicationAddress(Base):
    """Keyed hash of one address of a case: how a proved mailbox finds its rejection."""

    __tablename__ = "application_addresses"
    __table_args__ = (Index("ix_application_addresses_email_hash", "email_hash"),)

    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), primary_key=True)
    email_hash: Mapped[str] = mapped_column(primary_key=True)

    application: Mapped[ApplicationRecord] = relationship(back_populates="addresses")
