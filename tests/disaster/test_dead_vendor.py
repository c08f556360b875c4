"""An ATS that does not answer for a day: everything owed is done once it is back, in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from careerrelay.engine.service import TASKS
from careerrelay.models.errors import ApiAuthenticationError, ApiError, ApiUnavailableError
from careerrelay.models.tables import Connection, Delivery, RelayLink
from tests.support.world import World

PEOPLE = 12
STEP_MINUTES = 20


def dead(kind: type[ApiError]) -> Callable[[str], None]:
    def trouble(operation: str) -> None:
        raise kind("no answer", connector="toy", operation=operation)

    return trouble


def a_day_passes(world: World) -> None:
    """People are rejected, and some taken back, while nobody answers."""
    for step in range(24 * 60 // STEP_MINUTES):
        if step < PEOPLE:
            world.apply(step)
        elif step < 2 * PEOPLE:
            world.reject(step - PEOPLE)
        elif step < 2 * PEOPLE + 3:
            world.apply(step - 2 * PEOPLE)
        world.clock.forward(minutes=STEP_MINUTES)
        world.work()


@pytest.mark.parametrize("kind", [ApiUnavailableError, ApiAuthenticationError])
def test_a_day_without_the_ats_loses_and_doubles_nothing(
    world: World, kind: type[ApiError]
) -> None:
    world.vendor.trouble = dead(kind)
    a_day_passes(world)
    assert world.vendor.fields == {}
    world.vendor.trouble = lambda _operation: None
    world.vendor.calls.clear()
    for _ in range(24 * 3):
        world.clock.forward(minutes=STEP_MINUTES)
        world.work()
    assert world.vendor.calls.count("write_link") == PEOPLE
    with world.runtime.database.read() as session:
        links = {link.candidate_external_id: link.id for link in session.scalars(select(RelayLink))}
        for task in TASKS.values():
            assert {row.state for row in session.scalars(select(task.row))} <= {"done", "skipped"}
        assert len(session.scalars(select(Delivery)).all()) >= PEOPLE
        assert session.get_one(Connection, "toy").attention is None
    assert world.vendor.fields == {
        f"c{n}": world.runtime.signer.url_for(links[f"c{n}"]) for n in range(PEOPLE)
    }
