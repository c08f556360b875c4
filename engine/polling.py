"""Asks ATSs what changed: the only source for some, the safety net for the others.

The cursor moves in the same transaction that stores what it brought, so a kill anywhere means
at most the same page again, and its rows are known already.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import or_, select

from ..connectors.registry import connector_classes
from ..connectors.spec import Capability
from ..models.errors import (
    ApiAuthenticationError,
    ApiRateLimitedError,
    CallsUsedUpError,
    CareerRelayError,
)
from ..models.events import UNREADABLE, ApplicationEvent
from ..models.tables import Connection
from . import claims, tracing
from .health import STORE_ERRORS
from .ingest import store_signals
from .queue import Job
from .runtime import Runtime
from .signals import event_row
from .worker import defect

log = structlog.get_logger(__name__)

POLL = "poll"
PAGES_PER_RUN = 200
RETRY = timedelta(minutes=5)


def can_poll(connection: Connection) -> bool:
    """The connection's connector is installed and polls."""
    cls = connector_classes().get(connection.connector)
    return cls is not None and cls.spec.can(Capability.POLL)


def submit_due(runtime: Runtime) -> int:
    """Queue a poll for every connection whose time has come; returns how many."""
    now = runtime.clock()
    query = select(Connection).where(
        Connection.removed_at.is_(None),
        Connection.next_poll_at <= now,
        or_(Connection.paused_until.is_(None), Connection.paused_until <= now),
    )
    with runtime.database.read() as session:
        if session.scalars(query.limit(1)).first() is None:
            return 0
    with runtime.database.begin() as session:
        due = session.scalars(query.with_for_update(skip_locked=True)).all()
        for connection in due:
            # The key is the moment it was due, so several processes queue it once; a poll
            # that died without moving the moment is queued again a minute later.
            number = int((connection.next_poll_at or now).timestamp() * 1000)
            connection.next_poll_at = now + timedelta(minutes=1)
            runtime.queue.submit(session, Job(POLL, (connection.id,), number, connection.id))
    return len(due)


def poll(runtime: Runtime, connection_id: str) -> int:
    """Walk the pages that are new since the last poll; returns how many signals were new.

    One walk at a time per connection. Errors of the vendor set the time of the next try.
    """
    with runtime.locks.hold(f"poll:{connection_id}"):
        with runtime.database.read() as session:
            connection = session.get_one(Connection, connection_id)
        turn = _Turn(connection.next_poll_at)
        try:
            with tracing.span(POLL, connection=connection_id):
                new, more = _walk(runtime, connection, turn)
        except CareerRelayError as error:
            _note_failure(runtime, connection_id, error)
            return 0
        except STORE_ERRORS:
            # Nothing can be noted either; the moment moved on when this poll was queued.
            raise
        except Exception as error:
            _note_failure(runtime, connection_id, defect(error))
            return 0
        _plan_next(runtime, connection_id, turn, more=more)
        return new


@dataclass(slots=True)
class _Turn:
    """``next_poll_at`` as this walk knows it; another value there means that somebody asked for
    a poll meanwhile, and what they mean may lie behind us."""

    known: datetime | None

    def move(self, connection: Connection, moment: datetime) -> None:
        if connection.next_poll_at == self.known:
            connection.next_poll_at = self.known = moment


def _walk(runtime: Runtime, connection: Connection, turn: _Turn) -> tuple[int, bool]:
    connector = runtime.connector(connection)
    cursor, new = connection.poll_cursor, 0
    for _ in range(PAGES_PER_RUN):
        page = connector.poll(cursor)
        rows = [event_row(runtime, connection.id, e, source="poll") for e in page.events]
        with runtime.database.begin() as session:
            stored = store_signals(runtime, session, rows) if rows else set[str]()
            new += len(stored)
            row = session.get_one(Connection, connection.id, with_for_update=True)
            row.poll_cursor = dict(page.cursor)
            # Still at work: nobody else needs to begin.
            turn.move(row, runtime.clock() + timedelta(minutes=1))
        _tell_unreadable(connection.id, page.events, rows, stored)
        cursor = page.cursor
        if not page.more:
            return new, False
    return new, True


def _tell_unreadable(
    connection_id: str,
    events: Sequence[ApplicationEvent],
    rows: Sequence[Mapping[str, Any]],
    stored: Collection[str],
) -> None:
    """Once for each row that was set aside, in the words that doctor says as well."""
    for event, row in zip(events, rows, strict=True):
        if event.ats_event.startswith(UNREADABLE) and row["id"] in stored:
            told = event.ats_event.removeprefix(UNREADABLE)
            log.warning("row_unreadable", connection=connection_id, signal=row["id"], row=told)


def _plan_next(runtime: Runtime, connection_id: str, turn: _Turn, *, more: bool) -> None:
    now = runtime.clock()
    with runtime.database.begin() as session:
        connection = session.get_one(Connection, connection_id, with_for_update=True)
        seconds = connector_classes()[connection.connector].spec.poll_seconds
        # Spread, so that a restart does not ask every ATS in the same second.
        wait = timedelta() if more else timedelta(seconds=seconds) * random.uniform(0.95, 1.05)  # noqa: S311
        turn.move(connection, now + wait)
        connection.polled_at = now
        if connection.attention is not None:
            connection.attention = connection.paused_until = None


def _note_failure(runtime: Runtime, connection_id: str, error: CareerRelayError) -> None:
    now = runtime.clock()
    log.warning("poll_failed", connection=connection_id, code=error.code)
    with runtime.database.begin() as session:
        connection = session.get_one(Connection, connection_id)
        wait = timedelta(seconds=error.retry_after or 0) or RETRY
        connection.next_poll_at = now + wait
        if isinstance(error, (ApiAuthenticationError, CallsUsedUpError)):
            claims.park(session, connection_id, error, now)
        elif isinstance(error, ApiRateLimitedError):
            connection.paused_until = now + wait
        elif not error.retryable:
            connection.attention = error.message


def poll_now(runtime: Runtime, connection_id: str, *, at: datetime) -> None:
    """Make a poll due at once (after set-up, or by command)."""
    with runtime.database.begin() as session:
        session.get_one(Connection, connection_id).next_poll_at = at
