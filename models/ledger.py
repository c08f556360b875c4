"""The append-only ledger: credits, slots and corrections."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, new_id


class EntryKind(StrEnum):
    """credit: one counted registration. slot: one earned placement. correction: takes one back."""

    CREDIT = "credit"
    SLOT = "slot"
    CORRECTION = "correction"


class LedgerEntry(Base):
    """One line nobody changes or deletes (the database refuses both).

    ``number`` counts per company and kind from 1 without gaps; ``evidence`` points to the rows
    that justify the line and holds no personal data.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (UniqueConstraint("company_id", "kind", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    kind: Mapped[str]
    number: Mapped[int]
    registration_id: Mapped[str | None] = mapped_column(ForeignKey("registrations.id"))
    rule_version: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime]


class CountedPerson(Base):
    """Who was counted, for ever: one row per company and key, made with the credit.

    ``person_key`` is ``email:<keyed hash>`` or ``candidate:<connection>:<external id>``; a credit
    claims every key of its person, so the same person under another address counts once.
    """

    __tablename__ = "counted_people"

    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), primary_key=True)
    person_key: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[str] = mapped_column(ForeignKey("ledger_entries.id"))
