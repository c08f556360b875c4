"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

from careerrelay.connectors.testing import Person, Record, Story

from .standin import JobviteStandIn, settings


class JobviteStory(Story):
    """One account; each person applies for a job of their own."""

    missing: ClassVar[Mapping[str, str]] = {
        "erase": "Who is deleted is absent from the list, and no call tells of it."
    }

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = JobviteStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return settings(self.vendor, url)

    def apply(self, person: Person) -> str:
        return self.vendor.apply(**asdict(person), job="営業")

    def reject(self, case: str) -> None:
        self.vendor.move(case, "Rejected", disposition="Not enough experience")

    def withdraw(self, case: str) -> None:
        """The state is the company's; the disposition tells whose end it was."""
        self.vendor.move(case, "Rejected", disposition="Candidate withdrew")

    def unreject(self, case: str) -> None:
        self.vendor.move(case, "Interview")

    def record(self, case: str) -> Record:  # noqa: ARG002 - nothing can be written there
        return Record()


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return JobviteStory(clock)
