"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

from careerrelay.connectors.testing import Person, Record, Story

from .standin import REJECTED, REVIEW, WITHDREW, IcimsStandIn, settings


class IcimsStory(Story):
    """One customer, whose recruiters look at everybody before they reject; events alone tell."""

    # A workflow names its person by id only.
    least_calls = 2
    missing: ClassVar[Mapping[str, str]] = {
        "erase": "Neither an event nor a call that tells of deleted people is documented."
    }

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = IcimsStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return settings(self.vendor, url, polls=False)

    def apply(self, person: Person) -> str:
        """And is looked at, which is a trigger: only then CareerRelay hears of the case."""
        case = self.vendor.apply(**asdict(person), job="営業")
        self.vendor.move(case, REVIEW)
        return case

    def reject(self, case: str) -> None:
        self.vendor.move(case, REJECTED)

    def withdraw(self, case: str) -> None:
        self.vendor.move(case, WITHDREW)

    def unreject(self, case: str) -> None:
        self.vendor.move(case, REVIEW)

    def record(self, case: str) -> Record:
        shown = self.vendor.workflows[case]["fields"]
        link, note = shown.get("careerrelay_link"), shown.get("careerrelay_status")
        return Record(links=(link,) if link else (), notes=(note,) if note else ())


def story(clock: Callable[[], datetime]) -> Story:
    """A customer with nobody in it yet."""
    return IcimsStory(clock)
