"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import BASE, TalentioStandIn


class TalentioStory(Story):
    """One company that has CareerRelay send its notices."""

    strategy = "own_mail"
    # Asked once more before a notice leaves.
    least_calls = 1.01

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = TalentioStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {"api_url": url + BASE, "api_token": self.vendor.token}

    def apply(self, person: Person) -> str:
        return str(self.vendor.apply(**asdict(person)))

    def reject(self, case: str) -> None:
        self.vendor.reject(int(case))

    def withdraw(self, case: str) -> None:
        self.vendor.withdraw(int(case))

    def unreject(self, case: str) -> None:
        self.vendor.reopen(int(case))

    def erase(self, case: str) -> None:
        self.vendor.erase(int(case))

    def record(self, case: str) -> Record:
        return Record(tags=tuple(self.vendor.tags(int(case))))


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return TalentioStory(clock)
