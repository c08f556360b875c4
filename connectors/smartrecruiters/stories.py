"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .spec import SPEC
from .standin import SmartrecruitersStandIn


class SmartrecruitersStory(Story):
    """One company; each person applies for a job of their own."""

    # The person and the history: a web hook names ids only.
    least_calls = 2

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = SmartrecruitersStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url,
            "api_key": self.vendor.api_key,
            "webhook_secret": self.vendor.secret,
            "report_property": "p1",
        }

    def connect(self, hook_url: str) -> None:
        events = [{"name": name, "version": "v201910"} for name in SPEC.events]
        hook = {"id": "s-1", "callbackUrl": hook_url, "events": events, "status": "active"}
        self.vendor.subscriptions["s-1"] = hook

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        return self.vendor.apply(name=name, email=person.email, job="営業")

    def reject(self, case: str) -> None:
        self.vendor.reject(case)

    def withdraw(self, case: str) -> None:
        self.vendor.withdraw(case)

    def unreject(self, case: str) -> None:
        self.vendor.set_status(case, "IN_REVIEW")

    def erase(self, case: str) -> None:
        self.vendor.erase(_person(case))

    def record(self, case: str) -> Record:
        """The feed names people as ``#[CANDIDATE:id]``."""
        person = _person(case)
        notes = (m["content"] for m in self.vendor.feed if f"{person}]" in m["content"])
        return Record(notes=tuple(notes), tags=tuple(self.vendor.tags.get(person, ())))


def _person(case: str) -> str:
    return case.partition(":")[0]


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return SmartrecruitersStory(clock)
