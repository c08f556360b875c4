"""/healthz: the process answers. /readyz: it can do its work; what is wrong goes to the log."""

from __future__ import annotations

import structlog
from flask import Blueprint, Response

from ..engine.health import troubles
from .errors import plain
from .server import current_server

log = structlog.get_logger(__name__)
bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    """200 as long as the process answers at all."""
    return plain(200, "ok")


@bp.get("/readyz")
def ready() -> Response:
    """200 or 503, and no detail to strangers."""
    server = current_server()
    found = troubles(server.runtime, server.ingest)
    if not found:
        return plain(200, "ready")
    log.warning("not_ready", troubles=found)
    return plain(503, "not ready")
