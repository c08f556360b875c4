"""The whole loop on both databases, with a toy ATS: from the application to the report."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from careerrelay.engine import counting, links, registration
from careerrelay.engine.registration import Application as Form
from careerrelay.link_signing import Purpose
from careerrelay.models.errors import LinkInactiveError
from careerrelay.models.ledger import EntryKind
from careerrelay.models.registrations import RegistrationState
from careerrelay.models.tables import Decision, Delivery, Registration, Report, Signal
from tests.support.world import World


def link_token(world: World, number: int) -> str:
    url = world.vendor.fields[f"c{number}"]
    return url.rpartition("/")[2]


def register(world: World, number: int, *, named: bool = True, email: str = "") -> Registration:
    """Fill in the form and press the mailed button."""
    form = Form("応募 太郎", email or f"person{number}@example.com", named, "ja")
    id_ = registration.start(world.runtime, link_token(world, number), form)
    token = world.runtime.signer.token_for(id_, purpose=Purpose.PROOF)
    registration.confirm_link(world.runtime, token)
    with world.runtime.database.read() as session:
        return session.get_one(Registration, id_)


def test_link_is_in_the_field_before_the_rejection_and_opens_only_after_it(world: World) -> None:
    world.apply(1)
    world.work()
    token = link_token(world, 1)
    with world.runtime.database.read() as session, pytest.raises(LinkInactiveError):
        links.open_link(world.runtime, session, token)
    world.clock.forward(days=3)
    world.reject(1)
    world.work()
    with world.runtime.database.read() as session:
        assert links.open_link(world.runtime, session, token).company.id == "acme"


def test_ten_registrations_make_one_slot_and_each_named_person_is_reported(world: World) -> None:
    for number in range(10):
        world.apply(number)
        world.clock.forward(seconds=1)
        world.reject(number)
    world.work()
    for number in range(10):
        assert register(world, number, named=number % 2 == 0).counted
    world.work()
    with world.runtime.database.read() as session:
        assert counting.count(session, "acme", EntryKind.CREDIT) == 10
        assert counting.count(session, "acme", EntryKind.SLOT) == 1
        assert len(session.scalars(select(Report)).all()) == 5
    assert sorted(world.vendor.notes) == ["c0", "c2", "c4", "c6", "c8"]
    assert "あと9件" in world.vendor.notes["c0"][0]


def test_same_signal_twice_does_nothing_twice(world: World) -> None:
    application = world.apply(1)
    world.tell(application, delivery="d1")
    world.clock.forward(seconds=1)
    rejected = world.reject(1)
    world.tell(rejected)
    world.work()
    with world.runtime.database.read() as session:
        assert len(session.scalars(select(Decision)).all()) == 1
        assert len(session.scalars(select(Delivery)).all()) == 1
        assert len(session.scalars(select(Signal)).all()) == 3
    assert world.vendor.calls.count("write_link") == 1


def test_unrejection_wins_over_a_rejection_that_arrives_late(world: World) -> None:
    world.apply(1)
    world.clock.forward(hours=1)
    late = world.application(1, state=world.apply(1).state.REJECTED)
    world.clock.forward(hours=1)
    world.apply(1)
    world.work()
    world.tell(late)
    world.work()
    token = link_token(world, 1)
    with world.runtime.database.read() as session, pytest.raises(LinkInactiveError):
        links.open_link(world.runtime, session, token)
    with world.runtime.database.read() as session:
        outcomes = [s.outcome for s in session.scalars(select(Signal))]
    assert outcomes.count("stale") == 1


def test_person_counts_once_for_a_company_for_ever(world: World) -> None:
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    assert register(world, 1).counted
    assert not register(world, 1).counted
    with world.runtime.database.read() as session:
        assert counting.count(session, "acme", EntryKind.CREDIT) == 1


def test_holding_the_link_with_another_mailbox_counts_nothing(world: World) -> None:
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    found = register(world, 1, email="recruiter@acme.example.jp")
    assert found.state == RegistrationState.UNMATCHED.value
    with world.runtime.database.read() as session:
        assert counting.count(session, "acme", EntryKind.CREDIT) == 0
