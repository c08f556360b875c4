"""/healthz: the process answers. /readyz: it can do its work; what is wrong goes to the log.

/metrics: figures for Prometheus, for who holds the token, or asks from this very machine.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address

import structlog
from flask import Blueprint, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from ..engine.health import troubles
from ..engine.metrics import Gauge, gauges
from .errors import plain
from .server import current_server

log = structlog.get_logger(__name__)
bp = Blueprint("health", __name__)

PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")


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
    with suppress(OSError):
        # A full disk takes no line either, and is what has to be said.
        log.warning("not_ready", troubles=found)
    return plain(503, "not ready")


@bp.get("/metrics")
def metrics() -> Response:
    """The installation's figures, 404 to strangers: connections and volumes are the operator's."""
    if not _may_read_metrics():
        return plain(404)
    server = current_server()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(gauges(server.runtime, server.ingest)))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Figures(Collector):
    """Counted already; prometheus_client only writes them down."""

    def __init__(self, found: list[Gauge]) -> None:
        self._found = found

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self._found:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in sorted(gauge.values.items()):
                family.add_metric(labels, value)
            yield family


def _may_read_metrics() -> bool:
    token = current_server().runtime.settings.server["metrics_token"]
    if token:
        sent = request.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {token}".encode())
    # A proxy on this machine passes strangers on, and what it says of them can be made up.
    if any(name in request.headers for name in PASSED_ON):
        return False
    return ip_address(request.remote_addr or "0.0.0.0").is_loopback  # noqa: S104 - no listener
