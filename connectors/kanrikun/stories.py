"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .standin import DECLINED, IN_SELECTION, REJECTED, KanrikunStandIn


class KanrikunStory(Story):
    """One company that has CareerRelay send its notices; nothing can be written at the vendor."""

    strategy = "own_mail"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = KanrikunStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url,
            "client_id": self.vendor.client_id,
            "client_secret": self.vendor.client_secret,
            "channel": "direct",
        }

    def apply(self, person: Person) -> str:
        return str(self.vendor.enter(**asdict(person)))

    def reject(self, case: str) -> None:
        self.vendor.move(int(case), REJECTED)

    def withdraw(self, case: str) -> None:
        self.vendor.move(int(case), DECLINED)

    def unreject(self, case: str) -> None:
        self.vendor.move(int(case), IN_SELECTION)

    def erase(self, case: str) -> None:
        self.vendor.erase(int(case))

    def record(self, case: str) -> Record:  # noqa: ARG002 - the API writes nothing
        return Record()


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return KanrikunStory(clock)
