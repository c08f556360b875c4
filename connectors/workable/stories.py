"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import BASE, WorkableStandIn


class WorkableStory(Story):
    """One account; each person applies for a job of their own."""

    # No web hook tells of a disqualification, and lists leave out who withdrew.
    least_calls = 1.01

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = WorkableStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url + BASE,
            "api_token": self.vendor.token,
            "member_id": self.vendor.member,
        }

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        return self.vendor.apply(name=name, email=person.email, job="営業")

    def reject(self, case: str) -> None:
        self.vendor.disqualify(case)

    def withdraw(self, case: str) -> None:
        self.vendor.disqualify(case, withdrew=True)

    def unreject(self, case: str) -> None:
        self.vendor.revert(case)

    def erase(self, case: str) -> None:
        self.vendor.delete(case)

    def record(self, case: str) -> Record:
        known = self.vendor.candidates.get(case)
        comments = self.vendor.comments.get(case, ())
        return Record(
            notes=tuple(comment["body"] for comment in comments),
            tags=tuple(known["tags"]) if known else (),
        )


def story(clock: Callable[[], datetime]) -> Story:
    """An account with nobody in it yet."""
    return WorkableStory(clock)
