"""The company's rejection mail: a template whose tokens are resolved when it is sent.

https://support.greenhouse.io/hc/en-us/articles/360007039771
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .records import Case, Records

TOKEN = re.compile(r"\{\{\s*([A-Z0-9_]+)\s*\}\}")
CANDIDATE_TOKENS = ("CANDIDATE_FIRST_NAME", "CANDIDATE_LAST_NAME", "CANDIDATE_NAME")
APPLICATION_TOKENS = ("JOB_NAME",)


@dataclass(frozen=True, slots=True)
class RejectionTemplate:
    """A Candidate Rejection template."""

    subject: str = "Your application for {{JOB_NAME}}"
    text: str = (
        "Dear {{CANDIDATE_FIRST_NAME}},\n\n"
        "Thank you for applying for {{JOB_NAME}}. We will not go on with your application.\n\n"
        "{{CAREERRELAY_LINK}}\n"
    )

    def check(self, records: Records) -> None:
        """The editor refuses tokens it does not know."""
        known = {*CANDIDATE_TOKENS, *APPLICATION_TOKENS}
        known |= {field.token for field in records.fields.values() if field.token}
        unknown = sorted(set(TOKEN.findall(self.subject + self.text)) - known)
        if unknown:
            raise ValueError(f"unknown token {unknown[0]}")

    def written_for(
        self, records: Records, case: Case, *, in_bulk: bool
    ) -> tuple[str, str, str] | None:
        """(to, subject, text), or None for a person without address or not to be mailed."""
        person = records.people[case.candidate_id]
        if not person.emails or not person.can_email:
            return None
        words = tokens(records, case)
        if in_bulk:
            words = {**words, **dict.fromkeys(APPLICATION_TOKENS, "")}
        return person.emails[0][0], fill(self.subject, words), fill(self.text, words)


def tokens(records: Records, case: Case) -> dict[str, str]:
    """What each token stands for now; a field that is empty gives nothing."""
    person, job = records.people[case.candidate_id], records.jobs.get(case.job_id or 0)
    custom = {
        field.token: str(person.values.get(field.name_key) or "")
        for field in records.fields.values()
        if field.token
    }
    return {
        "CANDIDATE_FIRST_NAME": person.first_name,
        "CANDIDATE_LAST_NAME": person.last_name,
        "CANDIDATE_NAME": f"{person.first_name} {person.last_name}",
        "JOB_NAME": job.name if job else "",
        **custom,
    }


def fill(text: str, words: Mapping[str, str]) -> str:
    return TOKEN.sub(lambda token: words.get(token[1], ""), text)
