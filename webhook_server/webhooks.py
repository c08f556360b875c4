"""POST /webhooks/<connection>: verified on the raw bytes, stored whole, then acknowledged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ..connectors.registry import connector_class
from ..engine.signals import accept_webhook, refuse
from ..models.errors import (
    OverloadedError,
    UnsupportedCapabilityError,
    WebhookVerificationError,
)
from ..models.events import WebhookRequest
from ..models.tables import Connection
from . import throttle
from .errors import plain
from .server import current_server
from .throttle import network

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

log = structlog.get_logger(__name__)
bp = Blueprint("webhooks", __name__)

CONNECTION_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
LARGEST_SIZE = 2**31 - 1


@bp.get("/webhooks/<connection_id>")
def explain(connection_id: str) -> Response:
    """Somebody looked at the address with a browser."""
    del connection_id  # the same answer whether there is such a connection or not
    response = plain(
        405,
        "This address takes the messages (webhooks) of your ATS, which come by POST. There is "
        "nothing to see here; enter the address in the settings of your ATS.",
    )
    response.headers["Allow"] = "POST"
    return response


@bp.post("/webhooks/<connection_id>")
def receive(connection_id: str) -> Response:
    """Answer as the vendor expects it; every refusal is kept with its cause, within limits."""
    connection = _find(connection_id)
    if connection is None:
        return plain(404)
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return _refused(connection, _arrived(b""), 413, "too_large", "the body is over 1 MiB")
    arrived = _arrived(body)
    if connection.removed_at is not None:
        return _refused(connection, arrived, 410, "removed", "the connection was removed")
    return _accept(connection, arrived)


def _accept(connection: Connection, arrived: WebhookRequest) -> Response:
    server = current_server()
    try:
        connector = server.reception.connector(connection)
        reply = accept_webhook(
            server.runtime, server.ingest, connection, arrived, connector=connector
        )
    except WebhookVerificationError as error:
        status = _refusal(connection)
        return _refused(connection, arrived, status, error.code, error.message)
    except UnsupportedCapabilityError:
        return plain(404, "this connection takes no webhooks")
    except OverloadedError as error:
        log.warning("webhook_overloaded", connection=connection.id)
        response = plain(503)
        response.headers["Retry-After"] = str(round(error.retry_after or 5))
        return response
    response = Response(reply.body, reply.status, mimetype="text/plain")
    response.headers.update(reply.headers)
    return response


def _refusal(connection: Connection) -> int:
    """As the vendor's own rules for sending again make it useful."""
    described = connector_class(connection.connector).spec.webhook
    return described.refuse_status if described else 401


def _find(connection_id: str) -> Connection | None:
    if not CONNECTION_ID.fullmatch(connection_id):
        return None
    return current_server().reception.connection(connection_id)


def _arrived(body: bytes) -> WebhookRequest:
    environ = request.environ
    return WebhookRequest(
        method=request.method,
        path=request.path,
        query=environ.get("QUERY_STRING", ""),
        headers=_headers(environ),
        body=body,
        received_at=current_server().runtime.clock(),
    )


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    """Names in lower case. Of what werkzeug makes of them, a third of the time."""
    found = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            found[name.replace("_", "-").lower()] = environ[name]
    return found


def _refused(
    connection: Connection, arrived: WebhookRequest, status: int, code: str, cause: str
) -> Response:
    """Keep it and say no more than the status; a flood of them is not kept and hears 429.

    A verified request never comes here, so nobody can lock a vendor out.
    """
    server = current_server()
    wait = server.limits.seconds_to_wait(throttle.REFUSALS, "refused", connection.id, network())
    if wait:
        response = plain(429)
        response.headers["Retry-After"] = str(wait)
        return response
    size = min(request.content_length or 0, LARGEST_SIZE) if status == 413 else None
    refuse(server.runtime, connection.id, arrived, status=status, code=code, cause=cause, size=size)
    return plain(status)
