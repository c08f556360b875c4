"""Reads stored signals: parse, fetch where a signal is only a hint, record, decide, settle.

A claim's signals are read together: one transaction for all that need no call to the ATS. Whatever
is in the way of that, they are read one by one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from ..connectors.base import Connector
from ..connectors.spec import Capability, Trust
from ..models.candidates import ApplicationState
from ..models.errors import ApiNotFoundError, CareerRelayError, PayloadError, UnknownEventError
from ..models.events import ApplicationEvent, EventKind, WebhookRequest, snapshot_event
from ..models.schemas import load_event
from ..models.tables import ApplicationRecord, Connection, Signal, WorkState
from . import tracing
from .cases import CaseFile
from .claims import settle, settle_all
from .known import Known, known
from .new_cases import insert_new
from .runtime import Runtime
from .signals import trust_of

BARE = (EventKind.MERGED, EventKind.ERASED)
"""Kinds that need no snapshot of the case."""
UNCHANGED = "unchanged"
"""The outcome of a list's hint at what has been read already."""


def read_signal(runtime: Runtime, signal_id: str) -> None:
    """Task: turn one stored signal into recorded cases, decisions and owed work."""
    with runtime.database.read() as session:
        signal = session.get_one(Signal, signal_id)
        connection = session.get_one(Connection, signal.connection_id)
    connector = runtime.connector(connection)
    try:
        events = parse_stored(runtime, connector, signal)
    except UnknownEventError as error:
        _finish(runtime, signal_id, outcome="unknown_event", message=error.message)
        return
    trusted = signal.source != "webhook" or trust_of(connector) is Trust.SIGNED
    events = [
        part
        for event in events
        for part in _per_case(runtime, connection.id, event, trusted=trusted)
    ]
    fresh = [e for e in events if not (trusted and _is_unchanged(runtime, connection, e))]
    answers = [_answer(runtime, connector, connection, e, fresh, trusted=trusted) for e in fresh]
    with runtime.database.begin() as session:
        cases = CaseFile(runtime, session, session.get_one(Connection, connection.id))
        outcomes = [
            cases.record(event, asked=asked) for event, asked in answers if event is not None
        ]
        outcomes += [UNCHANGED] * (len(events) - len(fresh))
        _settle(session, runtime, signal_id, outcomes, asked=[e for e, _ in answers] != fresh)


def read_signals(runtime: Runtime, signal_ids: Sequence[str]) -> list[str]:
    """Task, for a whole claim: all that needs no call to the ATS, in one transaction.

    Returns the ids that are left for ``read_signal``. Whatever it raises has undone all of it.
    """
    with runtime.database.read() as session:
        found = session.scalars(select(Signal).where(Signal.id.in_(signal_ids))).all()
        ids = {signal.connection_id for signal in found}
        connections = session.scalars(select(Connection).where(Connection.id.in_(ids))).all()
    connectors = {c.id: runtime.connector(c) for c in connections}
    signals = {signal.id: signal for signal in found}
    plain: dict[str, list[ApplicationEvent]] = {}
    for id_ in signal_ids:
        events = _spoken_for(runtime, connectors[signals[id_].connection_id], signals[id_])
        if events is not None:
            plain[id_] = events
    if plain:
        with runtime.database.begin() as session:
            _record_all(runtime, session, signals, plain)
            insert_new(session)
    return [id_ for id_ in signal_ids if id_ not in plain]


def _spoken_for(
    runtime: Runtime, connector: Connector, signal: Signal
) -> list[ApplicationEvent] | None:
    """The events of a signal that says all by itself; None for any other, or one that is odd."""
    if signal.source == "webhook" and trust_of(connector) is not Trust.SIGNED:
        return None
    try:
        events = parse_stored(runtime, connector, signal)
    except CareerRelayError:
        return None
    whole = all(event.application is not None or event.kind in BARE for event in events)
    return events if whole else None


def _record_all(
    runtime: Runtime,
    session: Session,
    signals: Mapping[str, Signal],
    plain: Mapping[str, Sequence[ApplicationEvent]],
) -> None:
    files: dict[str, CaseFile] = {}
    outcomes: dict[str, list[str]] = {}
    for connection_id in sorted({signals[id_].connection_id for id_ in plain}):
        told = [
            e
            for id_, es in plain.items()
            if signals[id_].connection_id == connection_id
            for e in es
        ]
        connection = session.get_one(
            Connection, connection_id, options=[joinedload(Connection.company)]
        )
        files[connection_id] = CaseFile(runtime, session, connection)
        files[connection_id].expect(told)
    for id_, events in plain.items():
        cases = files[signals[id_].connection_id]
        with tracing.span("read_signal", parent=signals[id_].request, subject=id_):
            outcome = _outcome([cases.record(event) for event in events])
        outcomes.setdefault(outcome, []).append(id_)
    for outcome, ids in outcomes.items():
        settle_all(session, Signal, ids, runtime.clock(), outcome=outcome)


def _outcome(outcomes: Sequence[str]) -> str:
    return ",".join(dict.fromkeys(outcomes)) or "ignored"


def parse_stored(runtime: Runtime, connector: Connector, signal: Signal) -> list[ApplicationEvent]:
    """What a stored signal says, without asking the ATS. Raises WebhookError kinds."""
    body = runtime.vault.open_bytes(signal.body_sealed, place=f"signals:{signal.id}")
    if signal.source == "webhook":
        return connector.read_webhook(stored_request(signal, body))
    try:
        return [load_event(json.loads(body))]
    except (ValidationError, ValueError):
        raise PayloadError("the stored event cannot be read by this version") from None


def stored_request(signal: Signal, body: bytes) -> WebhookRequest:
    """The request as it arrived."""
    return WebhookRequest(
        method=signal.request["method"],
        path=signal.request["path"],
        query=signal.request["query"],
        headers=signal.request["headers"],
        body=body,
        received_at=signal.received_at,
    )


def _per_case(
    runtime: Runtime, connection_id: str, event: ApplicationEvent, *, trusted: bool
) -> list[ApplicationEvent]:
    """A change of a person as one event per case we know of; one we never heard of is none.

    So is a deletion of which we have but a hint: the ATS has to be asked case by case.
    """
    asks = event.kind is EventKind.CHANGED or (event.kind is EventKind.ERASED and not trusted)
    if not asks or event.application_id or not event.candidate_id:
        return [event]
    with runtime.database.read() as session:
        ids = session.scalars(
            select(ApplicationRecord.external_id).where(
                ApplicationRecord.connection_id == connection_id,
                ApplicationRecord.candidate_external_id == event.candidate_id,
                ApplicationRecord.state != ApplicationState.ERASED.value,
            )
        ).all()
    return [replace(event, application_id=id_) for id_ in ids]


def _is_unchanged(runtime: Runtime, connection: Connection, event: ApplicationEvent) -> bool:
    """A list shows the case in the very state that we read: asking would tell the same again."""
    if event.application is not None or not event.version:
        return False
    query = select(ApplicationRecord.version).where(
        ApplicationRecord.connection_id == connection.id,
        ApplicationRecord.external_id == event.application_id,
    )
    with runtime.database.read() as session:
        return session.scalar(query) == event.version


def _answer(
    runtime: Runtime,
    connector: Connector,
    connection: Connection,
    event: ApplicationEvent,
    events: Sequence[ApplicationEvent],
    *,
    trusted: bool,
) -> tuple[ApplicationEvent | None, Known | None]:
    """The event as it may be believed, and what was known when the ATS was asked for it."""
    if event.application_id is None:
        return _complete(connector, event, trusted=trusted), None
    with runtime.database.read() as session:
        asked = known(session, connection.id, event.application_id)
    if event.application is not None and connector.spec.can(Capability.FETCH):
        twice = sum(e.application_id == event.application_id for e in events) > 1
        tied = asked is not None and asked.is_tied_by(event.application)
        trusted = trusted and not twice and not tied
    return _complete(connector, event, trusted=trusted), asked


def _complete(
    connector: Connector, event: ApplicationEvent, *, trusted: bool
) -> ApplicationEvent | None:
    """The event with a snapshot that may be believed; None: the truth contradicts a hint."""
    if event.kind is EventKind.MERGED or (trusted and event.kind is EventKind.ERASED):
        return event if trusted else None
    if trusted and event.application is not None:
        return event
    if event.application_id is None or not connector.spec.can(Capability.FETCH):
        return event if trusted else None
    try:
        found = connector.fetch_application(event.application_id)
    except ApiNotFoundError:
        if event.kind is EventKind.ERASED:
            return event
        return None
    told = snapshot_event(found, ats_event=event.ats_event)
    return replace(told, notice_after=event.notice_after)


def _settle(
    session: Session, runtime: Runtime, signal_id: str, outcomes: Sequence[str], *, asked: bool
) -> None:
    signal = session.get_one(Signal, signal_id)
    signal.outcome = _outcome(outcomes)
    settle(session, signal, runtime.clock(), ats_answered=asked)


def _finish(runtime: Runtime, signal_id: str, *, outcome: str, message: str) -> None:
    with runtime.database.begin() as session:
        signal = session.get_one(Signal, signal_id)
        signal.outcome = outcome
        settle(session, signal, runtime.clock(), state=WorkState.SKIPPED, code=outcome)
        signal.error = message
