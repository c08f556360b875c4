"""Companies, their connections to ATSs, reason maps and mail templates."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, new_id


class Strategy(StrEnum):
    """How a link gets into the rejection mail."""

    FIELD_TOKEN = "field_token"  # noqa: S105 - a strategy's name, no password
    ATS_MESSAGE = "ats_message"
    MAIL_RELAY = "mail_relay"
    STATIC_LINK = "static_link"
    OWN_MAIL = "own_mail"


class ReasonMeaning(StrEnum):
    """What a company says one of its ATS reasons means."""

    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    OFFER_RESCINDED = "offer_rescinded"
    DUPLICATE = "duplicate"
    TEST = "test"
    MISCONDUCT = "misconduct"


class Company(Base):
    """The employer that rejects and earns slots (導入企業)."""

    __tablename__ = "companies"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Short name chosen at set-up: lower-case letters, digits, hyphens."""
    name: Mapped[str]
    locale: Mapped[str] = mapped_column(default="ja")
    timezone: Mapped[str] = mapped_column(default="Asia/Tokyo")
    address: Mapped[str] = mapped_column(default="")
    contact_email: Mapped[str] = mapped_column(default="")
    contact_phone: Mapped[str] = mapped_column(default="")
    careers_url: Mapped[str] = mapped_column(default="")
    document_policy: Mapped[str] = mapped_column(Text, default="")
    recruiter_name: Mapped[str] = mapped_column(default="")
    retention_months: Mapped[int] = mapped_column(default=12)
    batch_size: Mapped[int] = mapped_column(default=10)
    """Registrations that make one slot; written into each ledger entry's rule version."""
    smtp: Mapped[dict[str, Any]] = mapped_column(
        default=dict, info={"sealed": "values", "only": ("password_sealed",)}
    )
    """host, port, security (starttls | tls | none), username, sender, password_sealed."""
    send_from_hour: Mapped[int] = mapped_column(default=10)
    send_until_hour: Mapped[int] = mapped_column(default=17)
    business_days_only: Mapped[bool] = mapped_column(default=True)
    switched_off: Mapped[list[str]] = mapped_column(default=list)
    """Reason codes the company has switched off, among eligibility's switchable ones."""
    hold_days: Mapped[int] = mapped_column(default=0)
    """Whole days an own_mail waits after the decision; an un-rejection in between stops it."""
    created_at: Mapped[datetime]

    connections: Mapped[list[Connection]] = relationship(back_populates="company")


class Connection(Base):
    """One company's account on one ATS (接続). Strategies in order of preference."""

    __tablename__ = "connections"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Short name; it is in the webhook URL and is no secret."""
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    connector: Mapped[str]
    strategies: Mapped[list[str]]
    hiring: Mapped[str] = mapped_column(default="other")
    """new_graduate | mid_career | part_time | other: chooses the notice's wording (採用区分)."""
    mail_values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Values a notice of that kind needs: graduation_year, store_name, reapply_months."""
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Plain settings as typed; secret ones sealed under the same names in ``secrets``."""
    secrets: Mapped[dict[str, Any]] = mapped_column(default=dict, info={"sealed": "values"})
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    attention: Mapped[str | None]
    """Why the connection is parked (an ApiAuthenticationError's message), or None."""
    paused_until: Mapped[datetime | None]
    """No call before this (the vendor's Retry-After)."""
    poll_cursor: Mapped[dict[str, Any]] = mapped_column(default=dict)
    polled_at: Mapped[datetime | None]
    next_poll_at: Mapped[datetime | None]
    links_from: Mapped[datetime | None]
    """Rejections before this are recorded without a link; None: before ``created_at``. Those
    people had their answer long ago; a second one now would be a blow."""

    company: Mapped[Company] = relationship(back_populates="connections")


class ReasonRule(Base):
    """One line of a connection's reason map; ``meaning`` None: seen, not mapped yet."""

    __tablename__ = "reason_rules"
    __table_args__ = (UniqueConstraint("connection_id", "external_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    external_id: Mapped[str]
    text: Mapped[str]
    meaning: Mapped[str | None]
    first_seen_at: Mapped[datetime]


class MailTemplate(Base):
    """A company's own version of one mail; without one the shipped text is used."""

    __tablename__ = "mail_templates"
    __table_args__ = (UniqueConstraint("company_id", "kind", "locale"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    kind: Mapped[str]
    locale: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime]


class SharedToken(Base):
    """A short-lived OAuth token that all processes share: one live token per credential."""

    __tablename__ = "shared_tokens"

    key: Mapped[str] = mapped_column(primary_key=True)
    token_sealed: Mapped[str] = mapped_column(info={"sealed": "text"})
    expires_at: Mapped[datetime]
