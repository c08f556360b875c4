"""Recruitee in miniature: candidates on offers, notes, tags, the search, signed web hooks.

As documented: only 200 acknowledges a web hook, a test without signature comes before the secret
exists, a wrong company is refused, and the search ignores what it does not know and then finds
everybody.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from careerrelay.connectors import (
    hmac_sha256_hex,
    utcnow,
)
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/c/12345"
REASONS = {5: "Underqualified", 6: "Withdrew"}
MAIL_KEYS = {
    *("to", "cc", "bcc", "subject", "bodyHtml", "replyToMessageId", "attachments", "admins"),
    *("visibility", "sendAt", "sendAtTimezone", "adminIds"),
}
Answer = tuple[int, Any]
Record = dict[str, Any]


class RecruiteeStandIn(StandIn):
    """Company 12345; ``token`` opens it with all its user's rights, or without ``allowed``."""

    retry_seconds = (60.0, 300.0, 1800.0, 7200.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.token = secrets.token_urlsafe(24)
        self.secret = secrets.token_hex(16)
        self.allowed = True
        self.tags_replace = False
        self.candidates: dict[str, Record] = {}
        self.offers: dict[int, str] = {}
        self.notes: dict[str, list[Record]] = {}
        self.mails: list[Record] = []
        self.may_send = True
        self._deliveries_made = 987654

    # What people do.

    def apply(self, *, name: str, email: str, job: str, source: str = "career_site") -> str:
        """A new candidate on a new job; the case's id."""
        with self.lock:
            person, offer = str(44 + len(self.candidates)), 26 + len(self.offers)
            self.offers[offer] = job
            self.candidates[person] = {
                "id": int(person),
                "name": name,
                "emails": [email],
                "source": source,
                "tags": [],
                "adminapp_url": f"https://app.recruitee.com/#/candidates/{person}",
                "created_at": self._now(),
                "updated_at": self._now(),
                "last_activity_at": self._now(),
                "placements": [self._placement(offer)],
            }
            self.notes[person] = []
        self._tell("candidate_created", None, person, offers=[{"id": offer, "kind": "job"}])
        return f"{person}:{offer}"

    def disqualify(self, case: str, *, reason: int | None = 5) -> None:
        end = {"disqualified_at": self._now(), "disqualify_reason": REASONS.get(reason or 0)}
        self._move(case, "disqualified", end)

    def requalify(self, case: str) -> None:
        end = {"disqualified_at": None, "disqualify_reason": None}
        self._move(case, "requalified", end)

    def hire(self, case: str) -> None:
        self._move(case, "stage_changed", {"hired_at": self._now()})

    def erase(self, person: str) -> None:
        with self.lock:
            record = self.candidates.pop(person)
            del self.notes[person]
        self._send("candidate_deleted", None, {"candidate": {"id": record["id"]}})

    def verify_hook(self, url: str) -> bool:
        """ "Verify and create": an unsigned test that must be answered with exactly 200."""
        headers = {"User-Agent": "Recruitee-Webhooks", "Content-Type": "application/json"}
        return self.ping(url, b'{"test": true}', headers)

    def accepted(self, status: int) -> bool:
        return status == 200

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.json_response(401, {"error": ["Unauthorized"]})
        if not self.allowed:
            return self.json_response(403, {"error": ["Forbidden"]})
        return self.limit("token", calls=50, seconds=1)

    @route("GET", BASE + "/candidates/<person>")
    def get_candidate(self, request: Request, person: str) -> Answer:  # noqa: ARG002
        record = self.candidates.get(person)
        if record is None:
            return self._missing()
        offers = [{"type": "Offer", "id": id_, "title": t} for id_, t in self.offers.items()]
        stages = [{"type": "Stage", "id": 7, "name": "Applied"}]
        return 200, {"candidate": record, "references": [*offers, *stages]}

    @route("GET", BASE + "/search/new/candidates")
    def search(self, request: Request) -> Answer:
        """Filters and orders it does not know are ignored without a word."""
        try:
            filters = json.loads(request.args.get("filters_json", "[]"))
        except ValueError:
            filters = []
        wanted = {"field": "status", "in": ["disqualified"]}
        with self.lock:
            found = [
                record
                for record in self.candidates.values()
                if filters[:1] != [wanted] or any(p["disqualified_at"] for p in _of(record))
            ]
        if request.args.get("sort_by") == "last_activity_at_desc":
            found.sort(key=lambda record: record["last_activity_at"], reverse=True)
        page, limit = int(request.args.get("page", 1)), int(request.args.get("limit", 100))
        shown = found[(page - 1) * limit : page * limit]
        return 200, {"total": len(found), "hits": [self._hit(record) for record in shown]}

    def _hit(self, record: Record) -> Record:
        places = [
            {
                "offer": {"id": place["offer_id"], "title": self.offers[place["offer_id"]]},
                "disqualified": place["disqualified_at"] is not None,
                "disqualify_reason": place["disqualify_reason"],
            }
            for place in record["placements"]
        ]
        keys = ("id", "name", "emails", "created_at", "last_activity_at")
        return {key: record[key] for key in keys} | {"placements": places}

    @route("GET", BASE + "/candidates/<person>/notes")
    def list_notes(self, request: Request, person: str) -> Answer:  # noqa: ARG002
        return (200, {"notes": self.notes[person]}) if person in self.notes else self._missing()

    @route("POST", BASE + "/candidates/<person>/notes")
    def add_note(self, request: Request, person: str) -> Answer:
        """Every call makes one; its text is shown as HTML."""
        body: Any = request.get_json(silent=True) or {}
        note = body.get("note")
        if person not in self.notes:
            return self._missing()
        if not isinstance(note, dict) or not note.get("body") or "visibility" not in note:
            return 422, {"errors": [{"message": "body can't be blank", "code": "blank"}]}
        with self.lock:
            made = {"id": 77 + len(self.notes[person]), "body": note["body"]}
            self.notes[person].append(made)
        return 201, {"note": made}

    @route("PATCH", BASE + "/bulk/candidates/tags")
    def bulk_tags(self, request: Request) -> Answer:
        """Adds, as its user found; ``tags_replace`` is the day it does not."""
        body: Any = request.get_json(silent=True) or {}
        for id_ in body.get("candidates", []):
            record = self.candidates.get(str(id_))
            if record is None:
                return self._missing()
            with self.lock:
                old = [] if self.tags_replace else record["tags"]
                record["tags"] = list(dict.fromkeys([*old, *body["tags"]]))
        return 200, {}

    @route("GET", BASE + "/email_templates")
    def list_templates(self, request: Request) -> Answer:  # noqa: ARG002
        if not self.may_send:
            return 403, {"error": ["Forbidden"]}
        row = {"id": 12, "title": "Rejection", "subject": "Your application", "body_html": "<p>"}
        return 200, {"email_templates": [row]}

    @route("POST", BASE + "/mailbox/send")
    def send_mail(self, request: Request) -> Answer:
        """One mail a call. What it lacks or does not know is refused: nobody has seen more."""
        body: Any = request.get_json(silent=True) or {}
        if not self.may_send:
            return 403, {"error": ["Forbidden"]}
        to = body.get("to") or [{}]
        known = self.candidates.get(str(to[0].get("candidateId")))
        if request.headers.get("x-json-accent") != "pascal" or set(body) != MAIL_KEYS:
            return 422, {"errors": [{"message": "unknown parameters", "code": "invalid"}]}
        if known is None or to[0].get("candidateEmail") not in known["emails"]:
            return 422, {"errors": [{"message": "to is invalid", "code": "invalid"}]}
        if not body["subject"] or not body["bodyHtml"]:
            return 422, {"errors": [{"message": "can't be blank", "code": "blank"}]}
        with self.lock:
            self.mails.append(body)
        return 200, {}

    @route("GET", BASE + "/disqualify_reasons")
    def list_reasons(self, request: Request) -> Answer:  # noqa: ARG002
        rows = [{"id": id_, "name": name, "position": id_} for id_, name in REASONS.items()]
        return 200, {"disqualify_reasons": rows}

    def _placement(self, offer: int) -> Record:
        ends = dict.fromkeys(("disqualified_at", "disqualify_reason", "hired_at"))
        return {"id": 500 + offer, "offer_id": offer, "stage_id": 7, "created_at": self._now()} | (
            ends
        )

    def _move(self, case: str, subtype: str, values: Record) -> None:
        person, _, offer = case.partition(":")
        with self.lock:
            record = self.candidates[person]
            place = next(p for p in record["placements"] if str(p["offer_id"]) == offer)
            place |= values
            record |= {"updated_at": self._now(), "last_activity_at": self._now()}
        part = {"id": int(offer), "title": self.offers[int(offer)], "kind": "job"}
        self._tell("candidate_moved", subtype, person, offer=part)

    def _tell(self, event: str, subtype: str | None, person: str, **parts: Any) -> None:
        record = self.candidates[person]
        keys = ("id", "name", "emails", "source", "created_at", "updated_at")
        candidate = {key: record[key] for key in keys}
        self._send(event, subtype, {"candidate": candidate, "details": {}, **parts})

    def _send(self, event: str, subtype: str | None, payload: Record) -> None:
        if not self.hook_url:
            return
        self._deliveries_made += 1
        hook = {
            "id": self._deliveries_made,
            "event_type": event,
            "event_subtype": subtype,
            "attempt_count": 1,
            "created_at": self._now(),
            "payload": payload | {"company": {"id": 12345, "name": "Acme"}},
        }
        body = json.dumps(hook, ensure_ascii=False).encode()
        signature = hmac_sha256_hex(self.secret, body)
        self.deliver(self.hook_url, body, {"X-Recruitee-Signature": signature})

    def _missing(self) -> Answer:
        return 404, {"error": ["Not found"]}

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _of(record: Record) -> list[Record]:
    return record["placements"]


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = RecruiteeStandIn()
    case = stand_in.apply(name="Hanako Example", email="hanako@example.jp", job="営業")
    person = case.partition(":")[0]
    stand_in.candidates[person]["tags"] = ["vip"]
    stand_in.disqualify(case)
    return Scene.rejected(
        stand_in,
        case,
        person=person,
        settings=lambda url: {
            "api_url": url,
            "company_id": "12345",
            "api_token": stand_in.token,
            "webhook_secret": stand_in.secret,
            "mailbox_send": "on",
        },
        effects=lambda: {
            "tags": list(stand_in.candidates[person]["tags"]),
            "notes": [note["body"] for note in stand_in.notes[person]],
            "mails": [mail["bodyHtml"] for mail in stand_in.mails],
        },
    )
