"""What happened to a signal: raw, read, decided, delivered; or why it was not taken.

Bodies hold names and addresses, so they are shown masked. ``reveal`` shows them and says so in
the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ..models.errors import CareerRelayError, ConfigurationError, NotFoundError
from ..models.events import ApplicationEvent
from ..models.tables import (
    ApplicationRecord,
    Attempt,
    Connection,
    Decision,
    Delivery,
    RefusedRequest,
    Signal,
    WorkState,
)
from .audit import note
from .connections import connection_of
from .ingest import READ_SIGNALS
from .masking import masked_body, shown_body
from .reading import parse_stored
from .runtime import Runtime

REFUSED = "refused"
STATES = (*(state.value for state in WorkState), REFUSED)


@dataclass(frozen=True, slots=True)
class SignalLine:
    """One line of ``signals list``: a stored signal, or a request that was refused."""

    id: str
    received_at: datetime
    connection: str
    source: str
    state: str
    outcome: str
    attempts: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CaseTrace:
    """One case a signal speaks of, and what was decided and delivered for it."""

    application_id: str
    state: str
    decisions: tuple[Decision, ...]
    deliveries: tuple[Delivery, ...]
    current_decision_id: str | None


@dataclass(frozen=True, slots=True)
class SignalTrace:
    """Everything about one signal. ``body`` is masked unless it was revealed."""

    line: SignalLine
    request: Mapping[str, Any]
    body: str = field(repr=False)
    sha256: str
    events: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    cases: tuple[CaseTrace, ...] = ()


def signal_lines(
    runtime: Runtime,
    *,
    connection: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[SignalLine]:
    """The latest signals and refused requests, newest first.

    Raises NotFoundError (the connection), ConfigurationError (the state).
    """
    if state is not None and state not in STATES:
        raise ConfigurationError(f"state: must be one of {', '.join(STATES)}")
    with runtime.database.read() as session:
        if connection is not None:
            connection_of(session, connection)
        lines: list[SignalLine] = []
        if state != REFUSED:
            query = _narrowed(select(Signal), Signal, connection, since)
            if state is not None:
                query = query.where(Signal.state == state)
            found = session.scalars(query.order_by(Signal.received_at.desc()).limit(limit))
            lines += [line_of(signal) for signal in found]
        if state in (None, REFUSED):
            query = _narrowed(select(RefusedRequest), RefusedRequest, connection, since)
            refused = session.scalars(
                query.order_by(RefusedRequest.received_at.desc()).limit(limit)
            )
            lines += [_refused_line(request) for request in refused]
    return sorted(lines, key=lambda line: line.received_at, reverse=True)[:limit]


def _narrowed(
    query: Select[Any], row: Any, connection: str | None, since: datetime | None
) -> Select[Any]:
    if connection is not None:
        query = query.where(row.connection_id == connection)
    return query if since is None else query.where(row.received_at >= since)


def line_of(signal: Signal) -> SignalLine:
    """A stored signal as a line."""
    return SignalLine(
        id=signal.id,
        received_at=signal.received_at,
        connection=signal.connection_id,
        source=signal.source,
        state=signal.state,
        outcome=signal.outcome or "",
        attempts=signal.attempts,
        problem=signal.error or "",
    )


def _refused_line(request: RefusedRequest) -> SignalLine:
    return SignalLine(
        id=request.id,
        received_at=request.received_at,
        connection=request.connection_id,
        source="webhook",
        state=REFUSED,
        outcome=request.code,
        attempts=0,
        problem=request.cause,
    )


def trace(runtime: Runtime, signal_id: str, *, reveal_by: str = "") -> SignalTrace:
    """Everything about a signal or a refused request. Raises NotFoundError.

    ``reveal_by``: the actor who wants to see names and addresses; it is written down.
    """
    with runtime.database.read() as session:
        signal = session.get(Signal, signal_id)
        refused = session.get(RefusedRequest, signal_id) if signal is None else None
    if refused is not None:
        size = f"({refused.size} bytes; the body of a refused request is not kept)"
        return SignalTrace(_refused_line(refused), {}, size, refused.body_sha256)
    if signal is None:
        raise NotFoundError(f"there is no signal '{signal_id}'; it may be past its retention")
    if reveal_by:
        with runtime.database.begin() as session:
            note(
                runtime, session, actor=reveal_by, action="signals.reveal", subject=signal_id
            )  # fmt: skip
    return _traced(runtime, signal, revealed=bool(reveal_by))


def _traced(runtime: Runtime, signal: Signal, *, revealed: bool) -> SignalTrace:
    body = runtime.vault.open_bytes(signal.body_sealed, place=f"signals:{signal.id}")
    events = _events(runtime, signal)
    with runtime.database.read() as session:
        return SignalTrace(
            line=line_of(signal),
            request=dict(signal.request),
            body=shown_body(body) if revealed else masked_body(body),
            sha256=signal.body_sha256,
            events=tuple(f"{e.kind.value} {e.application_id or e.candidate_id}" for e in events),
            attempts=tuple(attempts_of(session, READ_SIGNALS, signal.id)),
            cases=tuple(_cases(session, signal.connection_id, events)),
        )


def _events(runtime: Runtime, signal: Signal) -> list[ApplicationEvent]:
    """What the signal says; nothing where it cannot be read, which its own row explains."""
    with runtime.database.read() as session:
        connection = session.get_one(Connection, signal.connection_id)
    try:
        return parse_stored(runtime, runtime.connector(connection), signal)
    except CareerRelayError:
        return []


def attempts_of(session: Session, task: str, subject: str) -> Sequence[Attempt]:
    """Every run of a piece of work, first to last."""
    query = select(Attempt).where(Attempt.task == task, Attempt.subject_id == subject)
    return session.scalars(query.order_by(Attempt.number, Attempt.started_at)).all()


def _cases(
    session: Session, connection_id: str, events: Sequence[ApplicationEvent]
) -> list[CaseTrace]:
    ids = [i for e in events for i in (e.application_id, *e.application_ids) if i]
    records = session.scalars(
        select(ApplicationRecord).where(
            ApplicationRecord.connection_id == connection_id,
            ApplicationRecord.external_id.in_(ids),
        )
    )
    return [_case(session, record) for record in records]


def _case(session: Session, record: ApplicationRecord) -> CaseTrace:
    decisions = select(Decision).where(Decision.application_id == record.id)
    deliveries = select(Delivery).where(Delivery.application_id == record.id)
    return CaseTrace(
        application_id=record.external_id,
        state=record.state,
        decisions=tuple(session.scalars(decisions.order_by(Decision.decided_at))),
        deliveries=tuple(session.scalars(deliveries.order_by(Delivery.created_at))),
        current_decision_id=record.current_decision_id,
    )
