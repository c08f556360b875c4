"""Breezy HR in miniature: records on positions, stages of pipelines, streams, threads, web hooks.

As documented or reported: a bare token, one record for each position, tags replaced as a whole, an
attribute of the same name overwritten, an empty message refused, an edit that moves
``updated_date``, and web hooks that are sent once (a retry is documented nowhere).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from careerrelay.connectors import (
    hmac_sha256_hex,
    utcnow,
)
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

COMPANY = "c0123456789a"
BASE = f"/company/{COMPANY}"
RECORD = BASE + "/position/<position>/candidate/<person>"
PIPELINE = "default"
STAGES = {
    "applied": ("Applied", "sourced"),
    "1776873797711": ("Disqualified", "disqualified"),
    "1776873797712": ("Withdrew", "disqualified"),
    "1776873797713": ("Hired", "hired"),
}
ENDED, WITHDREW, HIRED = list(STAGES)[1:]
EVENTS = ("candidateAdded", "candidateStatusUpdated", "candidateDeleted")
THREAD_PAGE = 3
Answer = tuple[int, Any]
Record = dict[str, Any]


class BreezyhrStandIn(StandIn):
    """One company; ``token`` opens it, or without ``allowed`` nothing of it."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.token = secrets.token_hex(16)
        self.secret = f"whsec_{secrets.token_hex(12)}"
        self.allowed = True
        self.positions: dict[str, Record] = {}
        self.people: dict[str, Record] = {}
        self.streams: dict[str, list[Record]] = {}
        self.threads: dict[str, list[Record]] = {}
        self.attributes: dict[str, dict[str, Record]] = {}
        self._made = 0

    def settings(self, url: str) -> dict[str, str]:
        """Those of a connection to the stand-in at that address."""
        return {
            "api_url": url,
            "company_id": COMPANY,
            "api_token": self.token,
            "webhook_secret": self.secret,
        }

    # What people do.

    def open_position(self, name: str) -> str:
        position = self._id("p")
        self.positions[position] = {"_id": position, "name": name, "state": "published"} | {
            "pipeline_id": PIPELINE
        }
        return position

    def apply(self, *, name: str, email: str, position: str, origin: str = "applied") -> str:
        """A new record on a position; the case's id."""
        person = self._id("k")
        with self.lock:
            self.people[person] = {
                "_id": person,
                "meta_id": self._id("m"),
                "name": name,
                "email_address": email,
                "phone_number": "",
                "origin": origin,
                "source": {"id": "", "name": "", "type": ""},
                "stage": _stage("applied"),
                "tags": [],
                "creation_date": self._now(),
                "updated_date": self._now(),
                "position": position,
            }
            self.streams[person], self.threads[person] = [], []
            self.attributes[person] = {}
        self._tell("candidateAdded", person)
        return f"{position}:{person}"

    def move(self, case: str, stage: str) -> None:
        person = case.partition(":")[2]
        with self.lock:
            self.people[person]["stage"] = _stage(stage)
            self._note(person, "candidateStatusUpdated", {"stage": {"id": stage}})
        self._tell("candidateStatusUpdated", person)

    def edit(self, case: str, **values: Any) -> None:
        """Anything about the record, which fires no web hook."""
        with self.lock:
            record = self.people[case.partition(":")[2]]
            record |= values
            record["updated_date"] = self._now()

    def delete(self, case: str, *, silently: bool = False) -> None:
        """Without a web hook where the GDPR deletion does it."""
        person = case.partition(":")[2]
        if not silently:
            self._tell("candidateDeleted", person)
        with self.lock:
            for records in (self.people, self.streams, self.threads, self.attributes):
                del records[person]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        given = request.headers.get("Authorization")
        if not given:
            return self._refuse(400, "missingAccessToken")
        if given != self.token:
            return self._refuse(401, "invalidAccessToken")
        if not self.allowed and request.path.startswith(BASE):
            return self._refuse(403, "forbidden")
        return self.limit("token", calls=100, seconds=60)

    @route("GET", "/companies")
    def list_companies(self, request: Request) -> Answer:  # noqa: ARG002
        return 200, [{"_id": COMPANY, "name": "Example KK", "friendly_id": "example-kk"}]

    @route("GET", BASE + "/positions")
    def list_positions(self, request: Request) -> Response | Answer:
        if set(request.args) - {"state"}:
            return self._refuse(400, "unknownParameter")
        state = request.args.get("state", "published")
        return 200, [p for p in self.positions.values() if p["state"] == state]

    @route("GET", BASE + "/position/<position>")
    def get_position(self, request: Request, position: str) -> Response | Answer:  # noqa: ARG002
        found = self.positions.get(position)
        return (200, found) if found else self._refuse(404, "positionNotFound")

    @route("GET", BASE + "/pipeline/<pipeline>")
    def get_pipeline(self, request: Request, pipeline: str) -> Response | Answer:  # noqa: ARG002
        if pipeline != PIPELINE:
            return self._refuse(404, "pipelineNotFound")
        return 200, {"_id": PIPELINE, "stages": [_stage(stage) for stage in STAGES]}

    @route("GET", BASE + "/position/<position>/candidates")
    def list_candidates(self, request: Request, position: str) -> Response | Answer:
        args = request.args
        size, page = int(args.get("page_size", 50)), int(args.get("page", 1))
        odd = set(args) - {"page_size", "page", "sort"} or size > 50 or page < 1
        if odd or args.get("sort", "created") not in ("created", "updated"):
            return self._refuse(400, "getCandidatesError")
        key = "updated_date" if args.get("sort") == "updated" else "creation_date"
        rows = [p for p in self.people.values() if p["position"] == position]
        rows.sort(key=lambda row: row[key], reverse=True)
        return 200, [_shown(row) for row in rows[(page - 1) * size : page * size]]

    @route("GET", RECORD)
    def get_candidate(self, request: Request, position: str, person: str) -> Response | Answer:  # noqa: ARG002
        return self._found(position, person) or (200, _shown(self.people[person]))

    @route("PUT", RECORD)
    def update_candidate(self, request: Request, position: str, person: str) -> Response | Answer:
        """What is sent replaces what was there, the tags as a whole."""
        body = _body(request)
        if set(body) - {"tags"} or not isinstance(body.get("tags"), list):
            return self._refuse(400, "updateCandidateError")
        refused = self._found(position, person)
        if refused is None:
            self.edit(f"{position}:{person}", tags=list(body["tags"]))
        return refused or (200, _shown(self.people[person]))

    @route("PUT", RECORD + "/custom-attribute")
    def set_attribute(self, request: Request, position: str, person: str) -> Response | Answer:
        body = _body(request)
        if set(body) != {"name", "value", "secure"} or not body["name"]:
            return self._refuse(400, "updateCustomAttributeError")
        refused = self._found(position, person)
        if refused is None:
            self.attributes[person][body["name"]] = body
        return refused or (200, body)

    @route("GET", RECORD + "/stream")
    def get_stream(self, request: Request, position: str, person: str) -> Response | Answer:  # noqa: ARG002
        return self._found(position, person) or (200, self.streams[person][::-1])

    @route("POST", RECORD + "/stream")
    def add_comment(self, request: Request, position: str, person: str) -> Response | Answer:
        """Every call makes one."""
        body = _body(request)
        if body.get("type") != "comment" or not body.get("body"):
            return self._refuse(400, "postStreamError")
        refused = self._found(position, person)
        if refused is None:
            self._note(person, "companyNotePosted", {"body": body["body"]})
        return refused or (200, self.streams[person][-1])

    @route("GET", RECORD + "/conversation")
    def get_thread(self, request: Request, position: str, person: str) -> Response | Answer:
        if set(request.args) - {"include_delayed", "skip"}:
            return self._refuse(400, "getConversationError")
        skip = int(request.args.get("skip", 0))
        refused = self._found(position, person)
        thread = self.threads.get(person, [])[::-1]
        return refused or (200, thread[skip : skip + THREAD_PAGE])

    @route("POST", RECORD + "/conversation")
    def post_message(self, request: Request, position: str, person: str) -> Response | Answer:
        """Every call sends a mail."""
        body = _body(request)
        if not body.get("body"):
            return self._refuse(400, "postConversationMissingBody")
        if set(body) != {"body"}:
            return self._refuse(400, "postConversationError")
        refused = self._found(position, person)
        if refused is None:
            self.say(f"{position}:{person}", body["body"])
        return refused or (200, self.threads[person][-1])

    @route("GET", BASE + "/webhook_endpoints")
    def list_endpoints(self, request: Request) -> Answer:  # noqa: ARG002
        point = {"id": "abc123", "url": self.hook_url, "description": "CareerRelay"}
        point |= {"events": list(EVENTS), "status": "active", "enabled": True}
        return 200, {"data": [point] if self.hook_url else []}

    def say(self, case: str, text: str) -> None:
        """A message in the thread."""
        position, _, person = case.partition(":")
        told = {"body": text, "subject": "Your application", "attachments": []} | {
            "candidate_id": person,
            "company_id": COMPANY,
            "position_id": position,
        }
        with self.lock:
            entry = self._entry("messageToCandidatePosted", told)
            self.threads[person].append(entry)

    def _found(self, position: str, person: str) -> Response | None:
        """Why the record is not there, if it is not."""
        record = self.people.get(person)
        if record is None:
            return self._refuse(404, "candidateNotFound")
        return None if record["position"] == position else self._refuse(412, "wrongPosition")

    def _note(self, person: str, kind: str, told: Record) -> None:
        with self.lock:
            self.streams[person].append(self._entry(kind, told))
            self.people[person]["updated_date"] = self._now()

    def _entry(self, kind: str, told: Record) -> Record:
        return {"_id": self._id("x"), "type": kind, "object": told, "timestamp": self._now()}

    def _tell(self, event: str, person: str) -> None:
        """Signed over the compact JSON, which here is also what is sent."""
        if not self.hook_url:
            return
        record = self.people[person]
        position = self.positions[record["position"]]
        told: Record = {
            "company": {"_id": COMPANY, "name": "Example KK", "friendly_id": "example-kk"},
            "position": {key: position[key] for key in ("_id", "name", "pipeline_id")},
            "candidate": {key: record[key] for key in ("_id", "name", "email_address", "tags")},
        }
        if event != "candidateDeleted":
            told["stage"] = {key: record["stage"][key] for key in ("id", "name")}
        hook = {"_id": self._id("evt_"), "type": event, "object": told}
        hook["creation_date"] = self._now()
        body = json.dumps(hook, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"X-Hook-Signature": hmac_sha256_hex(self.secret, body)}
        headers |= {"Content-Type": "application/json", "X-Breezy-Webhook-Version": "1"}
        self.deliver(self.hook_url, body, headers)

    def _refuse(self, status: int, kind: str) -> Response:
        return self.json_response(status, {"error": {"type": kind, "message": "refused"}})

    def _id(self, prefix: str) -> str:
        with self.lock:
            self._made += 1
            return f"{prefix}{self._made:011x}"

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _stage(stage: str) -> Record:
    name, kind = STAGES[stage]
    return {"id": stage, "name": name, "type": {"id": kind, "name": kind.title(), "icon": ""}}


def _shown(record: Mapping[str, Any]) -> Record:
    return {key: value for key, value in record.items() if key != "position"}


def _body(request: Request) -> Record:
    body: Any = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = BreezyhrStandIn()
    position = stand_in.open_position("営業")
    case = stand_in.apply(name="Hanako Example", email="hanako@example.jp", position=position)
    person = case.partition(":")[2]
    stand_in.edit(case, tags=["vip"])
    for number in range(4):
        stand_in.say(case, f"Message {number}")
    stand_in.move(case, ENDED)
    return Scene.rejected(
        stand_in,
        case,
        person=person,
        settings=stand_in.settings,
        effects=lambda: {
            "tags": list(stand_in.people[person]["tags"]),
            "attributes": list(stand_in.attributes[person].values()),
            "comments": [e["object"] for e in stand_in.streams[person]],
            "messages": [e["object"]["body"] for e in stand_in.threads[person]],
        },
    )
