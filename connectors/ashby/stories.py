"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .spec import SPEC
from .standin import LINK_FIELD, AshbyStandIn


class AshbyStory(Story):
    """One organisation with one job."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.ashby = AshbyStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return self.ashby.settings(url)

    def connect(self, hook_url: str) -> None:
        self.ashby.hooks.update(dict.fromkeys(SPEC.events, hook_url))

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        return self.ashby.apply(name=name, email=person.email)

    def reject(self, case: str) -> None:
        self.ashby.archive(case)

    def withdraw(self, case: str) -> None:
        self.ashby.archive(case, "Accepted another offer")

    def unreject(self, case: str) -> None:
        self.ashby.restore(case)

    def erase(self, case: str) -> None:
        self.ashby.delete(case)

    def record(self, case: str) -> Record:
        person = self.ashby.person_of(case)
        if person is None:
            return Record()
        values = person["customFields"]
        return Record(
            links=tuple(row["value"] for row in values if row["title"] == LINK_FIELD),
            notes=tuple(note["content"] for note in self.ashby.notes[person["id"]]),
            tags=tuple(tag["title"] for tag in person["tags"]),
            mails=tuple(
                mail["body"]
                for mail in self.ashby.mails.values()
                if mail["candidateId"] == person["id"]
            ),
        )


def story(clock: Callable[[], datetime]) -> Story:
    """An organisation with nobody in it yet."""
    return AshbyStory(clock)
