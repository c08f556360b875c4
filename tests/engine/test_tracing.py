"""One case is one trace, from signal to report, and nobody is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from careerrelay.engine import tracing
from careerrelay.engine.ingest import Ingest
from careerrelay.engine.signals import accept_webhook
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import ApiUnavailableError
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Connection
from tests.engine.test_flow import register
from tests.support.toy import toy_webhook
from tests.support.world import World


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.use(None)
    provider.shutdown()


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


def told_by_webhook(world: World) -> None:
    """A rejection as the server takes it."""
    case = world.application(1, ApplicationState.REJECTED)
    event = ApplicationEvent(EventKind.REJECTED, case.changed_at, "a1", "c1", case)
    ingest = Ingest(world.runtime)
    try:
        with world.runtime.database.read() as session:
            connection = session.get_one(Connection, "toy")
        accept_webhook(world.runtime, ingest, connection, toy_webhook(event, delivery="d1"))
    finally:
        ingest.stop()


def test_a_case_is_one_trace_from_signal_to_report(
    world: World, spans: InMemorySpanExporter
) -> None:
    told_by_webhook(world)
    # What the server stores is due by the true clock, whatever the world's says.
    world.clock.now = datetime.now(UTC) + timedelta(seconds=1)
    world.work()
    register(world, 1)
    world.work()
    found = spans.get_finished_spans()
    first = next(span for span in found if span.name == "store")
    names = {span.name for span in found if trace_of(span) == trace_of(first)}
    assert names == {"store", "read_signal", "deliver", "report"}
    told = json.dumps([json.loads(span.to_json()) for span in found])
    for word in ("person1", "example.com", "応募", "\\u5fdc"):
        assert word not in told


def test_an_error_leaves_its_code_and_not_its_words(
    world: World, spans: InMemorySpanExporter
) -> None:
    def trouble(operation: str) -> None:
        raise ApiUnavailableError("person1@example.com", connector="toy", operation=operation)

    world.vendor.trouble = trouble
    world.apply(1)
    world.work()
    (failed,) = (s for s in spans.get_finished_spans() if s.name == "deliver")
    assert failed.status.description == "api_unavailable"
    assert "person1" not in failed.to_json()


def test_without_an_endpoint_nothing_is_traced(world: World) -> None:
    assert not tracing.configure({})
    world.apply(1)
    world.work()
    assert tracing.carried() == {}
