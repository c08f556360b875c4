"""The real engine between a pretended Lever and the database: what a signal comes to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.connectors.lever.standin import LeverStandIn
from careerrelay.engine import polling
from careerrelay.engine.ingest import Ingest
from careerrelay.engine.signals import accept_webhook
from careerrelay.models.companies import ReasonMeaning
from careerrelay.models.errors import WebhookVerificationError
from careerrelay.models.events import WebhookRequest
from careerrelay.models.tables import (
    ApplicationRecord,
    Connection,
    Decision,
    ReasonRule,
    Signal,
)
from tests.support.world import World

from .conftest import applied

TOKEN = "signature-token"
Hear = Callable[[bytes], None]


@pytest.fixture
def connected(world: World, lever: LeverStandIn, url: str) -> World:
    """A company that relays "Timing" by static link, with its Lever connected."""
    world.connect(
        "lever",
        connector="lever",
        strategies=("static_link",),
        settings={"base_url": f"{url}/v1", "perform_as": lever.user},
        secrets={"api_key": lever.api_key, "signature_tokens": TOKEN},
    )
    with world.runtime.database.begin() as session:
        session.add(
            ReasonRule(
                connection_id="lever",
                external_id=lever.account.reason("Timing"),
                text="Timing",
                meaning=ReasonMeaning.REJECTED.value,
                first_seen_at=world.clock(),
            )
        )
    return world


@pytest.fixture
def hear(connected: World) -> Iterator[Hear]:
    """Lets the engine take a web hook's body and do all that follows."""
    ingest = Ingest(connected.runtime)

    def take(body: bytes) -> None:
        with connected.runtime.database.read() as session:
            connection = session.get_one(Connection, "lever")
        arrived = WebhookRequest("POST", "/webhooks/lever", "", {}, body, connected.clock())
        accept_webhook(connected.runtime, ingest, connection, arrived)
        connected.work()

    yield take
    ingest.stop()


def hook(lever: LeverStandIn, case: str, **changes: Any) -> bytes:
    """A web hook about a case, signed; the test carries it to the engine itself."""
    body: dict[str, Any] = {
        "event": "candidateArchiveChange",
        "triggeredAt": lever.account.now(),
        "token": f"token-{len(lever.calls)}",
        "data": {"opportunityId": case},
    }
    return lever.sign(body | changes, token=TOKEN)


def decisions(world: World, case: str) -> list[str]:
    """The reason codes of the decisions that stand for a case."""
    query = (
        select(Decision.code)
        .join(ApplicationRecord, Decision.application_id == ApplicationRecord.id)
        .where(ApplicationRecord.external_id == case, Decision.superseded_at.is_(None))
    )
    with world.runtime.database.read() as session:
        return list(session.scalars(query))


def state(world: World, case: str) -> str | None:
    query = select(ApplicationRecord.state).where(ApplicationRecord.external_id == case)
    with world.runtime.database.read() as session:
        return session.scalar(query)


def test_a_mapped_reason_gets_a_link_and_another_one_does_not(
    lever: LeverStandIn, connected: World, hear: Hear
) -> None:
    case, other = applied(lever), applied(lever)
    lever.account.archive(case, reason=lever.account.reason("Timing"))
    lever.account.archive(other, reason=lever.account.reason("Withdrew"))
    hear(hook(lever, case))
    hear(hook(lever, other))
    assert decisions(connected, case) == ["link"]
    assert decisions(connected, other) == ["unmapped_reason"]


def test_forged_data_with_a_valid_signature_do_nothing_but_a_look(
    lever: LeverStandIn, connected: World, hear: Hear
) -> None:
    """The signature of one delivery carries whatever ``data`` somebody puts beside it."""
    victim, rejected = applied(lever), applied(lever)
    lever.account.archive(rejected, reason=lever.account.reason("Timing"))
    hear(hook(lever, rejected))
    archived = {"reason": lever.account.reason("Timing"), "archivedAt": 1}
    hear(hook(lever, victim, data={"opportunityId": victim, "toArchived": archived}))
    hear(hook(lever, rejected, event="candidateDeleted"))
    hear(hook(lever, rejected, event="candidateHired"))
    assert (state(connected, victim), decisions(connected, victim)) == ("active", [])
    assert (state(connected, rejected), decisions(connected, rejected)) == ("rejected", ["link"])


def test_a_replay_is_stored_once_and_an_unsigned_one_never(
    lever: LeverStandIn, connected: World, hear: Hear
) -> None:
    body = hook(lever, applied(lever))
    hear(body)
    hear(body)
    hear(json.dumps(json.loads(body) | {"data": {"opportunityId": applied(lever)}}).encode())
    with pytest.raises(WebhookVerificationError):
        hear(json.dumps(json.loads(body) | {"token": "made up"}).encode())
    with connected.runtime.database.read() as session:
        assert len(session.scalars(select(Signal)).all()) == 1


def test_taken_back_deleted_and_anonymised_are_followed(
    lever: LeverStandIn, connected: World, hear: Hear
) -> None:
    case = applied(lever)
    lever.account.archive(case, reason=lever.account.reason("Timing"))
    hear(hook(lever, case))
    lever.account.unarchive(case)
    hear(hook(lever, case))
    assert (state(connected, case), decisions(connected, case)) == ("active", [])
    lever.account.delete(case)
    hear(hook(lever, case, event="candidateDeleted"))
    assert state(connected, case) == "erased"


def test_polling_alone_comes_to_the_same(lever: LeverStandIn, connected: World) -> None:
    def poll() -> None:
        polling.poll(connected.runtime, "lever")
        connected.work()

    cases = [applied(lever, email=f"person{number}@example.com") for number in range(4)]
    for case in cases:
        lever.account.archive(case, reason=lever.account.reason("Timing"))
    poll()
    assert [decisions(connected, case) for case in cases] == [["link"]] * 4
    lever.account.unarchive(cases[0])
    lever.account.delete(cases[1])
    lever.account.anonymise(cases[2])
    poll()
    assert [state(connected, case) for case in cases] == ["active", "erased", "erased", "rejected"]
    assert decisions(connected, cases[3]) == ["link"]
