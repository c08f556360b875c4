"""What arrives: webhooks verified and stored whole, polled events, refusals; see ``reading``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import structlog

from ..connectors.base import Connector
from ..connectors.spec import Trust
from ..models.errors import WebhookVerificationError
from ..models.events import ApplicationEvent, WebhookReply, WebhookRequest
from ..models.schemas import dump_event
from ..models.tables import Connection, RefusedRequest, WorkState, next_id
from . import tracing
from .ingest import Ingest
from .masking import HIDDEN
from .runtime import Runtime

log = structlog.get_logger(__name__)

DROPPED_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


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
    sha256 = hashlib.sha256(request.body).hexdigest()
    kept = _without_secrets(request, _spellings(_secrets(connector)))
    with tracing.span("store", connection=connection.id):
        key = _dedupe_key(connector, request, sha256)
        ingest.store(signal_row(runtime, connection.id, key, kept, sha256=sha256))
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


def _secrets(connector: Connector) -> tuple[str, ...]:
    """The values of the connection's secret settings."""
    names = (setting.name for setting in connector.spec.settings if setting.secret)
    return tuple(connector.settings.get(name, "") for name in names)


@lru_cache(maxsize=256)
def _spellings(values: tuple[str, ...]) -> frozenset[str]:
    """As they may stand in a request; a setting may hold two, the current and the previous."""
    found = (part.strip() for value in values for part in re.split(r"[,\n]", value))
    return frozenset(s for part in found if part for s in (part, quote(part, safe="")))


def _without_secrets(request: WebhookRequest, spellings: Collection[str]) -> WebhookRequest:
    """The request without what it proved itself by, be it in a header of its own or in the URL.

    The body stays as it is: it is kept sealed.
    """

    def hidden(text: str) -> str:
        for spelling in spellings:
            text = text.replace(spelling, HIDDEN)
        return text

    headers = {n: v for n, v in request.headers.items() if n not in DROPPED_HEADERS}
    everything = "\n".join((request.path, request.query, *headers.values()))
    if not any(spelling in everything for spelling in spellings):
        return replace(request, headers=headers)
    return replace(
        request,
        path=hidden(request.path),
        query=hidden(request.query),
        headers={name: hidden(value) for name, value in headers.items()},
    )


def _dedupe_key(connector: Connector, request: WebhookRequest, sha256: str) -> str:
    """The vendor's id of the delivery, with the body where the signature covers the body.

    Such a signature does not cover the id: a captured request sent again under ids to come would
    keep the real ones out. A retry has the same body. Where the body is not signed, the id is
    what the signature covers, and changed bodies must not make new signals of it.
    """
    id_ = connector.delivery_id(request)[:150]
    if trust_of(connector) is Trust.HINT:
        return id_
    return f"{id_}:{sha256[:32]}"


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
    runtime: Runtime,
    connection_id: str,
    dedupe_key: str,
    request: WebhookRequest,
    *,
    sha256: str = "",
) -> dict[str, Any]:
    """A webhook as a row of ``signals``. ``sha256``: the body's, where it is known already."""
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
        sha256=sha256,
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
    sha256 = hashlib.sha256(body).hexdigest()
    key = f"{source}:{subject}:{event.kind.value}:{sha256[:32]}"
    return _row(
        runtime,
        connection_id,
        source=source,
        dedupe_key=key[:200],
        received_at=runtime.clock(),
        request={"ats_event": event.ats_event},
        body=body,
        sha256=sha256,
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
    sha256: str = "",
) -> dict[str, Any]:
    id_ = next_id()
    return {
        "id": id_,
        "connection_id": connection_id,
        "source": source,
        "dedupe_key": dedupe_key,
        "received_at": received_at,
        "request": {**request, **tracing.carried()},
        "body_sealed": runtime.vault.seal_bytes(body, place=f"signals:{id_}"),
        "body_sha256": sha256 or hashlib.sha256(body).hexdigest(),
        "state": WorkState.DUE.value,
        "due_at": received_at,
        "attempts": 0,
        "failures": 0,
        "crashes": 0,
    }


def trust_of(connector: Connector) -> Trust:
    """What this vendor's webhooks are worth before the ATS was asked."""
    return connector.spec.webhook.trust if connector.spec.webhook else Trust.HINT
