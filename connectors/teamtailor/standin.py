"""Teamtailor in miniature: JSON:API records, one scope, pages of thirty, hooks sent once.

As documented: X-Api-Version is compulsory, tags are replaced, notes have an author and no
filter, relationships carry ids only where they are asked for, and a failed web hook is gone.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from careerrelay.connectors import (
    hmac_sha256_hex,
    utcnow,
)
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/v1"
JSON_API = "application/vnd.api+json"
MOST = 30
RELATED = {"candidate": "candidates", "job": "jobs", "stage": "stages"}
RELATED |= {"reject-reason": "reject-reasons", "custom-field": "custom-fields"}
Answer = tuple[int, Any]
Record = dict[str, Any]


class TeamtailorStandIn(StandIn):
    """One company; ``api_key`` opens it, with the scope Admin unless told otherwise."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.api_key = secrets.token_urlsafe(24)
        self.secret = secrets.token_hex(16)
        self.admin = True
        self.calls_a_second = 50
        self.records: dict[str, dict[str, Record]] = {}
        self.user = self._add("users", {"name": "CareerRelay"})
        self.field = self._add("custom-fields", {"name": "CareerRelay"})
        self.inbox = self._add("stages", {"name": "Inbox", "stage-type": "Inbox"})
        self.hired = self._add("stages", {"name": "Hired", "stage-type": "Hired"})
        self.company_reason = self._add(
            "reject-reasons", {"reason": "Underqualified", "rejected-by-company": True}
        )
        self.own_reason = self._add(
            "reject-reasons", {"reason": "Took another job", "rejected-by-company": False}
        )

    # What people do.

    def apply(self, *, name: str, email: str, job: str, sourced: bool = False) -> str:
        """A new application; its id."""
        given, _, family = name.partition(" ")
        person = self._add(
            "candidates",
            {"first-name": given, "last-name": family, "email": email, "tags": []}
            | {"unsubscribed": False, "internal": False, "sourced": sourced},
        )
        vacancy = self._add("jobs", {"title": job})
        case = self._add(
            "job-applications",
            {"rejected-at": None, "sourced": sourced, "changed-stage-at": self._now()},
            {"candidate": person, "job": vacancy, "stage": self.inbox, "reject-reason": None},
        )
        self._tell("job_application.create", case)
        return case

    def reject(
        self, case: str, *, reason: str | None = None, visible_at: datetime | None = None
    ) -> None:
        """For the company's reason unless another is given; "" chooses none."""
        chosen = self.company_reason if reason is None else reason
        self._end(case, self._now(), chosen or None)
        self._tell("job_application.update", case, visible_at=visible_at)

    def unreject(self, case: str) -> None:
        self._end(case, None, None)
        self._tell("job_application.update", case)

    def hire(self, case: str) -> None:
        with self.lock:
            record = self.records["job-applications"][case]
            record["related"]["stage"] = self.hired
            record["attributes"] |= {"changed-stage-at": self._now(), "updated-at": self._now()}
        self._tell("job_application.update", case)

    def erase(self, person: str) -> None:
        with self.lock:
            del self.records["candidates"][person]
            cases = self.records["job-applications"]
            for case in [c for c, r in cases.items() if r["related"]["candidate"] == person]:
                del cases[case]
        self._send("candidate.destroy", {"id": person, "type": "candidates"})

    def person_of(self, case: str) -> str:
        return self.records["job-applications"][case]["related"]["candidate"]

    # What programs ask for.

    def json_response(
        self, status: int, data: Any, *, headers: Mapping[str, str] | None = None
    ) -> Response:
        response = super().json_response(status, data, headers=headers)
        response.mimetype = JSON_API
        return response

    def before(self, request: Request) -> Response | None:
        if request.headers.get("Authorization") != f"Token token={self.api_key}":
            return self._refuse(401, "Unauthorized")
        if not request.headers.get("X-Api-Version", "").isdigit():
            return self._refuse(406, "X-Api-Version is required")
        if not self.admin:
            return self._refuse(403, "Forbidden")
        if request.method != "GET" and request.mimetype != JSON_API:
            return self._refuse(415, "Unsupported media type")
        return self.limit("key", calls=self.calls_a_second, seconds=1)

    def too_many(self, seconds_left: float) -> Response:
        headers = {"X-Rate-Limit-Reset": str(max(1, round(seconds_left)))}
        return self.json_response(429, {"errors": [{"title": "Too many"}]}, headers=headers)

    @route("GET", BASE + "/<kind>")
    def list_records(self, request: Request, kind: str) -> Response | Answer:
        """Pages of at most thirty, in the order of their ids."""
        with self.lock:
            rows = [r for r in self.records.get(kind, {}).values() if _within(r, request.args)]
        return self._page(request, rows)

    @route("GET", BASE + "/candidates/<id_>/custom-field-values")
    def list_values(self, request: Request, id_: str) -> Response | Answer:
        values = self.records.get("custom-field-values", {}).values()
        return self._page(request, [v for v in values if v["related"]["owner"] == id_])

    @route("GET", BASE + "/<kind>/<id_>")
    def get_record(self, request: Request, kind: str, id_: str) -> Response | Answer:
        record = self.records.get(kind, {}).get(id_)
        if record is None:
            return self._refuse(404, "Record not found")
        asked = [n for n in request.args.get("include", "").split(",") if n]
        return 200, {"data": _shown(record, asked), "included": self._included([record], asked)}

    @route("POST", BASE + "/<kind>")
    def create(self, request: Request, kind: str) -> Response | Answer:
        """Every call makes one; a note needs candidate and user, a value its field and owner."""
        data = self._data(request)
        sent = {n: part["data"]["id"] for n, part in data.get("relationships", {}).items()}
        needed = {"notes": {"candidate", "user"}, "custom-field-values": {"custom-field", "owner"}}
        if data.get("type") != kind or needed.get(kind, set()) - set(sent):
            return self._refuse(422, "Unprocessable")
        if sent.get("user", self.user) not in self.records["users"]:
            return self._refuse(422, "user must exist")
        return 201, {"data": self._shown(kind, self._add(kind, data["attributes"], sent))}

    @route("PATCH", BASE + "/<kind>/<id_>")
    def update(self, request: Request, kind: str, id_: str) -> Response | Answer:
        """What is sent replaces what was there, arrays as a whole."""
        data = self._data(request)
        if id_ not in self.records.get(kind, {}) or data.get("id") != id_:
            return self._refuse(404, "Record not found")
        with self.lock:
            self.records[kind][id_]["attributes"] |= data["attributes"]
        return 200, {"data": self._shown(kind, id_)}

    def _page(self, request: Request, rows: Sequence[Record]) -> Response | Answer:
        size, number = (int(request.args.get(f"page[{n}]", d)) for n, d in _DEFAULTS)
        if size > MOST or number < 1:
            return self._refuse(400, "Invalid page value")
        asked = [n for n in request.args.get("include", "").split(",") if n]
        shown = rows[(number - 1) * size : number * size]
        pages = max(1, -(-len(rows) // size))
        return 200, {
            "data": [_shown(record, asked) for record in shown],
            "included": self._included(shown, asked),
            "meta": {"record-count": len(rows), "page-count": pages},
        }

    def _included(self, rows: Sequence[Record], asked: Sequence[str]) -> list[Record]:
        wanted = {(RELATED[n], r["related"].get(n)) for r in rows for n in asked if n in RELATED}
        return [self._shown(kind, id_) for kind, id_ in sorted(wanted, key=str) if id_]

    def _shown(self, kind: str, id_: str) -> Record:
        return _shown(self.records[kind][id_], ())

    def _add(self, kind: str, attributes: Record, related: Record | None = None) -> str:
        with self.lock:
            rows = self.records.setdefault(kind, {})
            id_ = str(max((int(known) for known in rows), default=0) + 1)
            times = {"created-at": self._now(), "updated-at": self._now()}
            rows[id_] = {
                "id": id_,
                "type": kind,
                "attributes": attributes | times,
                "related": related or {},
            }
        return id_

    def _end(self, case: str, at: str | None, reason: str | None) -> None:
        with self.lock:
            record = self.records["job-applications"][case]
            record["attributes"] |= {"rejected-at": at, "updated-at": self._now()}
            record["related"]["reject-reason"] = reason

    def _tell(self, event: str, case: str, *, visible_at: datetime | None = None) -> None:
        """No candidate, no address, no reason."""
        attributes = self.records["job-applications"][case]["attributes"]
        told = {name: attributes[name] for name in ("updated-at", "rejected-at")}
        told["transparent-recruiting-visible-at"] = visible_at.isoformat() if visible_at else None
        self._send(event, {"id": case, "type": "job-applications", "attributes": told})

    def _send(self, event: str, data: Record) -> None:
        """Signed over the inner payload here; the page can be read either way."""
        if not self.hook_url:
            return
        payload = {"event_name": event, "data": data}
        inner = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        at = int(self.clock().timestamp())
        text = f"t={at},v2={hmac_sha256_hex(self.secret, f'{at}.{inner}'.encode())}"
        header = base64.b64encode(text.encode()).decode()
        body = json.dumps({"payload": payload, "signature": header}, ensure_ascii=False)
        self.deliver(self.hook_url, body.encode(), {"TT-Signature": header})

    def _data(self, request: Request) -> Record:
        body: Any = json.loads(request.get_data() or b"{}")
        return body.get("data", {})

    def _refuse(self, status: int, title: str) -> Response:
        return self.json_response(status, {"errors": [{"title": title, "status": str(status)}]})

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds")


_DEFAULTS = (("size", "10"), ("number", "1"))


def _shown(record: Record, asked: Sequence[str]) -> Record:
    """Ids of related records only where they were asked for."""
    relationships: Record = {
        name: {"links": {}} | ({"data": _pointer(name, id_)} if name in asked else {})
        for name, id_ in record["related"].items()
    }
    return {
        "id": record["id"],
        "type": record["type"],
        "attributes": record["attributes"],
        "relationships": relationships,
    }


def _pointer(name: str, id_: str | None) -> Record | None:
    return {"type": RELATED.get(name, name), "id": id_} if id_ else None


def _within(record: Record, args: Mapping[str, str]) -> bool:
    at = datetime.fromisoformat(record["attributes"]["updated-at"])
    since, until = (args.get(f"filter[updated-at][{n}]", "") for n in ("from", "to"))
    early = since and at < datetime.fromisoformat(since)
    late = until and at > datetime.fromisoformat(until)
    return not early and not late


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = TeamtailorStandIn()
    case = stand_in.apply(name="Hanako Example", email="hanako@example.jp", job="営業")
    person = stand_in.person_of(case)
    stand_in.records["candidates"][person]["attributes"]["tags"] = ["vip"]
    stand_in.reject(case)
    return Scene.rejected(
        stand_in,
        case,
        person=person,
        settings=lambda url: {
            "api_url": url + BASE,
            "api_key": stand_in.api_key,
            "webhook_secret": stand_in.secret,
            "user_id": stand_in.user,
            "report_field": stand_in.field,
        },
        effects=lambda: {
            kind: [row["attributes"] for row in stand_in.records.get(kind, {}).values()]
            for kind in ("candidates", "notes", "custom-field-values")
        },
    )
