"""What is kept of a webhook, and what reading it says about the account."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from careerrelay.engine.ingest import Ingest
from careerrelay.engine.signals import accept_webhook
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Connection, Signal
from tests.support.toy import toy_webhook
from tests.support.world import World

OLD, NEW = "old/secret+of the url", "new-secret"


def the_connection(world: World) -> Connection:
    with world.runtime.database.read() as session:
        return session.get_one(Connection, "toy")


def test_secrets_that_came_in_headers_or_the_url_are_not_kept(world: World) -> None:
    """Some vendors know no signature and send what was typed there, in a place of their own."""
    world.connect("second", secrets={"webhook_secret": f"{NEW}, {OLD}"})
    event = ApplicationEvent(EventKind.ERASED, world.clock(), candidate_id="c1")
    signed = toy_webhook(event, delivery="d1", secret=f"{NEW}, {OLD}")
    sent = replace(
        signed,
        path=f"/webhooks/second/{NEW}",
        query="token=old%2Fsecret%2Bof%20the%20url&page=1",
        headers={**signed.headers, "x-api-key": NEW, "authorization": "Basic abc", "x-kept": "v"},
    )
    ingest = Ingest(world.runtime)
    with world.runtime.database.read() as session:
        connection = session.get_one(Connection, "second")
    accept_webhook(world.runtime, ingest, connection, sent)
    ingest.stop()
    with world.runtime.database.read() as session:
        kept = session.scalars(select(Signal)).one().request
    assert kept["path"] == "/webhooks/second/•••"
    assert kept["query"] == "token=•••&page=1"
    assert (kept["headers"]["x-api-key"], kept["headers"]["x-kept"]) == ("•••", "v")
    assert "authorization" not in kept["headers"]


def test_signal_read_without_asking_the_ats_does_not_say_that_the_account_is_well(
    world: World,
) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "toy").attention = "credentials refused"
    world.tell(world.application(1, ApplicationState.WITHDRAWN))
    world.work()
    assert the_connection(world).attention == "credentials refused"
    world.apply(2)
    world.work()
    assert the_connection(world).attention is None, "the link was written"
