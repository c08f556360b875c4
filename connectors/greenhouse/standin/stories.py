"""What happens at one company, for the conformance run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from careerrelay.connectors.testing import Person, Record, Story

from .desk import GreenhouseStandIn

SECRET = "a-secret-for-tests"  # noqa: S105 - of a stand-in
FIELD = "careerrelay_link"


class GreenhouseStory(Story):
    """One organisation, one vacancy."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.desk = GreenhouseStandIn(clock=clock)
        self.job = self.desk.add_job("営業")

    def settings(self, url: str) -> Mapping[str, str]:
        return self.desk.settings(url, webhook_secret=SECRET)

    def connect(self, hook_url: str) -> None:
        self.desk.add_hook(hook_url, secret=SECRET)

    def apply(self, person: Person) -> str:
        case = self.desk.apply(
            person.given_name, person.family_name, emails=[person.email], job_id=self.job
        )
        return str(case)

    def reject(self, case: str) -> None:
        self.desk.reject(int(case), self.desk.reason("Too Junior"))

    def reject_in_bulk(self, cases: Sequence[str]) -> None:
        for case in cases:
            self.desk.reject(int(case), self.desk.reason("Too Junior"), in_bulk=True)

    def withdraw(self, case: str) -> None:
        self.desk.withdraw(int(case))

    def unreject(self, case: str) -> None:
        self.desk.unreject(int(case))

    def erase(self, case: str) -> None:
        self.desk.delete_candidate(self._candidate(case))

    def record(self, case: str) -> Record:
        if int(case) not in {row["id"] for row in self.desk.applications()}:
            return Record()
        person = self._candidate(case)
        link = self.desk.fields(person).get(FIELD)
        return Record(
            links=(link,) if link else (),
            notes=tuple(note["body"] for note in self.desk.notes(person)),
            tags=tuple(self.desk.tags(person)),
        )

    def _candidate(self, case: str) -> int:
        return self.desk.application(int(case))["candidate_id"]


def story(clock: Callable[[], datetime]) -> Story:
    """An organisation with nobody in it yet."""
    return GreenhouseStory(clock)
