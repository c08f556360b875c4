"""Pinpoint in miniature: applications in stages, tags with a context, comments, signed web hooks.

As documented: JSON:API by its own media type, what is not asked for is left out, tags can be
added and removed only, ten retries of a web hook in a day, which holds ids and nothing else.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from careerrelay.connectors import (
    hmac_sha256_base64,
    utcnow,
)
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/api/v1"
JSON_API = "application/vnd.api+json"
APPLIED, REJECTED, WITHDRAWN = "11", "12", "13"
STAGES = {APPLIED: "Applied", REJECTED: "Rejected", WITHDRAWN: "Withdrawn"}
SORTS = {sign + name for sign in ("", "-") for name in ("id", "created_at", "updated_at")}
KNOWN = {"page[number]", "page[size]", "sort", "include", "extra_fields[applications]"}
KNOWN |= {"filter[job_id]", "filter[stage_id]"}
Answer = Response | tuple[int, Any]
Record = dict[str, Any]


class PinpointStandIn(StandIn):
    """One account; ``key`` opens it with ``permissions``."""

    retry_seconds = (30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 14400.0, 14400.0, 14400.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.key = secrets.token_hex(20)
        self.secret = secrets.token_hex(16)
        self.permissions = {"read", "write"}
        self.applications: dict[str, Record] = {}
        self.comments: dict[str, list[str]] = {}

    # What people do.

    def apply(self, *, given: str, family: str, email: str, channel: str = "career_site") -> str:
        """A new application; its id."""
        now = self._now()
        with self.lock:
            case = str(8863880 + len(self.applications))
            self.applications[case] = {
                "first_name": given,
                "last_name": family,
                "email": email,
                "channel": channel,
                "created_at": now,
                "updated_at": now,
                "tags": [],
                "stage": APPLIED,
                "since": self.clock(),
            }
            self.comments[case] = []
        return case

    def move(self, case: str, stage: str, *, tag: str = "") -> None:
        """To another stage; a rejection asks for its tag."""
        with self.lock:
            record = self.applications[case]
            record |= {"stage": stage, "since": self.clock(), "updated_at": self._now()}
            record["tags"] = [t for t in record["tags"] if t["context"] != "rejection"]
            if tag:
                record["tags"].append({"name": tag, "context": "rejection"})
        self._tell("application_stage_changed", case)

    def delete(self, case: str) -> None:
        with self.lock:
            del self.applications[case]

    # What programs ask for.

    def json_response(self, status: int, data: Any, **more: Any) -> Response:
        response = super().json_response(status, data, **more)
        response.mimetype = JSON_API
        return response

    def before(self, request: Request) -> Response | None:
        if request.headers.get("X-API-KEY") != self.key:
            return self._refuse(401, "Unauthorized")
        if ("read" if request.method == "GET" else "write") not in self.permissions:
            return self._refuse(403, "Forbidden")
        if request.headers.get("Accept") != JSON_API:
            return self._refuse(406, "Not acceptable")
        if request.method != "GET" and request.mimetype != JSON_API:
            return self._refuse(415, "Unsupported media type")
        if set(request.args) - KNOWN or request.args.get("sort", "id") not in SORTS:
            return self._refuse(400, "Unknown parameter")
        return None

    @route("GET", BASE + "/applications")
    def list_applications(self, request: Request) -> Answer:
        """Pages of up to a thousand."""
        size, number = int(request.args.get("page[size]", 100)), request.args.get("page[number]")
        sort = request.args.get("sort", "id")
        with self.lock:
            found = sorted(
                self.applications,
                key=lambda case: (self.applications[case].get(sort.lstrip("-"), ""), case),
                reverse=sort.startswith("-"),
            )
            begin = (int(number or 1) - 1) * size
            cases = found[begin : begin + min(size, 1000)]
            return 200, {
                "data": [self._shown(case, request) for case in cases],
                "included": self._included(cases, request),
                "meta": {},
            }

    @route("GET", BASE + "/applications/<case>")
    def get_application(self, request: Request, case: str) -> Answer:
        if case not in self.applications:
            return self._refuse(404, "Not found")
        shown = self._shown(case, request)
        return 200, {"data": shown, "included": self._included([case], request)}

    @route("PUT", BASE + "/applications/<case>")
    def put_application(self, request: Request, case: str) -> Answer:
        """What is documented of tags: each is added as often as it is sent."""
        data = self._data(request)
        added = data.get("attributes", {}).get("add_tags_with_context")
        if case not in self.applications:
            return self._refuse(404, "Not found")
        if (data.get("type"), data.get("id")) != ("applications", case) or not added:
            return self._refuse(422, "Unprocessable")
        with self.lock:
            record = self.applications[case]
            record["tags"] += [{"name": t["tag"], "context": t["context"]} for t in added]
            record["updated_at"] = self._now()
        return 200, {"data": self._shown(case, request)}

    @route("POST", BASE + "/comments")
    def add_comment(self, request: Request) -> Answer:
        """Every call makes one."""
        data = self._data(request)
        about = data.get("relationships", {}).get("commentable", {}).get("data", {})
        text = data.get("attributes", {}).get("body_text")
        if about.get("id") not in self.applications or data.get("type") != "comments" or not text:
            return self._refuse(422, "Unprocessable")
        with self.lock:
            self.comments[about["id"]].append(text)
            self.applications[about["id"]]["updated_at"] = self._now()
        id_ = secrets.token_hex(4)
        return 201, {"data": {"id": id_, "type": "comments", "attributes": {"body_text": text}}}

    def _shown(self, case: str, request: Request) -> Record:
        record = self.applications[case]
        asked = request.args.get("extra_fields[applications]", "").split(",")
        days = (self.clock() - record["since"]).days
        extra = {"tags": record["tags"], "days_in_current_stage": days}
        links = {
            "stage": {"type": "stages", "id": record["stage"]},
            "job": {"type": "jobs", "id": "168518"},
            "comments": [{"type": "comments", "id": id_} for id_, _ in self._comments_of(case)],
        }
        wanted = request.args.get("include", "").split(",")
        hidden = ("tags", "stage", "since")
        return {
            "id": case,
            "type": "applications",
            "attributes": {k: v for k, v in record.items() if k not in hidden}
            | {name: value for name, value in extra.items() if name in asked},
            "relationships": {name: {"data": links[name]} for name in wanted if name in links},
        }

    def _included(self, cases: list[str], request: Request) -> list[Record]:
        wanted = request.args.get("include", "").split(",")
        found: list[Record] = []
        if "stage" in wanted:
            stages = sorted({self.applications[case]["stage"] for case in cases})
            found += [_record("stages", id_, name=STAGES[id_]) for id_ in stages]
        if "job" in wanted and cases:
            found.append(_record("jobs", "168518", title="営業"))
        if "comments" in wanted:
            texts = [pair for case in cases for pair in self._comments_of(case)]
            found += [_record("comments", id_, body_text=text) for id_, text in texts]
        return found

    def _comments_of(self, case: str) -> list[tuple[str, str]]:
        return [(f"{case}{n}", text) for n, text in enumerate(self.comments[case])]

    def _tell(self, event: str, case: str) -> None:
        """Ids alone."""
        if self.hook_url:
            data = {"application": {"id": int(case)}, "job": {"id": 168518}}
            told = {"event": event, "triggeredAt": self.clock().timestamp(), "data": data}
            body = json.dumps(told).encode()
            signature = hmac_sha256_base64(self.secret, body)
            self.deliver(self.hook_url, body, {"PINPOINT-HMAC-SHA256": signature})

    def _data(self, request: Request) -> Record:
        body: Any = request.get_json(force=True, silent=True)
        data = body.get("data") if isinstance(body, dict) else None
        return data if isinstance(data, dict) else {}

    def _refuse(self, status: int, title: str) -> Response:
        return self.json_response(status, {"errors": [{"status": str(status), "title": title}]})

    def _now(self) -> str:
        return self.clock().isoformat().replace("+00:00", "Z")


def _record(kind: str, id_: str, **attributes: str) -> Record:
    return {"id": id_, "type": kind, "attributes": attributes}


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = PinpointStandIn()
    case = stand_in.apply(given="Hanako", family="Example", email="hanako@example.jp")
    stand_in.move(case, REJECTED, tag="Skills")
    stand_in.comments[case].append("Call her")
    return Scene.rejected(
        stand_in,
        case,
        person=case,
        settings=lambda url: {
            "api_url": url + BASE,
            "api_key": stand_in.key,
            "rejected_stages": "Rejected",
        },
        effects=lambda: {
            "tags": list(stand_in.applications[case]["tags"]),
            "comments": list(stand_in.comments[case]),
        },
    )
