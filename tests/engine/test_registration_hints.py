"""The hint that a static link carries where an ATS's templates fill merge fields into links."""

from __future__ import annotations

from dataclasses import replace

import pytest

from careerrelay.engine import registration
from careerrelay.engine.registration import Application as Form
from careerrelay.models.candidates import ApplicationState, Job
from careerrelay.models.tables import ApplicationRecord, Registration
from tests.engine.test_registration import press_button, static_token
from tests.support.world import World


@pytest.fixture
def rejected(world: World) -> World:
    """Person 1 was rejected a minute ago."""
    world.apply(1)
    world.clock.forward(seconds=1)
    world.reject(1)
    world.work()
    world.clock.forward(minutes=1)
    return world


@pytest.mark.parametrize(
    ("hint", "chosen"),
    [
        ("営業職", "a1"),
        (" 営業職 ", "a1"),
        ("[m_job_title]", "a2"),
        ("", "a2"),
    ],
)
def test_static_links_hint_chooses_among_the_persons_own_rejections(
    rejected: World, hint: str, chosen: str
) -> None:
    """Without one that fits it is the latest: an ATS need not fill the hint in."""
    later = rejected.application(2, ApplicationState.REJECTED)
    person = replace(later.candidate, emails=("person1@example.com",))
    rejected.tell(replace(later, candidate=person, job=Job("j2", "広報")))
    rejected.work()
    assert matched(rejected, hint) == chosen


def test_hint_to_somebody_elses_job_gives_nothing_away(rejected: World) -> None:
    later = rejected.application(2, ApplicationState.REJECTED)
    rejected.tell(replace(later, job=Job("j2", "広報")))
    rejected.work()
    assert matched(rejected, "広報") == "a1"


def matched(world: World, hint: str) -> str:
    """The case that a registration by the static link with this hint is put down to."""
    form = Form("応募 太郎", "person1@example.com", True, "ja", hint)
    id_ = registration.start(world.runtime, static_token(world), form)
    assert press_button(world, id_).counted
    with world.runtime.database.read() as session:
        case = session.get_one(Registration, id_).application_id
        return session.get_one(ApplicationRecord, case).external_id
