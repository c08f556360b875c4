"""A pretended Lever over real HTTP, a connector to it, and a clock that both share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from careerrelay.connectors.http import HttpClient
from careerrelay.connectors.lever.connector import LeverConnector
from careerrelay.connectors.lever.standin import LeverStandIn
from careerrelay.connectors.registry import check_settings

HERE = Path(__file__).parent
Connect = Callable[..., LeverConnector]


class Clock:
    """The present, which moves a little whenever somebody looks, so that buckets refill."""

    def __init__(self, *, step: timedelta) -> None:
        self.now = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)
        self.step = step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


@pytest.fixture
def settings() -> dict[str, str]:
    """The settings the fixtures were signed with, defaults filled in."""
    return check_settings(LeverConnector.spec, json.loads((HERE / "settings.json").read_text()))


@pytest.fixture
def clock() -> Clock:
    return Clock(step=timedelta(milliseconds=200))


@pytest.fixture
def lever(clock: Clock) -> LeverStandIn:
    return LeverStandIn(clock=clock)


@pytest.fixture
def url(lever: LeverStandIn) -> Iterator[str]:
    with lever.serve() as base:
        yield base


@pytest.fixture
def connect(lever: LeverStandIn, url: str, clock: Clock) -> Iterator[Connect]:
    """Makes connectors to the stand-in, each with settings changed by keyword."""
    opened: list[HttpClient] = []

    def connector(**changes: str) -> LeverConnector:
        given: dict[str, Any] = {
            "api_key": lever.api_key,
            "perform_as": lever.user,
            "base_url": f"{url}/v1",
        }
        checked = check_settings(LeverConnector.spec, given | changes, allow_private=True)
        opened.append(HttpClient("lever", allow_private=True))
        return LeverConnector(checked, http=opened[-1], clock=clock)

    yield connector
    for client in opened:
        client.close()


@pytest.fixture
def connector(connect: Connect) -> LeverConnector:
    return connect()


def applied(
    lever: LeverStandIn, *, origin: str = "applied", email: str = "hanako@example.com"
) -> str:
    """Hanako Example applies for a job of its own; the opportunity's id."""
    posting = lever.account.add_posting("バックエンドエンジニア")
    return lever.account.apply(posting, name="Hanako Example", email=email, origin=origin)
