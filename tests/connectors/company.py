"""A company beside a stand-in: its clock, its web hook address, its connector, its polls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from careerrelay.connectors import (
    ApplicationEvent,
    Connector,
    EventKind,
    HttpClient,
    WebhookRequest,
    check_settings,
)
from careerrelay.connectors.testing import Request, Response, StandIn, route

START = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
C = TypeVar("C", bound=Connector)


class Clock:
    """Stands until it is moved; with a step, every look takes that long."""

    def __init__(self, now: datetime = START, *, step: timedelta = timedelta()) -> None:
        self.now = now
        self.step = step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class Receiver(StandIn):
    """CareerRelay's web hook address, as far as it matters here: keeps what arrives at START."""

    def __init__(self, status: int = 200) -> None:
        super().__init__()
        self.status = status
        self.taken: list[WebhookRequest] = []

    @route("POST", "/hook")
    def hook(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        query, body = request.query_string.decode(), request.get_data()
        self.taken.append(WebhookRequest("POST", "/hook", query, headers, body, START))
        return Response(status=self.status)


@contextmanager
def opened(
    kind: type[C], given: Mapping[str, str], *, clock: Callable[[], datetime]
) -> Iterator[C]:
    """A connection with these settings and the others' defaults."""
    settings = check_settings(kind.spec, given, allow_private=True)
    http = HttpClient(kind.spec.name, allow_private=True)
    yield kind(settings, http=http, clock=clock)
    http.close()


def again(connector: C, **more: str) -> C:
    """The same connection with other settings."""
    given = {**connector.settings, **more}
    settings = check_settings(connector.spec, given, allow_private=True)
    return type(connector)(settings, http=connector.http, clock=connector.clock)


def told(events: Iterable[ApplicationEvent]) -> list[tuple[EventKind, str | None]]:
    """What happened to which case."""
    return [(event.kind, event.application_id) for event in events]


class Poller:
    """Polls as the engine does, from where it left off."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.cursor: dict[str, Any] = {}

    def __call__(self) -> list[ApplicationEvent]:
        found, self.cursor = walk(self.connector, self.cursor)
        return found


def walk(
    connector: Connector, cursor: Mapping[str, Any]
) -> tuple[list[ApplicationEvent], dict[str, Any]]:
    """One round of polls: all its events, and where the next begins."""
    events: list[ApplicationEvent] = []
    more = True
    while more:
        page = connector.poll(cursor)
        events += page.events
        cursor, more = page.cursor, page.more
    return events, dict(cursor)
