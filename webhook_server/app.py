"""The Flask app. ``create_app`` reads as the inventory of the server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from ..engine.ingest import Ingest
from ..engine.runtime import Runtime
from ..models.errors import ConfigurationError
from . import (
    errors,
    health,
    i18n,
    my_data,
    proof,
    registration,
    security,
    stopping,
    uploads,
)
from .paths import TokenConverter
from .reception import Reception
from .server import EXTENSION, MAX_BODY, Server
from .throttle import Limits
from .webhooks import PATH as WEBHOOKS
from .webhooks import Webhooks

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

log = structlog.get_logger(__name__)


def create_app(runtime: Runtime, *, ingest: Ingest | None = None) -> Flask:
    """The app on a runtime; the queue need not run in this process.

    ``ingest`` None: a writer of its own, never stopped; pass one to stop it after the server.
    """
    app = Flask(__package__ or __name__)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, SEND_FILE_MAX_AGE_DEFAULT=3600)
    app.url_map.converters["token"] = TokenConverter
    server = Server(runtime, ingest or Ingest(runtime), Limits(app), Reception(runtime))
    app.extensions[EXTENSION] = server

    i18n.install(app, server)
    csrf = security.protect(app, server)
    security.add_headers(app, server)
    errors.install(app)
    for part in (registration, proof, stopping, my_data, uploads):
        app.register_blueprint(part.bp)
    # A stop link must work with one click of a mail program; the form of the registration
    # checks its own token, to keep what was typed; an upload opens its link before it reads a file.
    for exempt in (stopping.bp, registration.bp, uploads.bp):
        csrf.exempt(exempt)
    server.limits.exempt(app.view_functions["static"])

    _answer_machines(app, server)
    _trust_proxies(app, runtime.settings.server["trusted_proxies"])
    _tell_what_is_missing(server)
    return app


def _answer_machines(app: Flask, server: Server) -> None:
    """Vendors and monitors have no cookies, forms or languages, and vendors sign what they send.

    Apps of their own do nothing of that for them.
    """
    monitors = Flask(__package__ or __name__, static_folder=None)
    monitors.session_interface = security.NoSessions()
    monitors.extensions[EXTENSION] = server
    errors.install(monitors)
    monitors.register_blueprint(health.bp)
    pages = app.wsgi_app
    for_webhooks = security.with_headers(Webhooks(server), server)
    for_monitors = security.with_headers(monitors.wsgi_app, server)

    def by_path(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith(WEBHOOKS):
            return for_webhooks(environ, start_response)
        is_monitor = path.startswith(errors.MONITORS)
        return (for_monitors if is_monitor else pages)(environ, start_response)

    app.wsgi_app = by_path  # type: ignore[method-assign] - Flask's documented way


def _trust_proxies(app: Flask, count: int) -> None:
    if count:
        # Never the host: links are made from server.base_url alone.
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign] - Flask's documented way
            app.wsgi_app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0
        )


def _tell_what_is_missing(server: Server) -> None:
    """At start, not only when the first applicant stands before a closed door."""
    try:
        if server.is_hosted:
            server.check_operator()
        else:
            server.external_url()
    except ConfigurationError as error:
        log.warning("registration_page_closed", cause=error.message)
