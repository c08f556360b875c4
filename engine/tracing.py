"""OpenTelemetry traces from signal to report, with the extra ``careerrelay-ats[tracing]``.

One trace tells one case's way: stored, read and decided, delivered, reported. Days may lie
between, so a row carries the context of the work that made it. Spans hold ids and codes only.
Without the extra, or without an endpoint in the environment, nothing of this runs.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

trace: Any
_propagator: Any
try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation import tracecontext

    _propagator = tracecontext.TraceContextTextMapPropagator()
except ImportError:
    trace = _propagator = None

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "careerrelay"
CARRIED = "traceparent"
"""The name in a row's JSON; W3C's, like the value."""


class _Switch:
    """The tracer of this process; None: off."""

    tracer: Any = None


def configure(environ: Mapping[str, str] = os.environ) -> bool:
    """Send spans where OpenTelemetry's own environment variables say; whether they say so."""
    if trace is None or not any(environ.get(name) for name in ENDPOINTS):
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = environ.get("OTEL_SERVICE_NAME") or SERVICE
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)
    return True


def use(provider: Any) -> None:
    """Trace with this provider; None: not at all."""
    _Switch.tracer = provider.get_tracer(SERVICE) if provider else None


def is_on() -> bool:
    """Whether anybody wants spans."""
    return _Switch.tracer is not None


@contextmanager
def span(name: str, *, parent: Mapping[str, Any] | None = None, **ids: str) -> Iterator[None]:
    """A span around the work in the block, under what ``parent``, a row's JSON, carries.

    Of an error only its kind is kept: its words may hold a person's data.
    """
    if _Switch.tracer is None or trace is None:
        yield
        return
    context = _propagator.extract(_strings(parent)) if parent else None
    attributes = {f"careerrelay.{key}": value for key, value in ids.items()}
    with _Switch.tracer.start_as_current_span(
        name,
        context=context,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield
        except Exception as error:
            kind = getattr(error, "code", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR, kind)
            raise


def carried() -> dict[str, str]:
    """The current span's context, for the JSON of a row that is made in it; {} when off."""
    found: dict[str, str] = {}
    if is_on():
        _propagator.inject(found)
    return {CARRIED: found[CARRIED]} if CARRIED in found else {}


def _strings(parent: Mapping[str, Any]) -> dict[str, str]:
    return {CARRIED: str(parent[CARRIED])} if CARRIED in parent else {}
