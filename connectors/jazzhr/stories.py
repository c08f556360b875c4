"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import ClassVar

from careerrelay.connectors.testing import Person, Record, Story

from .standin import JazzHrStandIn, settings


class JazzHrStory(Story):
    """One account; each person applies for a job of their own."""

    # No list says who the person is.
    least_calls = 1.01
    missing: ClassVar[Mapping[str, str]] = {
        "erase": "Who is deleted vanishes from the lists, and no call tells of it."
    }

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = JazzHrStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return settings(self.vendor, url)

    def apply(self, person: Person) -> str:
        return self.vendor.apply(**asdict(person), job="営業")

    def reject(self, case: str) -> None:
        self.vendor.move(case, "2876534")

    def withdraw(self, case: str) -> None:
        self.vendor.move(case, "2876535")

    def unreject(self, case: str) -> None:
        self.vendor.move(case, "2876530")

    def record(self, case: str) -> Record:
        notes = self.vendor.comments[case.partition(":")[0]]
        return Record(notes=tuple(note["text"] for note in notes))


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return JazzHrStory(clock)
