"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .server import HerpStandIn


class HerpStory(Story):
    """One tenant, one requisition; the company writes its own notices, for HERP sends none."""

    strategy = "own_mail"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.herp = HerpStandIn(clock=clock)
        self.requisition = self.herp.add_requisition("営業")

    def settings(self, url: str) -> Mapping[str, str]:
        return {"api_url": url, "api_key": self.herp.api_key}

    def apply(self, person: Person) -> str:
        name = f"{person.family_name} {person.given_name}"
        return self.herp.apply(self.requisition, name=name, email=person.email)

    def reject(self, case: str) -> None:
        self.herp.reject(case)

    def withdraw(self, case: str) -> None:
        self.herp.withdraw(case)

    def unreject(self, case: str) -> None:
        self.herp.reopen(case)

    def erase(self, case: str) -> None:
        self.herp.erase(case)

    def record(self, case: str) -> Record:
        return Record(notes=tuple(self.herp.comments(case)))


def story(clock: Callable[[], datetime]) -> Story:
    """A tenant with nobody in it yet."""
    return HerpStory(clock)
