"""Whether this installation can do its work now; for /readyz and doctor."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from sqlalchemy import exc, func, select
from sqlalchemy.orm import Session

from ..models.errors import ConfigurationError
from ..models.facts import Fact
from ..models.tables import (
    Delivery,
    Heartbeat,
    OutgoingMail,
    Report,
    Signal,
    SpooledMail,
    WorkState,
    new_id,
)
from .ingest import Ingest
from .runtime import Runtime

STORE_ERRORS = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
"""What the store raises when it cannot be reached, is full, or is locked for too long."""

OVERDUE = timedelta(minutes=15)
"""Owed work older than this is not being done: back-offs and pauses move ``due_at`` on."""
WRITTEN_SECONDS = 1.0
"""A store that took a commit so lately is not asked for another: anybody may ask for /readyz."""
OWING = (Signal, Delivery, OutgoingMail, Report, SpooledMail)


def troubles(runtime: Runtime, ingest: Ingest) -> list[str]:
    """Names of what is wrong: ``ingest``, ``store``, ``migration``, ``heartbeat``, ``overdue``."""
    found = [] if ingest.alive else ["ingest"]
    if ingest.stuck:
        # Whoever asked it anything more would wait behind the commit that hangs.
        return [*found, "store"]
    try:
        runtime.database.schema.check()
        with runtime.database.read() as session:
            found += _in_store(runtime, session)
        _write(runtime)
    except ConfigurationError:
        return [*found, "migration"]
    except STORE_ERRORS:
        return [*found, "store"]
    return found


def _write(runtime: Runtime) -> None:
    """Commit something: on a full disk all can still be read, and every web hook hears 503.

    A row of its own each time, for one that all processes change would have them wait for whoever
    fell asleep over it; and none is left.
    """
    if time.monotonic() - runtime.written < WRITTEN_SECONDS:
        return
    with runtime.database.begin() as session:
        probe = Fact(name=f"probe {new_id()}")
        session.add(probe)
        session.flush()
        session.delete(probe)
    runtime.written = time.monotonic()


def _in_store(runtime: Runtime, session: Session) -> list[str]:
    now = runtime.clock()
    found = [] if _is_worked(runtime, session, now) else ["heartbeat"]
    due = oldest_due(session)
    if due is not None and due < now - OVERDUE:
        found.append("overdue")
    return found


def _is_worked(runtime: Runtime, session: Session, now: datetime) -> bool:
    """Somebody works the queue. On SQLite that is this very process, which keeps its own time."""
    patience = 4 * runtime.lease
    if not runtime.database.is_sqlite:
        return _is_beating(session, now - patience)
    last = runtime.ticked
    return last is None or time.monotonic() - last < patience.total_seconds()


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
