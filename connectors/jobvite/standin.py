"""Jobvite in miniature, as public clients met it: one list, filtered by day, and thin web hooks.

Wrong keys are a 200 whose body says 401, keys in the address are refused, personal traits come
along unasked, and a web hook has no signature and is sent once.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/api/v2"
BY_DAY = {"datestart", "dateend", "dateFormat", "start", "count"}
BY_ID = {"candidateId", "applicationId"}
Answer = tuple[int, Any]
Row = dict[str, Any]


class JobviteStandIn(StandIn):
    """``api_key`` and ``api_secret`` open it; without ``allowed`` they may not see candidates."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.api_key, self.api_secret = secrets.token_hex(16), secrets.token_hex(16)
        self.token = secrets.token_urlsafe(24)
        self.allowed = True
        self.rows: dict[str, Row] = {}

    # What people do.

    def apply(self, *, given_name: str, family_name: str, email: str, job: str) -> str:
        """A new candidate and application; both ids, as a case is named."""
        with self.lock:
            number = len(self.rows) + 1
            person, case = f"CND{number}", f"APP{number}"
            self.rows[case] = {
                "eId": person,
                "firstName": given_name,
                "lastName": family_name,
                "email": email,
                "gender": "Undefined",
                "race": "Undefined",
                "application": {
                    "eId": case,
                    "workflowState": "New",
                    "disposition": None,
                    "source": "Career Site",
                    "sourceType": "CareerSite",
                    "customField": [],
                    "lastUpdatedDate": self._now(),
                    "job": {"eId": f"JOB{number}", "title": job},
                },
            }
        return f"{person}:{case}"

    def move(self, name: str, state: str, *, disposition: str | None = None) -> None:
        person, _, case = name.partition(":")
        with self.lock:
            record = self.rows[case]["application"]
            before = record["workflowState"]
            record |= {
                "workflowState": state,
                "disposition": disposition,
                "lastUpdatedDate": self._now(),
            }
        event = {
            "eventType": "application.workflowState",
            "url": "https://api.jobvite.com/api/v2/candidate",
            "id": person,
            "applicationId": case,
            "oldValue": before,
            "newValue": state,
            "date": str(self._now()),
        }
        if self.hook_url:
            url = f"{self.hook_url}?token={self.token}"
            self.deliver(url, json.dumps(event).encode(), {"Content-Type": "application/json"})

    def delete(self, name: str) -> None:
        with self.lock:
            del self.rows[name.partition(":")[2]]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        given = (request.headers.get("x-jvi-api"), request.headers.get("x-jvi-sc"))
        if given != (self.api_key, self.api_secret) or {"api", "sc"} & set(request.args):
            return self._status(401, "Invalid api/secret. Try again with a valid api/secret")
        if not self.allowed:
            return self._status(401, "Not permitted")
        return self.limit("key", calls=50, seconds=1)

    @route("GET", BASE + "/candidate")
    def list_candidates(self, request: Request) -> Answer | Response:
        asked = set(request.args)
        if asked not in (BY_DAY, BY_ID):
            return self._status(400, "Unknown parameter")
        with self.lock:
            rows = json.loads(json.dumps(list(self.rows.values())))
        if asked == BY_ID:
            case = request.args["applicationId"]
            found = [row for row in rows if row["application"]["eId"] == case]
            return 200, self._listed(found, len(found))
        first, last = (datetime.fromisoformat(request.args[k]) for k in ("datestart", "dateend"))
        days = (first.date(), last.date())
        found = [row for row in rows if days[0] <= _day(row) <= days[1]]
        start, count = int(request.args["start"]), min(int(request.args["count"]), 500)
        return 200, self._listed(found[start : start + count], len(found))

    def too_many(self, seconds_left: float) -> Response:
        headers = {"Retry-After": str(max(1, round(seconds_left + 0.5)))}
        body = {"status": {"code": 429, "messages": ["Too many requests"]}}
        return self.json_response(429, body, headers=headers)

    def _listed(self, rows: list[Row], total: int) -> Row:
        return {"candidates": rows, "total": total, "status": {"code": 200, "messages": []}}

    def _status(self, code: int, message: str) -> Response:
        return self.json_response(200, {"status": {"code": code, "messages": [message]}})

    def _now(self) -> int:
        return round(self.clock().timestamp() * 1000)


def _day(row: Row) -> Any:
    moment = row["application"]["lastUpdatedDate"] / 1000
    return datetime.fromtimestamp(moment, tz=utcnow().tzinfo).date()


def settings(vendor: JobviteStandIn, url: str) -> dict[str, str]:
    return {
        "api_url": url + BASE,
        "api_key": vendor.api_key,
        "api_secret": vendor.api_secret,
        "webhook_token": vendor.token,
        "rejected_statuses": "Rejected",
        "withdrawn_statuses": "Candidate withdrew",
        "hired_statuses": "Hired",
    }


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = JobviteStandIn()
    case = stand_in.apply(
        given_name="Hanako", family_name="Example", email="hanako@example.jp", job="営業"
    )
    stand_in.move(case, "Rejected", disposition="Not enough experience")
    return Scene.rejected(
        stand_in,
        case,
        person="CND1",
        settings=lambda url: settings(stand_in, url),
        effects=lambda: json.loads(json.dumps(stand_in.rows)),
    )
