"""/webhooks/<connection>: verified on the raw bytes, stored whole, then acknowledged."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import structlog
from flask import Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wsgi import get_content_length, get_input_stream

from ..connectors.registry import connector_class
from ..engine.signals import accept_webhook, refuse
from ..engine.turns import elsewhere
from ..models.errors import (
    OverloadedError,
    UnsupportedCapabilityError,
    WebhookVerificationError,
)
from ..models.events import WebhookReply, WebhookRequest
from ..models.tables import Connection
from . import errors, throttle
from .errors import plain
from .server import MAX_BODY, Server
from .throttle import network_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

log = structlog.get_logger(__name__)

PATH = "/webhooks/"
CONNECTION_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
LARGEST_SIZE = 2**31 - 1
ACKNOWLEDGED = [("Content-Type", "text/plain; charset=utf-8")]


class Webhooks:
    """The WSGI app of these paths.

    No view of Flask's: its contexts, routes and signals would take half as long again as all that
    is done here with a genuine web hook, and of those thousands come at once.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        if isinstance(answer, WebhookReply):
            return _acknowledge(answer, start_response)
        return answer(environ, start_response)

    def _answer(self, environ: WSGIEnvironment) -> Response | WebhookReply:
        try:
            is_post = environ["REQUEST_METHOD"] == "POST"
            return self._receive(environ) if is_post else _turn_away(environ)
        except HTTPException as error:
            return plain(error.code or 500)
        except OverloadedError as error:
            id_ = environ["PATH_INFO"].removeprefix(PATH)
            log.warning("webhook_overloaded", connection=id_, cause=error.message)
            response = plain(503)
            response.headers["Retry-After"] = str(round(error.retry_after or 5))
            return response
        except Exception as error:
            return errors.to_machine(error, endpoint="webhooks")

    def _receive(self, environ: WSGIEnvironment) -> Response | WebhookReply:
        """As the vendor expects it; every refusal is kept with its cause, within limits."""
        connection = self._find(environ["PATH_INFO"].removeprefix(PATH))
        if connection is None:
            return plain(404)
        keep = partial(self._refused, connection, environ.get("REMOTE_ADDR", ""))
        try:
            body = get_input_stream(environ, max_content_length=MAX_BODY).read()
        except RequestEntityTooLarge:
            size = min(get_content_length(environ) or 0, LARGEST_SIZE)
            arrived = self._arrived(environ, b"")
            return keep(arrived, 413, "too_large", "the body is over 1 MiB", size=size)
        arrived = self._arrived(environ, body)
        if connection.removed_at is not None:
            return keep(arrived, 410, "removed", "the connection was removed")
        try:
            return self._accept(connection, arrived)
        except WebhookVerificationError as error:
            return keep(arrived, _refusal(connection), error.code, error.message)

    def _accept(self, connection: Connection, arrived: WebhookRequest) -> Response | WebhookReply:
        """Raises WebhookVerificationError."""
        server = self._server
        try:
            connector = server.reception.connector(connection)
            return accept_webhook(
                server.runtime, server.ingest, connection, arrived, connector=connector
            )
        except UnsupportedCapabilityError:
            return plain(404, "this connection takes no webhooks")

    def _find(self, connection_id: str) -> Connection | None:
        if not CONNECTION_ID.fullmatch(connection_id):
            return None
        return self._server.reception.connection(connection_id)

    def _arrived(self, environ: WSGIEnvironment, body: bytes) -> WebhookRequest:
        return WebhookRequest(
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"],
            query=environ.get("QUERY_STRING", ""),
            headers=_headers(environ),
            body=body,
            received_at=self._server.runtime.clock(),
        )

    def _refused(
        self,
        connection: Connection,
        address: str,
        arrived: WebhookRequest,
        status: int,
        code: str,
        cause: str,
        *,
        size: int | None = None,
    ) -> Response:
        """Keep it and say no more than the status; a flood of them is not kept and hears 429.

        A verified request never comes here, so nobody can lock a vendor out.
        """
        server = self._server
        key = ("refused", connection.id, network_of(address))
        wait = server.limits.seconds_to_wait(throttle.REFUSALS, *key)
        if wait:
            response = plain(429)
            response.headers["Retry-After"] = str(wait)
            return response
        told = partial(refuse, status=status, code=code, cause=cause, size=size)
        elsewhere(partial(told, server.runtime, connection.id, arrived), line="refusals")
        return plain(status)


def _acknowledge(reply: WebhookReply, start_response: StartResponse) -> Iterable[bytes]:
    if reply.headers or reply.status != 200:
        response = Response(reply.body, reply.status, mimetype="text/plain")
        response.headers.update(reply.headers)
        start_response(response.status, response.get_wsgi_headers({}).to_wsgi_list())
    else:
        # The same for nearly all, and for a tenth of the time.
        length = str(len(reply.body))
        start_response("200 OK", [*ACKNOWLEDGED, ("Content-Length", length)])
    return [reply.body]


def _turn_away(environ: WSGIEnvironment) -> Response:
    """Whoever looks at the address with a browser hears what it is for, whatever it is."""
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        response = plain(405)
    else:
        response = plain(
            405,
            "This address takes the messages (webhooks) of your ATS, which come by POST. There is "
            "nothing to see here; enter the address in the settings of your ATS.",
        )
    response.headers["Allow"] = "POST"
    return response


def _refusal(connection: Connection) -> int:
    """As the vendor's own rules for sending again make it useful."""
    described = connector_class(connection.connector).spec.webhook
    return described.refuse_status if described else 401


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
