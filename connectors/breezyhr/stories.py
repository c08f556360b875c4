"""What happens at one company, for the conformance run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import ENDED, WITHDREW, BreezyhrStandIn


class BreezyhrStory(Story):
    """One company with one position."""

    # What became of the record, when, the thread, the message.
    least_calls = 4

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = BreezyhrStandIn(clock=clock)
        self._position = self.vendor.open_position("営業")

    def settings(self, url: str) -> Mapping[str, str]:
        return self.vendor.settings(url)

    def reasons(self) -> Mapping[str, str]:
        return {"Disqualified": "Disqualified"}

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        return self.vendor.apply(name=name, email=person.email, position=self._position)

    def reject(self, case: str) -> None:
        self.vendor.move(case, ENDED)

    def withdraw(self, case: str) -> None:
        """Into a stage that the company does not map as its own rejection."""
        self.vendor.move(case, WITHDREW)

    def unreject(self, case: str) -> None:
        self.vendor.move(case, "applied")

    def erase(self, case: str) -> None:
        self.vendor.delete(case)

    def record(self, case: str) -> Record:
        person = case.partition(":")[2]
        known = self.vendor.people.get(person)
        if known is None:
            return Record()
        messages = [entry["object"]["body"] for entry in self.vendor.threads[person]]
        return Record(
            links=tuple(
                link for text in messages for link in re.findall(r"https?://\S+/r/\S+", text)
            ),
            notes=tuple(e["object"].get("body", "") for e in self.vendor.streams[person]),
            tags=tuple(known["tags"]),
        )


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return BreezyhrStory(clock)
