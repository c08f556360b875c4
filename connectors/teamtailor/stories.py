"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import BASE, TeamtailorStandIn


class TeamtailorStory(Story):
    """One company; each person applies for a job of their own."""

    # A web hook names ids only.
    least_calls = 1

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = TeamtailorStandIn(clock=clock)
        self._people: dict[str, str] = {}

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url + BASE,
            "api_key": self.vendor.api_key,
            "webhook_secret": self.vendor.secret,
            "user_id": self.vendor.user,
        }

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        case = self.vendor.apply(name=name, email=person.email, job="営業")
        self._people[case] = self.vendor.person_of(case)
        return case

    def reject(self, case: str) -> None:
        self.vendor.reject(case)

    def withdraw(self, case: str) -> None:
        self.vendor.reject(case, reason=self.vendor.own_reason)

    def unreject(self, case: str) -> None:
        self.vendor.unreject(case)

    def erase(self, case: str) -> None:
        self.vendor.erase(self._people[case])

    def record(self, case: str) -> Record:
        person = self._people[case]
        notes = self.vendor.records.get("notes", {}).values()
        known = self.vendor.records["candidates"].get(person)
        return Record(
            notes=tuple(
                row["attributes"]["note"] for row in notes if person in row["related"].values()
            ),
            tags=tuple(known["attributes"]["tags"]) if known else (),
        )


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return TeamtailorStory(clock)
