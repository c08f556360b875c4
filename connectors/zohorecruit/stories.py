"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

from careerrelay.connectors.testing import Person, Record, Story

from .standin import ZohoStandIn, settings


class ZohoStory(Story):
    """One account; each person applies for a job of their own."""

    missing: ClassVar[Mapping[str, str]] = {
        "erase": "The call that lists deleted records is not documented for Recruit."
    }

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = ZohoStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return settings(self.vendor, url)

    def apply(self, person: Person) -> str:
        return self.vendor.apply(**asdict(person), job="営業")

    def reject(self, case: str) -> None:
        self.vendor.set_status(case, "Rejected")

    def withdraw(self, case: str) -> None:
        self.vendor.set_status(case, "Withdrawn")

    def unreject(self, case: str) -> None:
        self.vendor.set_status(case, "In Review")

    def record(self, case: str) -> Record:
        row, notes = self.vendor.records[case], self.vendor.notes.get(case, [])
        link, tag = row["CareerRelay_Link"], row["CareerRelay_Status"]
        return Record(
            links=(link,) if link else (),
            notes=tuple(note["Note_Content"] for note in notes),
            tags=(tag,) if tag else (),
        )


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return ZohoStory(clock)
