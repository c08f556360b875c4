"""The state of a pretended Lever account: people, cases, notes, and what changes them.

Records have the shape of live answers. No HTTP here; ``emit`` hears of every event that Lever
would send a web hook for. All times are milliseconds since 1970.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

Emit = Callable[[str, dict[str, Any], str], None]
Record = dict[str, Any]

REASONS = (
    ("Under- qualified", "active", "non-hired"),
    ("Timing", "active", "non-hired"),
    ("Withdrew", "active", "non-hired"),
    ("Offer declined", "active", "non-hired"),
    ("Position closed", "active", "non-hired"),
    ("No Response - OLD", "inactive", "non-hired"),
    ("Hired", "active", "hired"),
)
STAGES = {
    "lead-new": "New lead",
    "applicant-new": "New applicant",
    "49422c7e-5b86-4a06-9386-d432f6e98d57": "HM Review",
    "25cba92d-7eaf-4d42-83f9-38874c95ef1b": "On-site interview",
    "offer": "Offer",
}


class LeverAccount:
    """One company's Lever, as its recruiters change it."""

    def __init__(self, clock: Callable[[], datetime], emit: Emit) -> None:
        self._clock = clock
        self._emit = emit
        self._last = 0
        self._lock = threading.Lock()
        self.opportunities: dict[str, Record] = {}
        self.applications: dict[str, Record] = {}
        self.contacts: dict[str, Record] = {}
        self.postings: dict[str, Record] = {}
        self.users: dict[str, Record] = {}
        self.notes: dict[str, list[Record]] = {}
        self.deleted: list[Record] = []
        self.reasons = [
            {"id": str(uuid.uuid4()), "text": text, "status": status, "type": kind}
            for text, status, kind in REASONS
        ]
        self.user = self.add_user()

    # What an administrator sets up.

    def add_user(self, *, deactivated: bool = False) -> str:
        """A user of the account; its id."""
        user = {
            "id": str(uuid.uuid4()),
            "name": "CareerRelay",
            "accessRole": "super admin",
            "deactivatedAt": self.now() if deactivated else None,
        }
        self.users[user["id"]] = user
        return user["id"]

    def add_posting(self, text: str) -> str:
        """A published job; its id."""
        posting = {"id": str(uuid.uuid4()), "text": text, "state": "published"}
        self.postings[posting["id"]] = posting
        return posting["id"]

    def reason(self, text: str) -> str:
        """The id of an archive reason by its text."""
        return next(r["id"] for r in self.reasons if r["text"] == text)

    # What candidates and recruiters do.

    def apply(
        self,
        posting: str | None,
        *,
        name: str,
        email: str,
        origin: str = "applied",
        contact: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """A new opportunity, for a new person or for ``contact``; its id."""
        moment = self.now(at)
        person = contact or self._add_contact(name, email)
        case = str(uuid.uuid4())
        self.opportunities[case] = _opportunity(case, person, origin=origin, moment=moment)
        self.notes[case] = []
        applied = self._add_application(case, posting, moment=moment) if posting else None
        data = {"applicationId": applied, "opportunityId": case, "contactId": person}
        self._emit("applicationCreated", data, origin)
        return case

    def archive(self, case: str, *, reason: str = "", at: datetime | None = None) -> None:
        """Archive for ``reason`` (an id; empty: the first of the list)."""
        record = self.opportunities[case]
        before = record["archived"]
        chosen = reason or self.reasons[0]["id"]
        moment = self.now(at)
        record["archived"] = {"reason": chosen, "archivedAt": moment}
        record["updatedAt"] = max(record["updatedAt"], moment)
        for applied in record["applications"]:
            self.applications[applied]["archived"] = {"reason": chosen, "archivedAt": moment - 7}
        self._archive_change(record, before)

    def unarchive(self, case: str) -> None:
        """Take the archiving back."""
        record = self.opportunities[case]
        before, record["archived"] = record["archived"], None
        record["updatedAt"] = self.now()
        self._archive_change(record, before)

    def hire(self, case: str) -> None:
        """Mark as hired, which archives with the reason of type ``hired``."""
        hired = next(r["id"] for r in self.reasons if r["type"] == "hired")
        self.archive(case, reason=hired)
        record = self.opportunities[case]
        self._emit("candidateHired", _ids(record), record["origin"])

    def move(self, case: str, *, stage: str) -> None:
        """Move to another stage."""
        record = self.opportunities[case]
        data = {**_ids(record), "fromStageId": record["stage"], "toStageId": stage}
        record["stage"] = stage
        record["updatedAt"] = self.now()
        self._emit("candidateStageChange", data, record["origin"])

    def delete(self, case: str) -> None:
        """Delete the opportunity for good; other cases of the contact stay."""
        record = self.opportunities.pop(case)
        self.deleted.append({"id": case, "deletedAt": self.now(), "deletedBy": self.user})
        data = {
            "opportunityId": case,
            "contactId": record["contact"],
            "deletedBy": self.user,
        }
        self._emit("candidateDeleted", data, record["origin"])

    def anonymise(self, case: str) -> None:
        """Anonymise the person: nothing is left on any of the cases. Sends no web hook."""
        person = self.opportunities[case]["contact"]
        self.contacts[person] |= {"name": "", "emails": [], "links": [], "isAnonymized": True}
        for record in self._cases_of(person):
            record |= {"isAnonymized": True, "updatedAt": self.now()}

    def forbid_contact(self, case: str) -> None:
        """The person withdrew the consent to be contacted."""
        person = self.contacts[self.opportunities[case]["contact"]]
        person["dataProtection"] = {
            "store": {"allowed": True, "expiresAt": None},
            "contact": {"allowed": False, "expiresAt": None},
        }

    def hide(self, case: str) -> None:
        """Make the opportunity confidential."""
        self.opportunities[case]["confidentiality"] = "confidential"

    # What an integration does.

    def add_note(self, case: str, text: str, *, user: str) -> Record:
        """A note on an opportunity, as the API answers it."""
        moment = self.now()
        field = {"type": "note", "text": "Comment", "value": text, "user": user}
        note = {
            "id": str(uuid.uuid4()),
            "text": "Note",
            "fields": [field | {"createdAt": moment, "score": None}],
            "user": user,
            "secret": False,
            "completedAt": moment,
            "createdAt": moment,
            "deletedAt": None,
        }
        self.notes[case].insert(0, note)
        return note

    def add_tags(self, case: str, tags: Sequence[str]) -> None:
        """Add tags; one that is there stays once."""
        record = self.opportunities[case]
        record["tags"] = list(dict.fromkeys([*record["tags"], *tags]))
        record["updatedAt"] = self.now()

    def add_links(self, case: str, links: Sequence[str]) -> None:
        """Add links to the person; one that is there stays once."""
        person = self.contacts[self.opportunities[case]["contact"]]
        person["links"] = list(dict.fromkeys([*person["links"], *links]))

    # What one can look at.

    def view(self, case: str, *, expand: Sequence[str] = ()) -> Record:
        """An opportunity as the API shows it."""
        record = dict(self.opportunities[case])
        person = self.contacts[record["contact"]]
        record |= {"name": person["name"], "emails": person["emails"], "links": person["links"]}
        if "contact" in expand:
            record["contact"] = {k: v for k, v in person.items() if k != "links"}
        if "stage" in expand:
            record["stage"] = {"id": record["stage"], "text": STAGES[record["stage"]]}
        if "applications" in expand:
            record["applications"] = [self.applications[a] for a in record["applications"]]
        return record

    def note_texts(self, case: str) -> list[str]:
        """The texts of all notes on an opportunity, newest first."""
        return [field["value"] for note in self.notes[case] for field in note["fields"]]

    def tags(self, case: str) -> list[str]:
        """The tags of an opportunity."""
        return list(self.opportunities[case]["tags"])

    def links(self, case: str) -> list[str]:
        """The links of the person of an opportunity."""
        return list(self.contacts[self.opportunities[case]["contact"]]["links"])

    def now(self, at: datetime | None = None) -> int:
        """Milliseconds; of ``at``, or of the clock and never the same twice."""
        if at is not None:
            return round(at.timestamp() * 1000)
        with self._lock:
            self._last = max(self._last + 1, round(self._clock().timestamp() * 1000))
            return self._last

    def _add_contact(self, name: str, email: str) -> str:
        person = str(uuid.uuid4())
        self.contacts[person] = {
            "id": person,
            "name": name,
            "emails": [email],
            "links": [],
            "isAnonymized": False,
            "dataProtection": None,
        }
        return person

    def _add_application(self, case: str, posting: str, *, moment: int) -> str:
        applied = str(uuid.uuid4())
        self.applications[applied] = {
            "id": applied,
            "type": "posting",
            "candidateId": case,
            "opportunityId": case,
            "posting": posting,
            "createdAt": moment + 1,
            "archived": None,
        }
        self.opportunities[case]["applications"].append(applied)
        return applied

    def _cases_of(self, person: str) -> list[Record]:
        return [
            record for record in list(self.opportunities.values()) if record["contact"] == person
        ]

    def _archive_change(self, record: Record, before: Mapping[str, Any] | None) -> None:
        data = {**_ids(record), "fromArchived": before, "toArchived": record["archived"]}
        self._emit("candidateArchiveChange", data, record["origin"])


def _ids(record: Mapping[str, Any]) -> Record:
    case = record["id"]
    return {"candidateId": case, "opportunityId": case, "contactId": record["contact"]}


def _opportunity(case: str, person: str, *, origin: str, moment: int) -> Record:
    return {
        "id": case,
        "contact": person,
        "stage": "lead-new" if origin == "sourced" else "applicant-new",
        "confidentiality": "non-confidential",
        "archived": None,
        "tags": [],
        "sources": [],
        "origin": origin,
        "applications": [],
        "createdAt": moment,
        "updatedAt": moment,
        "urls": {
            "list": "https://hire.lever.co/candidates",
            "show": f"https://hire.lever.co/candidates/{case}",
        },
        "isAnonymized": False,
        "dataProtection": None,
    }
