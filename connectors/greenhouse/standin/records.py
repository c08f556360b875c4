"""What the stand-in knows: people, cases, fields, notes; and how v3 shows each row.

Field names are those of the v3 reference; ids are integers, as the vendor's are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

# Notes are written with one word and read with another.
VISIBILITIES = {
    "admin_only": "admin_only_visible",
    "private": "privately_visible",
    "public": "publicly_visible",
}
REASON_TYPES = {
    "WE_REJECTED_THEM": "We rejected them",
    "THEY_REJECTED_US": "They rejected us",
    "NONE_SPECIFIED": "None Specified",
}
STAGE_NAMES = ("Application Review", "Phone Interview", "Face to Face", "Offer")


@dataclass(slots=True)
class CustomField:
    """A candidate (or other) custom field; ``token`` is its email token without braces."""

    id: int
    name: str
    name_key: str
    token: str | None = None
    field_type: str = "candidate"
    value_type: str = "url"
    private: bool = False
    active: bool = True

    def row(self) -> Row:
        token = f"{{{{{self.token}}}}}" if self.token else None
        return {
            "id": self.id,
            "name": self.name,
            "name_key": self.name_key,
            "field_type": self.field_type,
            "value_type": self.value_type,
            "private": self.private,
            "active": self.active,
            "required": False,
            "template_token_string": token,
        }


@dataclass(slots=True)
class RejectionReason:
    """``default``: one of the vendor's own, listed only with include_defaults."""

    id: int
    name: str
    type_key: str
    default: bool = False

    def row(self) -> Row:
        kind = {
            "id": list(REASON_TYPES).index(self.type_key) + 1,
            "key": self.type_key,
            "name": REASON_TYPES[self.type_key],
        }
        return {"id": self.id, "name": self.name, "type": kind}


@dataclass(slots=True)
class JobRecord:
    id: int
    name: str
    confidential: bool
    created_at: datetime

    def row(self) -> Row:
        return {
            "id": self.id,
            "name": self.name,
            "confidential": self.confidential,
            "status": "open",
            "created_at": moment(self.created_at),
            "updated_at": moment(self.created_at),
        }


@dataclass(slots=True)
class Person:
    """A candidate; ``values`` by name_key, ``emails`` as (address, type)."""

    id: int
    first_name: str
    last_name: str
    emails: list[tuple[str, str]]
    created_at: datetime
    updated_at: datetime
    can_email: bool = True
    private: bool = False
    values: dict[str, Any] = field(default_factory=dict)

    def addresses(self) -> list[Row]:
        return [{"value": value, "type": kind} for value, kind in self.emails]


@dataclass(slots=True)
class Case:
    """An application or a prospect; ``reason_id`` while it is rejected."""

    id: int
    candidate_id: int
    job_id: int | None
    source_id: int | None
    prospect: bool
    created_at: datetime
    updated_at: datetime
    status: str = "in_process"
    stage_name: str | None = STAGE_NAMES[0]
    rejected_at: datetime | None = None
    reason_id: int | None = None

    def row(self) -> Row:
        return {
            "id": self.id,
            "candidate_id": self.candidate_id,
            "job_id": self.job_id,
            "job_post_id": None,
            "status": self.status,
            "stage_id": self.id * 10 if self.stage_name else None,
            "stage_name": self.stage_name,
            "rejected_at": moment(self.rejected_at),
            "created_at": moment(self.created_at),
            "updated_at": moment(self.updated_at),
            "last_activity_at": moment(self.updated_at),
            "prospect": self.prospect,
            "prospective_job_ids": [],
            "source_id": self.source_id,
            "custom_fields": {},
        }

    def rejection_row(self) -> Row:
        return {
            "id": self.id + 900_000_000,
            "application_id": self.id,
            "rejection_reason_id": self.reason_id,
            "rejection_note_id": None,
            "rejected_by_id": None,
            "rejected_at": moment(self.rejected_at),
            "question_custom_fields": {},
            "created_at": moment(self.rejected_at),
            "updated_at": moment(self.rejected_at),
        }


class Records:
    """All tables of one organisation, with the rows each list endpoint shows."""

    def __init__(self) -> None:
        self._ids = itertools.count(1001)
        self.jobs: dict[int, JobRecord] = {}
        self.people: dict[int, Person] = {}
        self.cases: dict[int, Case] = {}
        self.fields: dict[int, CustomField] = {}
        self.reasons: dict[int, RejectionReason] = {}
        self.sources: dict[int, tuple[str, str]] = {}
        self.notes: dict[int, Row] = {}
        self.tags: dict[int, str] = {}
        self.applied: dict[int, tuple[int, int]] = {}
        self._seed()

    def _seed(self) -> None:
        for name, kind in (
            ("Too Junior", "WE_REJECTED_THEM"),
            ("Withdrew", "THEY_REJECTED_US"),
            ("Other", "NONE_SPECIFIED"),
        ):
            self.add_reason(name, type_key=kind, default=True)
        for name, kind in (
            ("Jobs page on your website", "Company marketing"),
            ("Referral", "Referral"),
            ("LinkedIn (Prospecting)", "Prospecting"),
        ):
            self.sources[self.new_id()] = (name, kind)

    def new_id(self) -> int:
        """Ids rise, so 'newest first' is 'highest first'."""
        return next(self._ids)

    def add_reason(self, name: str, *, type_key: str, default: bool = False) -> int:
        reason = RejectionReason(self.new_id(), name, type_key, default)
        self.reasons[reason.id] = reason
        return reason.id

    def field_by_key(self, name_key: str) -> CustomField | None:
        return next((f for f in self.fields.values() if f.name_key == name_key), None)

    def tags_of(self, candidate_id: int) -> list[str]:
        return [self.tags[tag] for person, tag in self.applied.values() if person == candidate_id]

    def cases_of(self, candidate_id: int) -> list[Case]:
        return [case for case in self.cases.values() if case.candidate_id == candidate_id]

    def shown_fields(self, person: Person) -> dict[str, Row]:
        """Every active candidate field, null where empty, as v3 and the hooks both show it."""
        return {
            f.name_key: {
                "name": f.name,
                "type": f.value_type,
                "value": person.values.get(f.name_key),
            }
            for f in self.fields.values()
            if f.field_type == "candidate" and f.active
        }

    def person_row(self, person: Person) -> Row:
        return {
            "id": person.id,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "email_addresses": person.addresses(),
            "can_email": person.can_email,
            "private": person.private,
            "tags": self.tags_of(person.id),
            "custom_fields": self.shown_fields(person),
            "created_at": moment(person.created_at),
            "updated_at": moment(person.updated_at),
            "last_activity_at": moment(person.updated_at),
        }

    def rows(
        self, resource: str, *, include_defaults: bool = False, ids: Iterable[int] | None = None
    ) -> Iterable[Row]:
        """What ``GET /v3/<resource>`` lists, before filters and order.

        Candidates only with these ``ids``, for their rows are long and a backfill asks often.
        """
        people = self.people if ids is None else self.people.keys() & frozenset(ids)
        return {
            "applications": lambda: (case.row() for case in self.cases.values()),
            "candidates": lambda: (self.person_row(self.people[id_]) for id_ in people),
            "jobs": lambda: (job.row() for job in self.jobs.values()),
            "custom_fields": lambda: (f.row() for f in self.fields.values()),
            "notes": lambda: self.notes.values(),
            "rejection_details": lambda: (
                case.rejection_row() for case in self.cases.values() if case.status == "rejected"
            ),
            "rejection_reasons": lambda: (
                reason.row()
                for reason in self.reasons.values()
                if include_defaults or not reason.default
            ),
            "sources": lambda: (
                {"id": key, "name": name, "type": {"id": key, "name": kind}}
                for key, (name, kind) in self.sources.items()
            ),
            "candidate_tags": lambda: (
                {"id": key, "name": name} for key, name in self.tags.items()
            ),
            "applied_candidate_tags": lambda: (
                {"id": key, "candidate_id": person, "candidate_tag_id": tag}
                for key, (person, tag) in self.applied.items()
            ),
        }[resource]()


def moment(value: datetime | None) -> str | None:
    """v3's times: UTC with milliseconds."""
    if value is None:
        return None
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03}Z"
