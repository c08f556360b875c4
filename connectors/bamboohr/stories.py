"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import DECLINED, REVIEWED, UNFIT, BambooHrStandIn


class BambooHrStory(Story):
    """One account; everybody applies for the same job."""

    # Fifty on a page of the list, which does not say since when; the record does.
    least_calls = 1.02

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = BambooHrStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url,
            "api_key": self.vendor.key,
            "rejected_status_ids": str(UNFIT),
            "withdrawn_status_ids": str(DECLINED),
        }

    def apply(self, person: Person) -> str:
        return self.vendor.apply(
            given=person.given_name, family=person.family_name, email=person.email, job="営業"
        )

    def reject(self, case: str) -> None:
        self.vendor.put(case, UNFIT)

    def withdraw(self, case: str) -> None:
        self.vendor.put(case, DECLINED)

    def unreject(self, case: str) -> None:
        self.vendor.put(case, REVIEWED)

    def erase(self, case: str) -> None:
        self.vendor.delete(case)

    def record(self, case: str) -> Record:
        return Record(notes=tuple(self.vendor.comments[int(case)]))


def story(clock: Callable[[], datetime]) -> Story:
    """An account with nobody in it yet."""
    return BambooHrStory(clock)
