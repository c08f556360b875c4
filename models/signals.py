"""What arrived, whole, before anything else was done with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, OwedWork, new_id


class Signal(OwedWork, Base):
    """A webhook, a polled row, a passing mail or a CSV row.

    The row itself is the promise: a signal in state ``due`` will be read, whatever dies.
    ``body_sealed`` is the request's bytes, encrypted (they hold names and addresses).
    """

    __tablename__ = "signals"
    __table_args__ = (
        UniqueConstraint("connection_id", "dedupe_key"),
        Index("ix_signals_state_due_at", "state", "due_at"),
        Index("ix_signals_received_at", "received_at"),
    )

    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    source: Mapped[str]
    """webhook | poll | csv | mail"""
    dedupe_key: Mapped[str]
    received_at: Mapped[datetime]
    request: Mapped[dict[str, Any]]
    """method, path, query and the headers that matter, never an Authorization header."""
    body_sealed: Mapped[bytes] = mapped_column(LargeBinary, info={"sealed": "bytes"})
    body_sha256: Mapped[str]
    outcome: Mapped[str | None]
    """After reading: recorded | duplicate | stale | ignored | unknown_event."""


class RefusedRequest(Base):
    """A webhook that was not accepted: why, never its body."""

    __tablename__ = "refused_requests"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    connection_id: Mapped[str] = mapped_column(index=True)
    received_at: Mapped[datetime] = mapped_column(index=True)
    status: Mapped[int]
    code: Mapped[str]
    cause: Mapped[str]
    size: Mapped[int]
    body_sha256: Mapped[str]
