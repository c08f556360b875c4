"""Registrations, the proof of the mailbox, consents and provision records."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, OwedWork, new_id

_UNPROVED = "state IN ('started', 'unmatched') AND email_sealed IS NOT NULL"


class RegistrationState(StrEnum):
    """started -> proved, or unmatched (no rejection under that address), or withdrawn."""

    STARTED = "started"
    PROVED = "proved"
    UNMATCHED = "unmatched"
    WITHDRAWN = "withdrawn"


class Registration(Base):
    """A person accepted the terms and (once proved) holds the mailbox (登録).

    The registrant belongs to the operator; a company sees a person only with that person's
    choice. Sealed columns are emptied on withdrawal; the row stays for the count.
    """

    __tablename__ = "registrations"
    __table_args__ = (
        Index("ix_registrations_company_email", "company_id", "email_hash"),
        Index("ix_registrations_mailbox_started", "mailbox_hash", "started_at"),
        Index("ix_registrations_link_started", "link_id", "started_at"),
        # Few at any time, and looked through again and again.
        Index(
            "ix_registrations_unmatched",
            "email_hash",
            sqlite_where=text("state = 'unmatched'"),
            postgresql_where=text("state = 'unmatched'"),
        ),
        Index(
            "ix_registrations_unproved",
            "started_at",
            sqlite_where=text(_UNPROVED),
            postgresql_where=text(_UNPROVED),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    link_id: Mapped[str] = mapped_column(ForeignKey("relay_links.id"))
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    application_id: Mapped[str | None] = mapped_column(ForeignKey("applications.id"))
    state: Mapped[str]
    name_sealed: Mapped[str | None] = mapped_column(info={"sealed": "text"})
    email_sealed: Mapped[str | None] = mapped_column(info={"sealed": "text"})
    email_hash: Mapped[str]
    """Keyed; the row's own id once an unproved registration is past its time."""
    mailbox_hash: Mapped[str]
    """The same of the address without tag and dots, which is how mails to it are counted."""
    code_sealed: Mapped[str | None] = mapped_column(info={"sealed": "text"})
    """The one-time code of the proof mail; emptied once used or after too many tries."""
    code_tries: Mapped[int] = mapped_column(default=0)
    code_expires_at: Mapped[datetime]
    locale: Mapped[str]
    started_at: Mapped[datetime]
    proved_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    counted: Mapped[bool] = mapped_column(default=False)
    named_to_company: Mapped[bool]


class Consent(Base):
    """What a person agreed to: the exact text by version, when, in which language."""

    __tablename__ = "consents"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    registration_id: Mapped[str] = mapped_column(ForeignKey("registrations.id"), index=True)
    purpose: Mapped[str]
    """terms | named_to_company"""
    given: Mapped[bool]
    text_version: Mapped[str]
    locale: Mapped[str]
    given_at: Mapped[datetime]


class Provision(Base):
    """Record of personal data given to a company (APPI art. 29), kept apart from profile data."""

    __tablename__ = "provisions"
    __table_args__ = (Index("ix_provisions_retain_until", "retain_until"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    registration_id: Mapped[str] = mapped_column(ForeignKey("registrations.id"), index=True)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    recipient_name: Mapped[str]
    person_sealed: Mapped[str] = mapped_column(info={"sealed": "text"})
    items: Mapped[list[str]]
    consent_id: Mapped[str] = mapped_column(ForeignKey("consents.id"))
    provided_at: Mapped[datetime]
    retain_until: Mapped[datetime]


class OutgoingMail(OwedWork, Base):
    """A mail the operator owes a registrant: ``proof`` or ``welcome``."""

    __tablename__ = "outgoing_mails"
    __table_args__ = (Index("ix_outgoing_mails_state_due_at", "state", "due_at"),)

    kind: Mapped[str]
    registration_id: Mapped[str] = mapped_column(ForeignKey("registrations.id"), index=True)
    created_at: Mapped[datetime]


class Report(OwedWork, Base):
    """A write-back owed to the ATS record (ATS反映); made only with consent to be named."""

    __tablename__ = "reports"
    __table_args__ = (Index("ix_reports_state_due_at", "state", "due_at"),)

    registration_id: Mapped[str] = mapped_column(ForeignKey("registrations.id"), unique=True)
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), index=True)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    remaining: Mapped[int]
    """Registrations still missing to the next slot, as counted with this one."""
    created_at: Mapped[datetime]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
