"""What happens at one company, for the conformance run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from careerrelay.connectors.testing import Person, Record, Story

from .standin import RecruiteeStandIn

LINK = re.compile(r'href="(https?://[^"]+/r/[^"]+)"')


class RecruiteeStory(Story):
    """One company; each person applies for an offer of their own, and gets the notice from it."""

    # What became of the case, the same once more before the mail, the mail.
    least_calls = 3

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.vendor = RecruiteeStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return {
            "api_url": url,
            "company_id": "12345",
            "api_token": self.vendor.token,
            "webhook_secret": self.vendor.secret,
            "mailbox_send": "on",
            "notice_delay_days": "0",
        }

    def reasons(self) -> Mapping[str, str]:
        return {"Underqualified": "Underqualified"}

    def apply(self, person: Person) -> str:
        name = f"{person.given_name} {person.family_name}"
        return self.vendor.apply(name=name, email=person.email, job="営業")

    def reject(self, case: str) -> None:
        self.vendor.disqualify(case)

    def withdraw(self, case: str) -> None:
        """By a reason that the company does not map as its own."""
        self.vendor.disqualify(case, reason=6)

    def unreject(self, case: str) -> None:
        self.vendor.requalify(case)

    def erase(self, case: str) -> None:
        self.vendor.erase(_person(case))

    def record(self, case: str) -> Record:
        known = self.vendor.candidates.get(_person(case))
        notes = self.vendor.notes.get(_person(case), ())
        mails = [m["bodyHtml"] for m in self.vendor.mails if _person(case) == _to(m)]
        return Record(
            links=tuple(link for text in mails for link in LINK.findall(text)),
            notes=tuple(note["body"] for note in notes),
            tags=tuple(known["tags"]) if known else (),
        )


def _to(mail: Mapping[str, Any]) -> str:
    return str(mail["to"][0]["candidateId"])


def _person(case: str) -> str:
    return case.partition(":")[0]


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return RecruiteeStory(clock)
