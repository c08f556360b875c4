"""The stand-in's web hooks: bodies of the documented shape, escaped and signed as the vendor's.

https://developers.greenhouse.io/webhooks.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .records import Case, JobRecord, Person, Records, Row

# The vendor escapes these in JSON before it signs, and so must whoever checks the digest.
ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
STATUSES = {"in_process": "active", "converted": "active"}


@dataclass(slots=True)
class Hook:
    """One row of Configure > Dev Center > Web Hooks. ``disabled`` after a ping that failed."""

    url: str
    secret: str
    events: tuple[str, ...]
    disabled: bool = False

    def wants(self, action: str) -> bool:
        return not self.disabled and (not self.events or action in self.events)


def encode(action: str, payload: Row) -> bytes:
    """The body's bytes: non-ASCII and ``<>&`` as escapes."""
    text = json.dumps(
        {
            "action": action,
            "payload": payload,
            "organization_id": 7,
            "organization_name": "Example",
        },
        separators=(",", ":"),
    )
    for character, escape in ESCAPED.items():
        text = text.replace(character, escape)
    return text.encode("ascii")


def headers(body: bytes, *, secret: str) -> dict[str, str]:
    """Headers of one event; a retry repeats them with the same event id."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "Signature": f"sha256 {digest}",
        "Greenhouse-Event-ID": str(uuid.uuid4()),
        "User-Agent": "Greenhouse Stand-in",
    }


def application_payload(records: Records, case: Case) -> Row:
    """``payload`` of every hook that speaks of one case."""
    person, reason = records.people[case.candidate_id], records.reasons.get(case.reason_id or 0)
    source = records.sources.get(case.source_id or 0)
    job = records.jobs.get(case.job_id or 0)
    application: dict[str, Any] = {
        "id": case.id,
        "rejected_at": second(case.rejected_at),
        "prospect": case.prospect,
        "status": STATUSES.get(case.status, case.status),
        "applied_at": second(case.created_at),
        "last_activity_at": second(case.updated_at),
        "url": f"https://app.greenhouse.io/people/{person.id}?application_id={case.id}",
        "source": {"id": case.source_id, "public_name": source[0]} if source else None,
        "credited_to": None,
        "rejection_reason": reason_payload(reason.row()) if reason else None,
        "rejection_details": {"custom_fields": {}} if reason else None,
        "current_stage": (
            {"id": case.id * 10, "name": case.stage_name, "interviews": []}
            if case.stage_name
            else None
        ),
        "custom_fields": {},
        "candidate": candidate_payload(records, person),
        "jobs": [job_payload(job)] if job else [],
    }
    return {"application": application}


def reason_payload(row: Row) -> Row:
    """Hooks know the type's name, not its key."""
    return {**row, "type": {"id": row["type"]["id"], "name": row["type"]["name"]}}


def candidate_payload(records: Records, person: Person) -> Row:
    return {
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "title": None,
        "company": None,
        "created_at": second(person.created_at),
        "url": f"https://app.greenhouse.io/people/{person.id}",
        "is_private": person.private,
        "can_email": person.can_email,
        "phone_numbers": [],
        "email_addresses": person.addresses(),
        "addresses": [],
        "attachments": [],
        "tags": records.tags_of(person.id),
        "custom_fields": records.shown_fields(person),
    }


def job_payload(job: JobRecord) -> Row:
    return {
        "id": job.id,
        "name": job.name,
        "requisition_id": None,
        "confidential": job.confidential,
        "status": "open",
        "departments": [],
        "offices": [],
        "custom_fields": {},
    }


def hire_payload(records: Records, case: Case) -> Row:
    """``hire_candidate`` is the odd one: no status and no times of the case, but an offer."""
    application = application_payload(records, case)["application"]
    for absent in ("rejected_at", "status", "applied_at", "last_activity_at", "current_stage"):
        del application[absent]
    application["offer"] = {"id": case.id, "version": 1, "resolved_at": second(case.updated_at)}
    return {"application": application}


def second(value: datetime | None) -> str | None:
    """Hooks' times: UTC, whole seconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value else None


def ping_payload(hook: Hook) -> Row:
    """Sent when a hook is created or edited; without success the hook is saved disabled."""
    now = second(datetime.now(UTC))
    return {
        "web_hook_id": 4001693002,
        "endpoint_url": hook.url,
        "created_at": now,
        "updated_at": now,
        "name": "CareerRelay",
        "event": hook.events[0] if hook.events else "All events",
        "active": not hook.disabled,
        "content-type": "application/json",
    }
