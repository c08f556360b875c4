"""What a monitoring system wants to know, counted in the store when it asks.

Every process shows the same figures, since they are the rows'; nothing is kept in memory that a
restart would lose. What is finished is counted over the last hour: all that ever was would take
longer to count with every month, and shrink at every purge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.orm import Session

from ..connectors.registry import connector_classes
from ..models.tables import Connection, Delivery, Heartbeat, RelayedMail, WorkState
from .health import OWING, troubles
from .ingest import Ingest
from .runtime import Runtime

LAST_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One family of figures; ``values`` maps the labels' values to the figure."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)


def gauges(runtime: Runtime, ingest: Ingest) -> list[Gauge]:
    """All figures of this installation. Raises the store's errors when it cannot be asked."""
    now = runtime.clock()
    with runtime.database.read() as session:
        found = [_waiting_and_age(session, now), _dead(session), _finished(session, now)]
        found += [_deliveries(session, now), _relayed(session, now)]
        found += [_connections(session, now), _calls(runtime, session)]
        if not runtime.database.is_sqlite:
            found.append(_workers(session, now - runtime.lease))
    return [*(g for group in found for g in group), *_ingest(ingest), _ready(runtime, ingest)]


def _ready(runtime: Runtime, ingest: Ingest) -> Gauge:
    """On a full disk all of the above can still be counted."""
    return Gauge(
        "careerrelay_ready",
        "1: what /readyz says of this process; 0: its log says what is wrong.",
        values={(): float(not troubles(runtime, ingest))},
    )


def _ingest(ingest: Ingest) -> tuple[Gauge, ...]:
    waiting = Gauge(
        "careerrelay_ingest_waiting",
        "Webhooks in this process that wait for their commit.",
        values={(): float(ingest.waiting)},
    )
    stuck = Gauge(
        "careerrelay_ingest_stuck",
        "1: the store has not committed for a while, and webhooks hear 503.",
        values={(): float(ingest.stuck)},
    )
    return waiting, stuck


def _waiting_and_age(session: Session, now: datetime) -> tuple[Gauge, ...]:
    labels = ("work", "connection")
    due = Gauge("careerrelay_work_due", "Work that is owed now and not done.", labels)
    later = Gauge("careerrelay_work_later", "Work put off: business hours, retries.", labels)
    age = Gauge(
        "careerrelay_work_oldest_seconds", "For how long the oldest owed work has been due.", labels
    )
    for row in OWING:
        is_due = case((row.due_at <= now, 1), else_=0)
        query = _by_connection(row, func.count(), func.sum(is_due), func.min(row.due_at)).where(
            row.state == WorkState.DUE.value
        )
        for connection, total, overdue, oldest in _rows(session, query):
            key = (row.__tablename__, connection)
            due.values[key], later.values[key] = float(overdue), float(total - overdue)
            age.values[key] = max(0.0, (now - oldest).total_seconds())
    return due, later, age


def _dead(session: Session) -> tuple[Gauge, ...]:
    dead = Gauge(
        "careerrelay_work_dead",
        "Work given up; 'careerrelay work' lists and replays it.",
        ("work", "connection"),
    )
    for row in OWING:
        query = _by_connection(row, func.count()).where(row.state == WorkState.DEAD.value)
        dead.values.update(
            {(row.__tablename__, where): float(n) for where, n in _rows(session, query)}
        )
    return (dead,)


def _finished(session: Session, now: datetime) -> tuple[Gauge, ...]:
    ended = Gauge(
        "careerrelay_work_last_hour",
        "Work that was due in the last hour, by what became of it.",
        ("work", "connection", "state"),
    )
    for row in OWING:
        query = _by_connection(row, row.state, func.count()).where(
            row.state.in_([state.value for state in WorkState]), row.due_at > now - LAST_HOUR
        )
        for connection, state, number in _rows(session, query.group_by(row.state)):
            ended.values[row.__tablename__, connection, state] = float(number)
    return (ended,)


def _by_connection(row: type[Any], *columns: Any) -> Select[*tuple[Any, ...]]:
    """The operator's own mails belong to no connection: theirs is ""."""
    if not hasattr(row, "connection_id"):
        return select(literal(""), *columns).having(func.count() > 0)
    return select(row.connection_id, *columns).group_by(row.connection_id)


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> Iterable[Any]:
    return session.execute(query)


def _deliveries(session: Session, now: datetime) -> tuple[Gauge, ...]:
    labels = ("connection", "strategy", "state", "code")
    family = Gauge(
        "careerrelay_deliveries_last_hour",
        "Links that were due in the last hour, by strategy and by what became of them.",
        labels,
    )
    code = func.coalesce(Delivery.error_code, "")
    key = (Delivery.connection_id, Delivery.strategy, Delivery.state, code)
    query = (
        select(*key, func.count())
        .where(
            Delivery.state.in_([state.value for state in WorkState]),
            Delivery.due_at > now - LAST_HOUR,
        )
        .group_by(*key)
    )
    for *values, number in _rows(session, query):
        family.values[tuple(values)] = float(number)
    return (family,)


def _relayed(session: Session, now: datetime) -> tuple[Gauge, ...]:
    """``self_check`` or ``internal`` is a defect of ours, ``token_left`` a template's."""
    family = Gauge(
        "careerrelay_relayed_mails_last_hour",
        "Mails of the last hour that were to get a link, by what was done and why.",
        ("connection", "judgement", "status", "code"),
    )
    code = func.coalesce(RelayedMail.code, RelayedMail.reason)
    status = func.coalesce(RelayedMail.status, "")
    key = (RelayedMail.connection_id, RelayedMail.judgement, status, code)
    query = select(*key, func.count()).where(RelayedMail.last_at > now - LAST_HOUR).group_by(*key)
    for *values, number in _rows(session, query):
        family.values[tuple(values)] = float(number)
    return (family,)


def _connections(session: Session, now: datetime) -> tuple[Gauge, ...]:
    labels = ("connection", "connector")
    attention = Gauge(
        "careerrelay_connection_needs_attention", "1: the ATS refuses our credentials.", labels
    )
    paused = Gauge(
        "careerrelay_connection_paused_seconds", "For how long its ATS is not called yet.", labels
    )
    standing = select(Connection).where(Connection.removed_at.is_(None))
    for connection in session.scalars(standing):
        key = (connection.id, connection.connector)
        attention.values[key] = float(connection.attention is not None)
        until = connection.paused_until or now
        paused.values[key] = max(0.0, (until - now).total_seconds())
    return attention, paused


def _calls(runtime: Runtime, session: Session) -> tuple[Gauge, ...]:
    left = Gauge(
        "careerrelay_calls_left",
        "Calls that the ATS's rate limit would let us make now, by all processes together.",
        ("connection", "connector"),
    )
    classes = connector_classes()
    for connection in session.scalars(select(Connection).where(Connection.removed_at.is_(None))):
        cls = classes.get(connection.connector)
        if cls is not None and cls.spec.rate_limit is not None:
            found = runtime.calls_left(session, connection, cls.spec)
            left.values[connection.id, connection.connector] = float(found)
    return (left,)


def _workers(session: Session, since: datetime) -> tuple[Gauge, ...]:
    alive = session.scalar(select(func.count()).where(Heartbeat.beat_at >= since)) or 0
    return (
        Gauge(
            "careerrelay_workers_alive",
            "Processes that work the queue and have beaten within the lease.",
            values={(): float(alive)},
        ),
    )
