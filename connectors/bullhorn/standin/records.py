"""What the stand-in keeps: people, jobs, submissions with their history, notes and files."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

Record = dict[str, Any]
STATUSES = [
    "New Lead",
    "Submitted",
    "Interview Scheduled",
    "Client Rejected",
    "Internally Rejected",
    "Candidate Not Interested",
    "Placed",
]
QUESTIONS = {
    "dateLastModified": re.compile(r"dateLastModified>=(\d+)"),
    "id": re.compile(r"id IN \((\d+(?:,\d+)*)\)"),
    "jobSubmission": re.compile(r"jobSubmission\.id IN \((\d+(?:,\d+)*)\)"),
}


class Archive:
    """Every change of a submission moves its time and leaves a line of history."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._last = 1000
        self.words: Record = {
            "jobResponseStatusList": STATUSES,
            "rejectedJobResponseStatus": "Client Rejected",
        }
        self.people: dict[int, Record] = {}
        self.jobs: dict[int, Record] = {}
        self.submissions: dict[int, Record] = {}
        self.history: list[Record] = []
        self.notes: list[Record] = []
        self.files: list[Record] = []

    def now(self) -> int:
        return int(self._clock().timestamp() * 1000)

    def submit(self, *, name: str, email: str, client: int, **person: Any) -> int:
        given, _, family = name.partition(" ")
        with self._lock:
            who, job, case = self._id(), self._id(), self._id()
            self.people[who] = {
                "id": who,
                "firstName": given,
                "lastName": family,
                "name": name,
                "email": email,
                "email2": None,
                "isDeleted": False,
                "isAnonymized": None,
                "massMailOptOut": False,
                "status": "Active",
                "source": "Web",
            } | person
            corporation = {"id": client, "name": "Example KK"}
            self.jobs[job] = {"id": job, "title": "営業", "clientCorporation": corporation}
            self.submissions[case] = {
                "id": case,
                "status": "Submitted",
                "dateAdded": self.now(),
                "dateLastModified": self.now(),
                "isDeleted": False,
                "source": "Web",
                "candidate": who,
                "jobOrder": job,
            }
            self._remember(case)
            return case

    def change(self, case: int, values: Record) -> None:
        with self._lock:
            self.submissions[case] |= values | {"dateLastModified": self.now()}
            self._remember(case)

    def person_of(self, case: int) -> Record:
        return self.people[self.submissions[case]["candidate"]]

    def whole(self, row: Record) -> Record:
        """A submission with person and job in their places."""
        found = dict.fromkeys(map("customText{}".format, range(1, 26))) | row
        return found | {
            "candidate": self.people[row["candidate"]],
            "jobOrder": self.jobs[row["jobOrder"]],
        }

    def found(self, entity: str, where: str) -> list[Record] | None:
        """The rows that a question means; None for one that is not understood."""
        held = {
            "JobSubmission": [self.whole(row) for row in self.submissions.values()],
            "JobSubmissionHistory": self.history,
        }.get(entity)
        asked = ((name, ask.fullmatch(where)) for name, ask in QUESTIONS.items())
        name, match = next(((n, m) for n, m in asked if m), ("", None))
        if held is None or match is None:
            return None
        if name == "dateLastModified":
            return [row for row in held if row[name] >= int(match[1])]
        ids = {int(number) for number in match[1].split(",")}
        return [row for row in held if (row if name == "id" else row[name])["id"] in ids]

    def keep(self, rows: list[Record], row: Record) -> int:
        with self._lock:
            rows.append(row | {"id": self._id()})
            return rows[-1]["id"]

    def _remember(self, case: int) -> None:
        self.history.append(
            {
                "id": self._id(),
                "status": self.submissions[case]["status"],
                "dateAdded": self.now(),
                "jobSubmission": {"id": case},
            }
        )

    def _id(self) -> int:
        with self._lock:
            self._last += 1
            return self._last


def projected(row: Any, wanted: str) -> Any:
    """Only the fields that were asked for: ``id,candidate(id,email)``."""
    if row is None:
        return None
    return {
        name: projected(row.get(name), inner) if inner else row.get(name)
        for name, inner in _split(wanted)
    }


def _split(wanted: str) -> list[tuple[str, str]]:
    """Names with what stands in brackets behind them."""
    parts, depth = [""], 0
    for sign in wanted:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [(name, inner.removesuffix(")")) for name, _, inner in (p.partition("(") for p in parts)]
