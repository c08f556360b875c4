"""A company at a stand-in of Bullhorn, and a clock that is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from careerrelay.connectors import HttpClient, MemoryTokens, check_settings
from careerrelay.connectors.bullhorn.connector import BullhornConnector
from careerrelay.connectors.bullhorn.standin import BullhornStandIn

START = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)


class Clock:
    """Every look takes a second."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vendor(clock: Clock) -> BullhornStandIn:
    return BullhornStandIn(clock=clock)


Open = Callable[..., BullhornConnector]


@pytest.fixture
def opened(vendor: BullhornStandIn, clock: Clock) -> Iterator[Open]:
    """Connectors of one installation: each is a worker's own, the session is shared."""
    tokens = MemoryTokens(clock=clock)
    clients: list[HttpClient] = []
    with vendor.serve() as url:

        def make(**given: str) -> BullhornConnector:
            settings = {**vendor.settings(url), **given}
            clients.append(HttpClient("bullhorn", allow_private=True))
            return BullhornConnector(
                check_settings(BullhornConnector.spec, settings, allow_private=True),
                http=clients[-1],
                tokens=tokens,
                clock=clock,
            )

        yield make
    for client in clients:
        client.close()
