"""Who did what, and every attempt at owed work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, new_id


class AuditEntry(Base):
    """An action with effect outside, append only: replay, key change, settings, erasure."""

    __tablename__ = "audit_entries"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Attempt(Base):
    """One run of a piece of owed work, as the console and ``signals show`` tell it."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_subject_id_number", "subject_id", "number"),
        Index("ix_attempts_finished_at", "finished_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    task: Mapped[str]
    subject_id: Mapped[str]
    number: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    error_code: Mapped[str | None]
    error: Mapped[str | None]
    retry_at: Mapped[datetime | None]


class Heartbeat(Base):
    """A live engine process; the reaper takes over the work of one that stopped beating."""

    __tablename__ = "heartbeats"

    executor_id: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]
    host: Mapped[str]
    pid: Mapped[int]
