"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar

from careerrelay.connectors.testing import Person, Record, Story

from .standin import APPLIED, BASE, REJECTED, WITHDRAWN, PinpointStandIn


class PinpointStory(Story):
    """One account; everybody applies for the same job."""

    missing: ClassVar[Mapping[str, str]] = {
        "erase": "No web hook and no list tells of a deleted application."
    }

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = PinpointStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url + BASE,
            "api_key": self.vendor.key,
            "webhook_secret": self.vendor.secret,
            "rejected_stages": "Rejected",
            "withdrawn_stages": "Withdrawn",
        }

    def reasons(self) -> Mapping[str, str]:
        return {"Skills": "Skills"}

    def apply(self, person: Person) -> str:
        return self.vendor.apply(
            given=person.given_name, family=person.family_name, email=person.email
        )

    def reject(self, case: str) -> None:
        self.vendor.move(case, REJECTED, tag="Skills")

    def withdraw(self, case: str) -> None:
        self.vendor.move(case, WITHDRAWN)

    def unreject(self, case: str) -> None:
        self.vendor.move(case, APPLIED)

    def record(self, case: str) -> Record:
        tags = (tag["name"] for tag in self.vendor.applications[case]["tags"])
        return Record(notes=tuple(self.vendor.comments[case]), tags=tuple(tags))


def story(clock: Callable[[], datetime]) -> Story:
    """An account with nobody in it yet."""
    return PinpointStory(clock)
