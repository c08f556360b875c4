"""Relay links and the attempts to get them into a mail."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .applications import ApplicationRecord
from .base import Base, OwedWork, new_id
from .decisions import Decision


class LinkKind(StrEnum):
    """Personal links stand for a person's case, static ones for a company, job or stage."""

    PERSONAL = "personal"
    STATIC = "static"


class RelayLink(Base):
    """A signed URL's row: expiry and revocation live here, nothing personal in the token.

    ``subject`` makes issuing idempotent: ``application:<id>``, ``candidate:<external id>`` or
    ``static:<job>:<stage>``.
    """

    __tablename__ = "relay_links"
    __table_args__ = (
        UniqueConstraint("company_id", "connection_id", "subject"),
        Index("ix_relay_links_connection_subject", "connection_id", "subject"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    subject: Mapped[str]
    application_id: Mapped[str | None] = mapped_column(ForeignKey("applications.id"))
    candidate_external_id: Mapped[str | None]
    job_external_id: Mapped[str | None]
    stage: Mapped[str | None]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    application: Mapped[ApplicationRecord | None] = relationship(lazy="raise")
    """Given when made: the unit of work then writes the case first."""


class Delivery(OwedWork, Base):
    """One effect owed: a link into a mail, by one strategy (配信).

    One per application and strategy and decision; ``detail`` holds what was seen
    (message id, field name), never a person's data.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("application_id", "strategy", "purpose"),
        Index("ix_deliveries_state_due_at", "state", "due_at"),
        Index("ix_deliveries_connection_id", "connection_id"),
    )

    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"))
    link_id: Mapped[str | None] = mapped_column(ForeignKey("relay_links.id"))
    """None: the company's notice by own_mail, without a link."""
    strategy: Mapped[str]
    purpose: Mapped[str]
    """``prepare`` (at application time), ``decision:<decision id>``, ``clear`` (stop link), or
    ``mail:<delivery id>`` (our own mail, put on the ATS's record)."""
    decision_id: Mapped[str | None] = mapped_column(ForeignKey("decisions.id"))
    created_at: Mapped[datetime]
    handed_over_at: Mapped[datetime | None]
    """Set just before the last irreversible step (SMTP data); see SmtpUncertainError."""
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)

    # Given when made: the unit of work then writes these rows first.
    application: Mapped[ApplicationRecord] = relationship(lazy="raise")
    link: Mapped[RelayLink | None] = relationship(lazy="raise")
    decision: Mapped[Decision | None] = relationship(lazy="raise")
