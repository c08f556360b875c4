"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import PersonioStandIn


class PersonioStory(Story):
    """One company; everybody applies for the same job, and nothing of ours is ever written."""

    # Two hundred on a page of the list; the record, and since when it stands there.
    least_calls = 2.005

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = PersonioStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url,
            "client_id": self.vendor.client_id,
            "client_secret": self.vendor.client_secret,
        }

    def apply(self, person: Person) -> str:
        return self.vendor.apply(
            given=person.given_name, family=person.family_name, email=person.email, job="営業"
        )

    def reject(self, case: str) -> None:
        self.vendor.move(case, "rejected")

    def withdraw(self, case: str) -> None:
        self.vendor.move(case, "withdrawn")

    def unreject(self, case: str) -> None:
        self.vendor.move(case, "Interview")

    def erase(self, case: str) -> None:
        self.vendor.anonymise(case)

    def record(self, case: str) -> Record:  # noqa: ARG002 - nothing can be written anywhere
        return Record()


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return PersonioStory(clock)
