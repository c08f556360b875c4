"""The real engine between a pretended Bullhorn and the database, killed where it hurts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from careerrelay.connectors.bullhorn.client import Client
from careerrelay.connectors.bullhorn.connector import BullhornConnector
from careerrelay.connectors.bullhorn.session import RestSession
from careerrelay.connectors.bullhorn.standin import BullhornStandIn
from careerrelay.engine import polling
from careerrelay.models.tables import ApplicationRecord, Connection, Decision, Delivery, Signal
from tests.support.world import World

SECRETS = ("client_secret", "api_password")


class KilledError(BaseException):
    """The process is gone; no ``except Exception`` sees it, as none sees a kill."""


@pytest.fixture
def connected(world: World, vendor: BullhornStandIn) -> Iterator[World]:
    """A company whose past is read and whose queue is empty."""
    with vendor.serve() as url:
        given = vendor.settings(url)
        world.connect(
            "bullhorn",
            connector="bullhorn",
            settings={name: value for name, value in given.items() if name not in SECRETS},
            secrets={name: given[name] for name in SECRETS},
        )
        polling.poll(world.runtime, "bullhorn")
        yield world


def apply(vendor: BullhornStandIn) -> str:
    return vendor.apply(name="Hanako Example", email="hanako@example.jp")


def told(world: World) -> dict[str, tuple[str, list[str]]]:
    """Each case's state, and the codes of all decisions that were ever made for it."""
    with world.runtime.database.read() as session:
        records = session.scalars(select(ApplicationRecord)).all()
        return {
            record.external_id: (
                record.state,
                list(
                    session.scalars(
                        select(Decision.code).where(Decision.application_id == record.id)
                    )
                ),
            )
            for record in records
        }


def signals(world: World) -> int:
    with world.runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(Signal)) or 0


def die_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """The process dies as that call returns, the first time."""
    done = getattr(owner, name)
    dead: list[bool] = []

    def dies(*given: Any, **named: Any) -> Any:
        result = done(*given, **named)
        if not dead:
            dead.append(True)
            raise KilledError
        return result

    monkeypatch.setattr(owner, name, dies)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Client, "batch"),
        (Client, "moves"),
        (RestSession, "_sign_in"),
        (BullhornConnector, "poll"),
        (polling, "store_signals"),
        (polling, "_plan_next"),
    ],
)
def test_worker_killed_between_queue_and_commit_loses_and_doubles_nothing(
    vendor: BullhornStandIn,
    connected: World,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
) -> None:
    cases = [apply(vendor) for _ in range(5)]
    for case in cases[:3]:
        vendor.set_status(case, "Client Rejected")
    if name == "_sign_in":
        vendor.end_sessions()
    die_once(monkeypatch, owner, name)
    with pytest.raises(KilledError):
        polling.poll(connected.runtime, "bullhorn")
    polling.poll(connected.runtime, "bullhorn")
    connected.work()
    assert told(connected) == dict.fromkeys(cases[:3], ("rejected", ["link"])) | dict.fromkeys(
        cases[3:], ("active", [])
    )
    assert signals(connected) == 5
    links = [vendor.archive.submissions[int(case)]["customText5"] for case in cases]
    assert len(set(links)) == 5
    assert vendor.subscriptions["careerrelay"]["events"] != []  # of our own writing, and no more
    polling.poll(connected.runtime, "bullhorn")
    connected.work()
    assert signals(connected) == 5


def test_agencys_candidate_is_decided_and_gets_nothing(
    vendor: BullhornStandIn, connected: World
) -> None:
    case = vendor.apply(name="Hanako Example", email="hanako@example.jp", client=5002)
    polling.poll(connected.runtime, "bullhorn")
    connected.work()
    assert told(connected) == {}
    vendor.set_status(case, "Client Rejected")
    polling.poll(connected.runtime, "bullhorn")
    connected.work()
    ((state, codes),) = told(connected).values()
    assert (state, codes) == ("rejected", ["agent_scout_school"])
    assert "customText5" not in vendor.archive.submissions[int(case)]


def test_link_that_does_not_fit_is_shown_with_field_and_length(
    vendor: BullhornStandIn, connected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.connectors.bullhorn.connector.LONGEST", 20)
    case = apply(vendor)
    polling.poll(connected.runtime, "bullhorn")
    connected.work()
    with connected.runtime.database.read() as session:
        (delivery,) = session.scalars(select(Delivery)).all()
        connection = session.get_one(Connection, "bullhorn")
    assert delivery.state == "dead"
    assert "customText5 (link_field) takes 20" in (delivery.error or "")
    assert connection.paused_until is None
    assert "customText5" not in vendor.archive.submissions[int(case)]
