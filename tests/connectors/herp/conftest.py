"""A HERP tenant behind real HTTP, a clock that tests move, and a connector to the tenant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from careerrelay.connectors.herp.connector import HerpConnector
from careerrelay.connectors.herp.spec import SPEC
from careerrelay.connectors.herp.standin import HerpStandIn
from careerrelay.connectors.http import HttpClient
from careerrelay.models.errors import ApiRateLimitedError
from careerrelay.models.events import ApplicationEvent, EventKind

START = datetime(2026, 1, 20, 3, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The present moment for stand-in and connector alike; every reading takes a little."""

    now: datetime = START
    tick: timedelta = timedelta(milliseconds=20)

    def __call__(self) -> datetime:
        self.now += self.tick
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Tenant:
    """The stand-in with its address, and the connections a test opens to it."""

    standin: HerpStandIn
    url: str
    clock: Clock
    requisition: str
    waits: list[float] = field(default_factory=list)

    def connect(self, **settings: str) -> HerpConnector:
        """A connector as after a restart: nothing remembered but the settings."""
        return HerpConnector(
            settings_for(self.url, **settings),
            http=HttpClient("herp", allow_private=True),
            clock=self.clock,
        )

    def poll_until_done(
        self,
        cursor: Mapping[str, Any] | None = None,
        *,
        connect: Callable[[], HerpConnector] | None = None,
        restart_every: int = 0,
    ) -> tuple[list[ApplicationEvent], dict[str, Any]]:
        """Poll as the engine does: cursors pass through JSON, waits are waited."""
        connect = connect or self.connect
        connector, events, pages = connect(), list[ApplicationEvent](), 0
        state = dict(cursor or {})
        while True:
            try:
                page = connector.poll(json.loads(json.dumps(state)))
            except ApiRateLimitedError as error:
                self.waits.append(error.retry_after or 0.0)
                self.clock.advance(self.waits[-1])
                continue
            events += page.events
            state, pages = dict(page.cursor), pages + 1
            if not page.more:
                return events, state
            if restart_every and pages % restart_every == 0:
                connector = connect()

    def person(self, number: int, *, days_ago: float = 5, **more: Any) -> str:
        """An application by an invented person."""
        return self.standin.apply(
            self.requisition,
            name=f"見本 {number}",
            email=more.pop("email", f"mihon{number}@example.jp"),
            applied_at=self.clock.now - timedelta(days=days_ago),
            **more,
        )

    def rejected(self, number: int, **more: Any) -> str:
        """An application that is already ended as 不採用."""
        candidacy = self.person(number, **more)
        self.standin.reject(candidacy)
        return candidacy


def settings_for(url: str, **settings: str) -> dict[str, str]:
    """Every declared setting with its default, as the registry fills them in."""
    filled = {s.name: s.default for s in SPEC.settings if s.default is not None}
    return {**filled, "api_key": "herp-standin-key", "api_url": url, **settings}


def ids(events: list[ApplicationEvent], kind: EventKind = EventKind.REJECTED) -> set[str | None]:
    """The applications that events of a kind speak of."""
    return {event.application_id for event in events if event.kind is kind}


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    clock = Clock()
    standin = HerpStandIn(clock=clock)
    with standin.serve() as url:
        yield Tenant(standin, url, clock, standin.add_requisition("バックエンドエンジニア"))
