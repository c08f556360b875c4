"""What is told to an installation that dies: people and what becomes of them, in any order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Candidate,
    Job,
    Reason,
    RejectionSide,
)
from careerrelay.models.events import ApplicationEvent
from tests.disaster.senders import Sender
from tests.support.world import KINDS

TAKEN_BACK = 5
"""Every fifth rejection is taken back again."""
BEGAN = datetime.now(UTC) - timedelta(hours=1)


def case(number: int, state: ApplicationState, *, step: int) -> Application:
    """Person ``number``'s case after its ``step``-th change."""
    rejected = state is ApplicationState.REJECTED
    return Application(
        external_id=f"a{number}",
        candidate=Candidate(f"c{number}", (f"person{number}@example.com",), full_name="応募 太郎"),
        state=state,
        changed_at=BEGAN + timedelta(seconds=step),
        job=Job("j1", "営業職"),
        reason=Reason("r1", "経験不足", RejectionSide.COMPANY) if rejected else None,
    )


def history(number: int) -> list[Application]:
    """What becomes of a person, in order."""
    states = [ApplicationState.ACTIVE, ApplicationState.REJECTED]
    if number % TAKEN_BACK == 0:
        states.append(ApplicationState.ACTIVE)
    return [case(number, state, step=step) for step, state in enumerate(states)]


def is_rejected(number: int) -> bool:
    """How the person's story ends."""
    return history(number)[-1].state is ApplicationState.REJECTED


def tell_all(sender: Sender, people: range, *, chance: random.Random) -> list[str]:
    """Every change of every person, in any order, some of them twice; returns delivery ids."""
    told = [(f"{c.external_id}-{step}", c) for n in people for step, c in enumerate(history(n))]
    again = chance.sample(told, len(told) // 10)
    mixed = chance.sample(told + again, len(told) + len(again))
    for delivery, c in mixed:
        event = ApplicationEvent(
            KINDS[c.state], c.changed_at, c.external_id, c.candidate.external_id, c
        )
        sender.send(event, delivery=delivery)
    return [delivery for delivery, _ in told]
