"""One organisation in a stand-in over real HTTP, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from careerrelay.connectors import HttpClient, MemoryTokens, TokenStore, open_connector
from careerrelay.connectors.greenhouse.connector import GreenhouseConnector
from careerrelay.connectors.greenhouse.standin import GreenhouseStandIn

SECRET = "webhook-secret-for-tests"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

Connect = Callable[..., GreenhouseConnector]


class Clock:
    """The present, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, step: timedelta) -> None:
        self.now += step


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def letters() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def greenhouse(clock: Clock, letters: list[tuple[str, str, str]]) -> GreenhouseStandIn:
    return GreenhouseStandIn(clock=clock, send_mail=lambda *letter: letters.append(letter))


@pytest.fixture
def url(greenhouse: GreenhouseStandIn) -> Iterator[str]:
    with greenhouse.serve() as address:
        yield address


@pytest.fixture
def connect(greenhouse: GreenhouseStandIn, url: str, clock: Clock) -> Connect:
    """Opens a connection: ``connect(tokens=..., clock=..., setting="value")``."""

    def connect(
        *,
        tokens: TokenStore | None = None,
        clock: Callable[[], datetime] = clock,
        **settings: str,
    ) -> GreenhouseConnector:
        opened = open_connector(
            "greenhouse",
            {**greenhouse.settings(url, webhook_secret=SECRET), **settings},
            http=HttpClient("greenhouse", allow_private=True),
            tokens=tokens or MemoryTokens(clock=clock),
            clock=clock,
        )
        assert isinstance(opened, GreenhouseConnector)
        return opened

    return connect


@pytest.fixture
def connector(connect: Connect) -> GreenhouseConnector:
    return connect()


@pytest.fixture
def case(greenhouse: GreenhouseStandIn) -> str:
    """The id of an application, announced to nobody."""
    job_id = greenhouse.add_job("Designer")
    return str(greenhouse.apply("Haruka", "Mori", emails=["haruka@example.com"], job_id=job_id))
