"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .server import LeverStandIn

EVENTS = ("candidateArchiveChange", "candidateHired", "applicationCreated", "candidateDeleted")
TOKEN = "signature-token"  # noqa: S105 - of a stand-in


class LeverStory(Story):
    """One account, one posting; the company relays "Timing"."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.lever = LeverStandIn(clock=clock)
        self.account = self.lever.account
        self.posting = self.account.add_posting("営業")

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "base_url": f"{url}/v1",
            "api_key": self.lever.api_key,
            "perform_as": self.lever.user,
            "signature_tokens": TOKEN,
        }

    def connect(self, hook_url: str) -> None:
        for event in EVENTS:
            self.lever.add_hook(event, hook_url, token=TOKEN)

    def reasons(self) -> Mapping[str, str]:
        return {self.account.reason("Timing"): "Timing"}

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        return self.account.apply(self.posting, name=name, email=person.email)

    def reject(self, case: str) -> None:
        self.account.archive(case, reason=self.account.reason("Timing"))

    def withdraw(self, case: str) -> None:
        self.account.archive(case, reason=self.account.reason("Withdrew"))

    def unreject(self, case: str) -> None:
        self.account.unarchive(case)

    def erase(self, case: str) -> None:
        self.account.delete(case)

    def record(self, case: str) -> Record:
        """``addLinks`` shows the recruiter where to look; it reaches no candidate."""
        if case not in self.account.opportunities:
            return Record()
        return Record(
            notes=tuple(self.account.note_texts(case)), tags=tuple(self.account.tags(case))
        )


def story(clock: Callable[[], datetime]) -> Story:
    """An account with nobody in it yet."""
    return LeverStory(clock)
