"""The Flask app. ``create_app`` reads as the inventory of the server."""

from __future__ import annotations

import structlog
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from ..engine.ingest import Ingest
from ..engine.runtime import Runtime
from ..models.errors import ConfigurationError
from . import errors, health, i18n, my_data, proof, registration, security, stopping, webhooks
from .paths import TokenConverter
from .server import EXTENSION, Server
from .throttle import Limits

log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024


def create_app(runtime: Runtime, *, ingest: Ingest | None = None) -> Flask:
    """The app on a runtime; the queue need not run in this process.

    ``ingest`` None: a writer of its own, never stopped; pass one to stop it after the server.
    """
    app = Flask(__package__ or __name__)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, SEND_FILE_MAX_AGE_DEFAULT=3600)
    app.url_map.converters["token"] = TokenConverter
    server = Server(runtime, ingest or Ingest(runtime), Limits(app))
    app.extensions[EXTENSION] = server

    i18n.install(app, server)
    csrf = security.protect(app, server)
    errors.install(app)
    for part in (webhooks, registration, proof, stopping, my_data, health):
        app.register_blueprint(part.bp)
    # Vendors sign their requests; a stop link must work with one click of a mail program; the
    # form of the registration checks its own token, to keep what was typed.
    for exempt in (webhooks.bp, stopping.bp, registration.bp):
        csrf.exempt(exempt)
    server.limits.exempt(webhooks.bp, health.bp, app.view_functions["static"])

    _trust_proxies(app, runtime.settings.server["trusted_proxies"])
    _tell_what_is_missing(server)
    return app


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
