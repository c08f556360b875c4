"""Ashby in miniature: RPC by POST, errors inside a 200, sync tokens, fields, tags, notes, hooks.

As documented: HTTP Basic with the key as user name, 401 and 403 as HTTP statuses, everything else
as ``success: false``; pages of at most 100; web hooks of one type each, sent again after
(2^n - 1) x 10 seconds, at most ten times, and never after 401, 403, 404, 405 or 410.
What is not documented is the strict reading: a mail's id that is known is refused by name (or
as ``known_mail`` says), a sync token is good for the parameters it was made
with, a URL field takes only URLs, and an unset field is absent from a candidate.
"""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from careerrelay.connectors import Application, hmac_sha256_hex, utcnow
from careerrelay.connectors import Policy as _Policy
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

from .records import ApplicationSchema, snapshot

FINAL = (401, 403, 404, 405, 410)
LINK_FIELD = "CareerRelay link"
SECRET = "ashby-hook-secret"  # noqa: S105 - a stand-in's
REASONS = (
    ("Too inexperienced", "RejectedByOrg"),
    ("Accepted another offer", "RejectedByCandidate"),
    ("Timing", "Other"),
)
OF_A_MAIL = ("emailProviderEmailId", "subject", "from", "to", "body")
Row = dict[str, Any]
Answer = tuple[int, Any]


class AshbyStandIn(StandIn):
    """One organisation; ``api_key`` opens it and ``permissions`` says what it may do."""

    retry_seconds = tuple(10.0 * (2**n - 1) for n in range(1, 10))

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.api_key = secrets.token_hex(16)
        self.permissions = {"candidatesRead", "candidatesWrite", "hiringProcessMetadataRead"}
        self.people: dict[str, Row] = {}
        self.cases: dict[str, Row] = {}
        self.notes: dict[str, list[Row]] = {}
        self.mails: dict[str, Row] = {}
        self.known_mail = "emailProviderEmailId must be unique per API key"
        """What is said of a mail that is there; "": nothing, it is taken for done."""
        self.tags: dict[str, Row] = {}
        self.hooks: dict[str, str] = {}
        """Type -> address; all with SECRET."""
        self.fields = [self._field(LINK_FIELD, "Url"), self._field("CareerRelay status", "String")]
        self.reasons = [
            {"id": _id(), "text": text, "reasonType": kind, "isArchived": False}
            for text, kind in REASONS
        ]
        self.job = {"id": _id(), "title": "営業"}
        self.changes: list[str] = []
        """Ids of cases in the order they changed; a sync token is a place in it."""
        self.tokens: dict[str, tuple[int, Any]] = {}

    def settings(self, url: str) -> Mapping[str, str]:
        """What a connection to this organisation needs."""
        return {"api_url": url, "api_key": self.api_key, "webhook_secret": SECRET}

    # What people do.

    def apply(self, *, name: str, email: str, source: str = "Inbound", bulk: bool = False) -> str:
        """A new person applies; the case's id. Bulk imports fire no hook."""
        person, case = _id(), _id()
        address = {"value": email, "type": "Personal", "isPrimary": True}
        with self.lock:
            self.people[person] = {
                "id": person,
                "name": name,
                "primaryEmailAddress": address,
                "emailAddresses": [address],
                "tags": [],
                "customFields": [],
                "applicationIds": [case],
            }
            self.notes[person] = []
            kind = {"id": _id(), "title": source, "isArchived": False}
            self.cases[case] = {
                "id": case,
                "createdAt": self._now(),
                "candidate": person,
                "job": self.job,
                "source": {**kind, "id": _id(), "sourceType": kind},
                "customFields": [],
            }
        self._change(case, "Active", "applicationSubmit" if not bulk else "")
        return case

    def archive(self, case: str, reason: str = "Too inexperienced") -> None:
        """A recruiter ends the case for a reason."""
        found = next(r for r in self.reasons if r["text"] == reason)
        self._change(case, "Archived", "candidateStageChange", reason=found)

    def restore(self, case: str) -> None:
        """Back into the process."""
        self._change(case, "Active", "candidateStageChange")

    def delete(self, case: str) -> None:
        """The person is gone, with all cases."""
        with self.lock:
            person = self.cases[case]["candidate"]
            del self.people[person], self.notes[person]
            self.mails = {k: m for k, m in self.mails.items() if m["candidateId"] != person}
            self.cases = {k: c for k, c in self.cases.items() if c["candidate"] != person}
        self._fire("candidateDelete", {"candidate": {"id": person}})

    def _change(self, case: str, status: str, event: str, *, reason: Row | None = None) -> None:
        ended = status == "Archived"
        stage = {"id": _id(), "title": "Archived" if ended else "Application Review"}
        with self.lock:
            row, now = self.cases[case], self._now()
            row |= {"status": status, "updatedAt": now, "archivedAt": now if ended else None}
            row["currentInterviewStage"] = {**stage, "type": status}
            row.pop("archiveReason", None)
            if reason:
                row["archiveReason"] = {**reason, "customFields": []}
            self.changes.append(case)
            shown = self.view(case)
        if event:
            self._fire(event, {"application": shown})
            self._fire("applicationUpdate", {"application": shown})

    def view(self, case: str) -> Row:
        """A case as Ashby shows it."""
        row = {key: value for key, value in self.cases[case].items() if value is not None}
        person = self.people[row["candidate"]]
        named = ("id", "name", "primaryEmailAddress")
        return row | {"candidate": {key: person[key] for key in named}}

    def person_of(self, case: str) -> Row | None:
        """Whose case it is; None when they are gone."""
        return self.people[self.cases[case]["candidate"]] if case in self.cases else None

    def accepted(self, status: int) -> bool:
        """A success, or one of the statuses that are not tried again."""
        return 200 <= status < 300 or status in FINAL

    def _fire(self, event: str, data: Row) -> None:
        body = json.dumps({"action": event, "data": data}).encode()
        signature = "sha256=" + hmac_sha256_hex(SECRET, body)
        headers = {"Content-Type": "application/json", "Ashby-Signature": signature}
        if event in self.hooks:
            self.deliver(self.hooks[event], body, headers)

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        """The key, as HTTP says; the rest is told inside."""
        given = request.authorization
        key = base64.b64encode(f"{self.api_key}:".encode())
        if not given or base64.b64encode(f"{given.username}:{given.password}".encode()) != key:
            return self._refuse(401, "unauthorized")
        return None

    def too_many(self, seconds_left: float) -> Response:
        response = self._refuse(429, "rate_limit_exceeded")
        response.headers["Retry-After"] = str(max(1, round(seconds_left + 0.5)))
        return response

    @route("POST", "/application.info")
    def application_info(self, request: Request) -> Any:
        case = _body(request).get("applicationId")
        return self._found("candidatesRead", case, self.cases, self.view)

    @route("POST", "/application.list")
    def application_list(self, request: Request) -> Any:
        body = _body(request)
        same = {k: v for k, v in body.items() if k not in ("syncToken", "cursor", "limit")}
        begin, wanted = 0, same
        if "syncToken" in body:
            begin, wanted = self.tokens.get(body["syncToken"], (-1, None))
        start, limit = int(body.get("cursor", "0")), body.get("limit", 100)
        if begin < 0 or wanted != same or not 1 <= limit <= 100:
            return self._failed("invalid_input")
        with self.lock:
            ids = [case for case in dict.fromkeys(self.changes[begin:]) if case in self.cases]
            rows = [self.view(case) for case in ids[start : start + limit]]
            rest: Row = {"moreDataAvailable": start + limit < len(ids)}
            if rest["moreDataAvailable"]:
                rest["nextCursor"] = str(start + limit)
            else:
                rest["syncToken"] = secrets.token_hex(6)
                self.tokens[rest["syncToken"]] = (len(self.changes), same)
        return self._results("candidatesRead", rows, **rest)

    @route("POST", "/candidate.info")
    def candidate_info(self, request: Request) -> Any:
        return self._found("candidatesRead", _body(request).get("id"), self.people)

    @route("POST", "/candidate.listNotes")
    def list_notes(self, request: Request) -> Any:
        return self._found("candidatesRead", _body(request).get("candidateId"), self.notes)

    @route("POST", "/candidate.createNote")
    def create_note(self, request: Request) -> Any:
        body = _body(request)
        note = {"id": _id(), "createdAt": self._now(), "isPrivate": False}
        if body.get("candidateId") in self.notes:
            self.notes[body["candidateId"]].append(note | {"content": body["note"]["value"]})
        return self._found("candidatesWrite", body.get("candidateId"), self.notes, lambda _: note)

    @route("POST", "/candidate.addEmailMessage")
    def add_mail(self, request: Request) -> Any:
        body = _body(request)
        if "candidatesWrite" not in self.permissions:
            return self._refuse(403, "missing_endpoint_permission")
        if not all(isinstance(body.get(name), str) and body[name] for name in OF_A_MAIL):
            return self._failed("invalid_input")
        key = body["emailProviderEmailId"]
        with self.lock:
            if key in self.mails and self.known_mail:
                return self._failed("invalid_input", self.known_mail)
            if body.get("candidateId") not in self.people:
                return self._failed("candidate_not_found")
            mail = {"id": _id(), "sentAt": self._now(), "threadId": key, "isPrivate": False}
            self.mails.setdefault(key, mail | {"userIsSender": True} | body)
            return self._results("candidatesWrite", self.mails[key])

    @route("POST", "/candidateTag.create")
    def create_tag(self, request: Request) -> Any:
        title = _body(request)["title"]
        with self.lock:
            tag = self.tags.setdefault(title, {"id": _id(), "title": title, "isArchived": False})
        return self._results("candidatesWrite", tag)

    @route("POST", "/candidate.addTag")
    def add_tag(self, request: Request) -> Any:
        body = _body(request)
        tag = next((t for t in self.tags.values() if t["id"] == body["tagId"]), None)
        person = self.people.get(body["candidateId"])
        if person and tag and tag not in person["tags"]:
            person["tags"].append(tag)
        return self._found("candidatesWrite", body["candidateId"], self.people)

    @route("POST", "/customField.setValue")
    def set_value(self, request: Request) -> Any:
        body = _body(request)
        field = next((f for f in self.fields if f["id"] == body["fieldId"]), None)
        value = body["fieldValue"]
        if field is None or body["objectType"] != "Candidate":
            return self._failed("custom_field_not_found")
        if field["fieldType"] == "Url" and value and not value.startswith("http"):
            return self._failed("invalid_input")
        person, row = self.people.get(body["objectId"]), {"id": field["id"], "value": value}
        if person:
            others = [v for v in person["customFields"] if v["id"] != field["id"]]
            shown = [row | {"title": field["title"]}] if value else []
            person["customFields"] = others + shown
        return self._found("candidatesWrite", body["objectId"], self.people, lambda _: row)

    @route("POST", "/customField.list")
    def list_fields(self, request: Request) -> Any:  # noqa: ARG002
        return self._results("hiringProcessMetadataRead", self.fields, moreDataAvailable=False)

    @route("POST", "/archiveReason.list")
    def list_reasons(self, request: Request) -> Any:  # noqa: ARG002
        return self._results("hiringProcessMetadataRead", self.reasons)

    def _found(
        self,
        permission: str,
        id_: Any,
        rows: Mapping[str, Any],
        show: Callable[[str], Any] | None = None,
    ) -> Any:
        with self.lock:
            if id_ not in rows:
                return self._failed("not_found")
            return self._results(permission, show(id_) if show else rows[id_])

    def _results(self, permission: str, results: Any, **more: Any) -> Any:
        if permission not in self.permissions:
            return self._refuse(403, "missing_endpoint_permission")
        return 200, {"success": True, "results": results, **more}

    def _failed(self, code: str, message: str = "") -> Answer:
        info = {"code": code, "message": message or code, "requestId": secrets.token_hex(8)}
        return 200, {"success": False, "errors": [code], "errorInfo": info}

    def _refuse(self, status: int, code: str) -> Response:
        return self.json_response(status, self._failed(code)[1])

    def _field(self, title: str, kind: str) -> Row:
        field = {"id": _id(), "title": title, "objectType": "Candidate", "fieldType": kind}
        return field | {"isArchived": False, "isPrivate": False}

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _id() -> str:
    return str(uuid.uuid4())


def _body(request: Request) -> Row:
    body = request.get_json(silent=True)
    return body if isinstance(body, dict) else {}


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    ashby = AshbyStandIn()
    case = ashby.apply(name="Hanako Example", email="hanako@example.com")
    ashby.archive(case)
    return Scene(
        stand_in=ashby,
        application=_snapshot(ashby, case),
        settings=lambda url: {**ashby.settings(url), "report_field": "CareerRelay status"},
        effects=lambda: json.loads(
            json.dumps([ashby.person_of(case), *ashby.notes.values(), *ashby.mails.values()])
        ),
    )


def _snapshot(ashby: AshbyStandIn, case: str) -> Application:
    return snapshot(ApplicationSchema().read(ashby.view(case)), _Policy())
