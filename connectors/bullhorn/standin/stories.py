"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .server import BullhornStandIn


class BullhornStory(Story):
    """One company that hires for itself."""

    # A hundred events with one call, their submissions and histories with one each.
    least_calls = 0.03

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = BullhornStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return self.vendor.settings(url)

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        return self.vendor.apply(name=name, email=person.email)

    def reject(self, case: str) -> None:
        self.vendor.set_status(case, "Client Rejected")

    def withdraw(self, case: str) -> None:
        self.vendor.set_status(case, "Candidate Not Interested")

    def unreject(self, case: str) -> None:
        self.vendor.set_status(case, "Submitted")

    def erase(self, case: str) -> None:
        """Marked, as Bullhorn's own screen does it."""
        self.vendor.edit_person(case, isDeleted=True)

    def record(self, case: str) -> Record:
        archive = self.vendor.archive
        row = archive.submissions[int(case)]
        link, tag = row.get("customText5"), row.get("customText6")
        return Record(
            links=(link,) if link else (),
            notes=tuple(n["comments"] for n in archive.notes if n["person"] == row["candidate"]),
            tags=(tag,) if tag else (),
        )


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return BullhornStory(clock)
