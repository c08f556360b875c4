"""Whether this installation can do its work now; for /readyz and doctor."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exc, func, select
from sqlalchemy.orm import Session

from ..models.tables import (
    Delivery,
    Heartbeat,
    OutgoingMail,
    Report,
    Signal,
    SpooledMail,
    WorkState,
)
from .ingest import Ingest
from .runtime import Runtime

STORE_ERRORS = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
"""What the store raises when it cannot be reached, is full, or is locked for too long."""

OVERDUE = timedelta(minutes=15)
"""Owed work older than this is not being done: back-offs and pauses move ``due_at`` on."""
OWING = (Signal, Delivery, OutgoingMail, Report, SpooledMail)


def troubles(runtime: Runtime, ingest: Ingest) -> list[str]:
    """Names of what is wrong: ``ingest``, ``store``, ``heartbeat``, ``overdue``; [] when ready."""
    found = [] if ingest.alive else ["ingest"]
    try:
        with runtime.database.read() as session:
            return found + _in_store(runtime, session)
    except STORE_ERRORS:
        return [*found, "store"]


def _in_store(runtime: Runtime, session: Session) -> list[str]:
    now = runtime.clock()
    found = []
    # On SQLite the one process that answers is the one that works; it does not beat.
    if not runtime.database.is_sqlite and not _is_beating(session, now - 4 * runtime.lease):
        found.append("heartbeat")
    due = oldest_due(session)
    if due is not None and due < now - OVERDUE:
        found.append("overdue")
    return found


def _is_beating(session: Session, since: datetime) -> bool:
    beat = session.scalar(select(func.max(Heartbeat.beat_at)))
    return beat is not None and beat >= since


def oldest_due(session: Session) -> datetime | None:
    """Since when the oldest owed work has been due; None when nothing is owed."""
    oldest = (
        session.scalar(select(func.min(row.due_at)).where(row.state == WorkState.DUE.value))
        for row in OWING
    )
    return min((due for due in oldest if due is not None), default=None)
