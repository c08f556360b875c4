"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import ReportStandIn, settings


class ReportStory(Story):
    """One company whose report is pushed row by row and fetched as well."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = ReportStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return settings(self.vendor, url)

    def apply(self, person: Person) -> str:
        return self.vendor.apply(**asdict(person), job="営業")

    def reject(self, case: str) -> None:
        self.reject_in_bulk([case])

    def reject_in_bulk(self, cases: Sequence[str]) -> None:
        self.vendor.dispose(*cases, disposition="Not Moving Forward", reason="Experience")

    def withdraw(self, case: str) -> None:
        """The disposition is the company's; the reason is the candidate's."""
        self.vendor.dispose(case, disposition="Not Moving Forward", reason="Candidate Withdrew")

    def unreject(self, case: str) -> None:
        self.vendor.dispose(case, disposition="Review")

    def erase(self, case: str) -> None:
        self.vendor.erase(case)

    def record(self, case: str) -> Record:  # noqa: ARG002 - nothing is ever written there
        return Record()


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return ReportStory(clock)
