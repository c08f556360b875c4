"""Nobody's mailbox is flooded, whoever types its address, from wherever, over any restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from careerrelay.engine import links, registration
from careerrelay.engine.registration import Application as Form
from careerrelay.models.errors import TooOftenError
from careerrelay.models.tables import Connection, OutgoingMail, Registration
from tests.support.world import World


@pytest.fixture
def open_door(world: World) -> str:
    """The token of a static link: anybody may hold it."""
    with world.runtime.database.begin() as session:
        link = links.static_link(world.runtime, session, session.get_one(Connection, "toy"))
    return world.runtime.signer.token_for(link.id)


def start(world: World, token: str, email: str) -> str:
    return registration.start(world.runtime, token, Form("応募 太郎", email, False, "ja"))


@contextmanager
def refused(*, minutes: float) -> Iterator[None]:
    """In here somebody is told to wait that long."""
    with pytest.raises(TooOftenError) as caught:
        yield
    assert caught.value.retry_after == minutes * 60


def test_mailbox_is_asked_five_times_an_hour_under_any_spelling(
    world: World, open_door: str
) -> None:
    for spelling in ("a.b@gmail.com", "ab@gmail.com", "AB+1@gmail.com", "a.b+2@googlemail.com"):
        start(world, open_door, spelling)
    world.clock.forward(minutes=20)
    start(world, open_door, "ab@gmail.com")
    with refused(minutes=40):
        start(world, open_door, "a.b+3@gmail.com")
    start(world, open_door, "somebody.else@gmail.com")
    world.clock.forward(minutes=40)
    start(world, open_door, "ab@gmail.com")


def test_mailbox_is_asked_ten_times_a_day_over_all_companies(world: World, open_door: str) -> None:
    world.add_company("other")
    world.connect("elsewhere", company="other")
    with world.runtime.database.begin() as session:
        connection = session.get_one(Connection, "elsewhere")
        link = links.static_link(world.runtime, session, connection)
    tokens = (open_door, world.runtime.signer.token_for(link.id))
    for number in range(10):
        start(world, tokens[number % 2], "a@example.com")
        world.clock.forward(hours=1)
    with refused(minutes=14 * 60):
        start(world, tokens[0], "a@example.com")


def test_personal_link_starts_ten_an_hour(world: World) -> None:
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    token = world.vendor.fields["c1"].rpartition("/")[2]
    for number in range(10):
        start(world, token, f"victim{number}@example.com")
    with refused(minutes=60):
        start(world, token, "victim10@example.com")


def test_many_at_once_find_no_more_room_than_one_after_the_other(
    world: World, open_door: str
) -> None:
    barrier = threading.Barrier(12)
    told: list[str] = []

    def one() -> None:
        barrier.wait(timeout=30)
        try:
            start(world, open_door, "a@example.com")
        except TooOftenError as error:
            told.append(error.code)

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with world.runtime.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Registration)) == 5
        assert session.scalar(select(func.count()).select_from(OutgoingMail)) == 5
    assert told == ["too_often"] * 7
