"""What is past its time goes; what is owed or counted stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from careerrelay.connectors import AccessToken
from careerrelay.engine import registration, retention
from careerrelay.engine.registration import Application as Form
from careerrelay.models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Attempt,
    Connection,
    Decision,
    Registration,
    SharedToken,
    Signal,
)
from tests.support.world import World


def count(world: World, table: type) -> int:
    with world.runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_signals_go_after_their_days_and_owed_ones_never(world: World) -> None:
    world.apply(1)
    world.work()
    world.apply(2)
    world.queue.lose_everything()
    world.clock.forward(days=31)
    assert retention.purge(world.runtime)["signals"] == 1
    assert count(world, Signal) == 1
    with world.runtime.database.read() as session:
        kept = session.scalars(select(Attempt.subject_id)).all()
        assert session.scalars(select(Signal.id)).one() not in kept


def test_profile_goes_after_the_companys_months_and_the_decision_stays(world: World) -> None:
    world.reject(1)
    world.apply(2)
    world.work()
    world.clock.forward(days=364)
    assert retention.purge(world.runtime)["profiles"] == 0
    world.clock.forward(days=2)
    assert retention.purge(world.runtime)["profiles"] == 1
    with world.runtime.database.read() as session:
        people = session.scalars(select(ApplicationRecord.person_sealed)).all()
    assert sorted(p is None for p in people) == [False, True], "an open case is no old one"
    assert count(world, ApplicationAddress) == 1
    assert count(world, Decision) == 1


def test_open_case_of_a_removed_connection_is_not_kept_for_ever(world: World) -> None:
    world.apply(1)
    world.work()
    with world.runtime.database.begin() as session:
        session.get_one(Connection, "toy").removed_at = world.clock()
    world.clock.forward(days=366)
    assert retention.purge(world.runtime)["profiles"] == 1


def test_unproved_registration_keeps_nobody(world: World) -> None:
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    token = world.vendor.fields["c1"].rpartition("/")[2]
    registration.start(world.runtime, token, Form("応募 太郎", "x@example.com", False, "ja"))
    world.clock.forward(days=8)
    assert retention.purge(world.runtime)["unproved"] == 1
    assert retention.purge(world.runtime)["unproved"] == 0
    with world.runtime.database.read() as session:
        kept = session.scalars(select(Registration)).one()
    assert (kept.name_sealed, kept.email_sealed, kept.code_sealed) == (None, None, None)
    assert (kept.email_hash, kept.mailbox_hash) == (kept.id, kept.id)


def test_deleting_a_registration_that_is_past_its_time_touches_nobody_else(world: World) -> None:
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    token = world.vendor.fields["c1"].rpartition("/")[2]
    ids = [
        registration.start(world.runtime, token, Form("応募 太郎", email, False, "ja"))
        for email in ("x@example.com", "y@example.com")
    ]
    world.clock.forward(days=8)
    retention.purge(world.runtime)
    registration.withdraw(world.runtime, ids[0])
    with world.runtime.database.read() as session:
        states = [session.get_one(Registration, id_).state for id_ in ids]
    assert states == ["withdrawn", "started"]


def test_traces_of_all_work_go_with_the_signals(world: World) -> None:
    world.apply(1)
    world.work()
    assert count(world, Attempt) == 2, "the signal's and the delivery's"
    world.clock.forward(days=31)
    retention.purge(world.runtime)
    assert count(world, Attempt) == 0


def test_tokens_go_a_day_after_they_have_ended(world: World) -> None:
    now = world.clock()
    for key, hours in (("gone", -25), ("ended", -23), ("live", 1)):
        token = AccessToken(f"secret of {key}", now + timedelta(hours=hours))
        world.runtime.tokens.replace(key, lambda token=token: token, seen=None)
    assert retention.purge(world.runtime)["tokens"] == 1
    with world.runtime.database.read() as session:
        assert set(session.scalars(select(SharedToken.key))) == {"ended", "live"}
    assert world.runtime.tokens.get("live") is not None


@pytest.mark.parametrize(
    ("moment", "months", "expected"),
    [
        (datetime(2026, 3, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2024, 3, 31, tzinfo=UTC), 1, datetime(2024, 2, 29, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 12, datetime(2025, 1, 15, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 1, datetime(2025, 12, 15, tzinfo=UTC)),
    ],
)
def test_months_keep_the_day_or_take_the_last_of_a_shorter_month(
    moment: datetime, months: int, expected: datetime
) -> None:
    assert retention.months_before(moment, months) == expected
    assert retention.months_after(expected, months) <= moment + timedelta(days=0)
