"""What arrives and what it means: accept a webhook, read a stored signal.

Reading is parse, fetch where the signal is only a hint, then one transaction that records the
case, decides, and queues what follows from it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import structlog
from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..connectors.base import Connector
from ..connectors.spec import Capability, Trust
from ..models.candidates import Application, ApplicationState
from ..models.errors import (
    ApiNotFoundError,
    PayloadError,
    UnknownEventError,
    WebhookVerificationError,
)
from ..models.events import ApplicationEvent, EventKind, WebhookReply, WebhookRequest
from ..models.schemas import dump_event, load_event
from ..models.tables import ApplicationRecord, Connection, RefusedRequest, Signal, WorkState, new_id
from .cases import CaseFile
from .claims import settle
from .ingest import Ingest
from .masking import HIDDEN
from .runtime import Runtime

log = structlog.get_logger(__name__)

DROPPED_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})

KIND_OF_STATE = {
    ApplicationState.ACTIVE: EventKind.APPLIED,
    ApplicationState.REJECTED: EventKind.REJECTED,
    ApplicationState.WITHDRAWN: EventKind.WITHDRAWN,
    ApplicationState.HIRED: EventKind.HIRED,
    ApplicationState.ERASED: EventKind.ERASED,
}


def accept_webhook(
    runtime: Runtime,
    ingest: Ingest,
    connection: Connection,
    request: WebhookRequest,
    *,
    connector: Connector | None = None,
) -> WebhookReply:
    """Verify, store, and say how this vendor wants it acknowledged.

    ``connector``: the connection's, where it is open already.
    Raises WebhookVerificationError (401; ``refuse`` keeps it), OverloadedError (503).
    """
    connector = connector or runtime.connector(connection)
    handshake = _verify(connector, request)
    if handshake is not None:
        return handshake
    kept = without_secrets(request, _secrets(connector))
    ingest.store(signal_row(runtime, connection.id, _dedupe_key(connector, request), kept))
    webhook = connector.spec.webhook
    return WebhookReply(status=webhook.ack_status if webhook else 200)


def _verify(connector: Connector, request: WebhookRequest) -> WebhookReply | None:
    """The reply to a handshake, else None for a genuine request.

    A connector that stumbles over junk has not verified it: a refusal, never a bug's 500.
    """
    try:
        handshake = connector.answer_handshake(request)
        if handshake is None:
            connector.verify_webhook(request)
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise WebhookVerificationError(
            f"{connector.spec.title}: the request cannot be verified ({type(error).__name__})"
        ) from None
    return handshake


def _secrets(connector: Connector) -> list[str]:
    """The connection's secret values; a setting may hold two, the current and the previous."""
    names = (setting.name for setting in connector.spec.settings if setting.secret)
    values = (re.split(r"[,\n]", connector.settings.get(name, "")) for name in names)
    return [secret.strip() for found in values for secret in found if secret.strip()]


def without_secrets(request: WebhookRequest, secrets: Sequence[str]) -> WebhookRequest:
    """The request without what it proved itself by, be it in a header of its own or in the URL.

    The body stays as it is: it is kept sealed.
    """
    spellings = {s for secret in secrets for s in (secret, quote(secret, safe=""))}

    def hidden(text: str) -> str:
        for spelling in spellings:
            text = text.replace(spelling, HIDDEN)
        return text

    return replace(
        request,
        path=hidden(request.path),
        query=hidden(request.query),
        headers={
            name: hidden(value)
            for name, value in request.headers.items()
            if name not in DROPPED_HEADERS
        },
    )


def _dedupe_key(connector: Connector, request: WebhookRequest) -> str:
    """The vendor's id of the delivery, with the body where the signature covers the body.

    Such a signature does not cover the id: a captured request sent again under ids to come would
    keep the real ones out. A retry has the same body. Where the body is not signed, the id is
    what the signature covers, and changed bodies must not make new signals of it.
    """
    id_ = connector.delivery_id(request)[:150]
    if _trust(connector) is Trust.HINT:
        return id_
    return f"{id_}:{hashlib.sha256(request.body).hexdigest()[:32]}"


def refuse(
    runtime: Runtime,
    connection_id: str,
    request: WebhookRequest,
    *,
    status: int,
    code: str,
    cause: str,
    size: int | None = None,
) -> None:
    """Keep why a request was not accepted, without its content.

    The caller bounds how often: anybody can send what is refused. ``size`` in bytes, where the
    body was not read.
    """
    log.warning("webhook_refused", connection=connection_id, status=status, code=code)
    with runtime.database.begin() as session:
        session.add(
            RefusedRequest(
                connection_id=connection_id,
                received_at=request.received_at,
                status=status,
                code=code,
                cause=cause,
                size=len(request.body) if size is None else size,
                body_sha256=hashlib.sha256(request.body).hexdigest(),
            )
        )


def signal_row(
    runtime: Runtime, connection_id: str, dedupe_key: str, request: WebhookRequest
) -> dict[str, Any]:
    """A webhook as a row of ``signals``."""
    return _row(
        runtime,
        connection_id,
        source="webhook",
        dedupe_key=f"webhook:{dedupe_key}"[:200],
        received_at=request.received_at,
        request={
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": dict(request.headers),
        },
        body=request.body,
    )


def event_row(
    runtime: Runtime, connection_id: str, event: ApplicationEvent, *, source: str
) -> dict[str, Any]:
    """A polled (or imported) event as a row of ``signals``.

    The same state at the same time is the same signal, however often a poll walks over it.
    """
    data = dump_event(event)
    body = json.dumps(data, ensure_ascii=False, sort_keys=True).encode()
    subject = event.application_id or event.candidate_id or ""
    key = f"{source}:{subject}:{event.kind.value}:{hashlib.sha256(body).hexdigest()[:32]}"
    return _row(
        runtime,
        connection_id,
        source=source,
        dedupe_key=key[:200],
        received_at=runtime.clock(),
        request={"ats_event": event.ats_event},
        body=body,
    )


def _row(
    runtime: Runtime,
    connection_id: str,
    *,
    source: str,
    dedupe_key: str,
    received_at: Any,
    request: dict[str, Any],
    body: bytes,
) -> dict[str, Any]:
    id_ = new_id()
    return {
        "id": id_,
        "connection_id": connection_id,
        "source": source,
        "dedupe_key": dedupe_key,
        "received_at": received_at,
        "request": request,
        "body_sealed": runtime.vault.seal_bytes(body, place=f"signals:{id_}"),
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "state": WorkState.DUE.value,
        "due_at": received_at,
        "attempts": 0,
        "failures": 0,
        "crashes": 0,
        "running_since": None,
        "running_by": None,
        "finished_at": None,
        "error_code": None,
        "error": None,
        "outcome": None,
    }


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
    trusted = signal.source != "webhook" or _trust(connector) is Trust.SIGNED
    events = [part for event in events for part in _per_case(runtime, connection.id, event)]
    complete = [
        _complete(connector, e, trusted=trusted and not _is_tie(runtime, connector, connection, e))
        for e in events
    ]
    with runtime.database.begin() as session:
        cases = CaseFile(runtime, session, session.get_one(Connection, connection.id))
        outcomes = [cases.record(event) for event in complete if event is not None]
        _settle(session, runtime, signal_id, outcomes, asked=complete != events)


def _trust(connector: Connector) -> Trust:
    return connector.spec.webhook.trust if connector.spec.webhook else Trust.HINT


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
    runtime: Runtime, connection_id: str, event: ApplicationEvent
) -> list[ApplicationEvent]:
    """A change of a person as one event per case we know of; one we never heard of is none."""
    if event.kind is not EventKind.CHANGED or event.application_id or not event.candidate_id:
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


def _is_tie(
    runtime: Runtime, connector: Connector, connection: Connection, event: ApplicationEvent
) -> bool:
    """Another state at the very moment of the one we know: only the ATS can say which is later."""
    if event.application is None or not connector.spec.can(Capability.FETCH):
        return False
    query = select(ApplicationRecord.changed_at, ApplicationRecord.state).where(
        ApplicationRecord.connection_id == connection.id,
        ApplicationRecord.external_id == event.application.external_id,
    )
    with runtime.database.read() as session:
        known = session.execute(query).first()
    if known is None or known.changed_at != event.application.changed_at:
        return False
    return known.state not in (event.application.state.value, ApplicationState.ERASED.value)


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
        found = connector.fetch_application(event.application_id, candidate_id=event.candidate_id)
    except ApiNotFoundError:
        if event.kind is EventKind.ERASED:
            return event
        return None
    return _event_of(found, event)


def _event_of(found: Application, event: ApplicationEvent) -> ApplicationEvent:
    return ApplicationEvent(
        kind=KIND_OF_STATE[found.state],
        occurred_at=found.changed_at,
        application_id=found.external_id,
        candidate_id=found.candidate.external_id,
        application=found,
        ats_event=event.ats_event,
    )


def _settle(
    session: Session, runtime: Runtime, signal_id: str, outcomes: Sequence[str], *, asked: bool
) -> None:
    signal = session.get_one(Signal, signal_id)
    signal.outcome = ",".join(dict.fromkeys(outcomes)) or "ignored"
    settle(session, signal, runtime.clock(), ats_answered=asked)


def _finish(runtime: Runtime, signal_id: str, *, outcome: str, message: str) -> None:
    with runtime.database.begin() as session:
        signal = session.get_one(Signal, signal_id)
        signal.outcome = outcome
        settle(session, signal, runtime.clock(), state=WorkState.SKIPPED, code=outcome)
        signal.error = message
