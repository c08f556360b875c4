"""Personio's recruiting API v2 in miniature: tokens, applications by time of change, transitions.

As documented and reported: nothing can be written, the latest change comes first, pages by a
cursor in an absolute URL, times as a local time beside its zone, and limits told on every answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/v2/recruiting/applications"
ZONE = "Europe/Berlin"
SYSTEM = ("unassigned", "rejected", "withdrawn", "offer", "accepted")
FILTERS = {"updated_at.gt", "updated_at.lt", "candidate.email", "limit", "cursor"}
DAY = 86400
Answer = Response | tuple[int, Any]
Record = dict[str, Any]


class PersonioStandIn(StandIn):
    """One company; ``client_id`` and ``client_secret`` open it, with ``scopes``."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.client_id = secrets.token_hex(12)
        self.client_secret = secrets.token_hex(24)
        self.scopes = {"personio:recruiting:read"}
        self.tokens: dict[str, datetime] = {}
        self.applications: dict[str, Record] = {}
        self.history: dict[str, list[Record]] = {}
        self.touches_updated_at = True

    # What people do.

    def apply(self, *, given: str, family: str, email: str, job: str, channel: str = "") -> str:
        """A new application of a new candidate; its id."""
        now = self.clock()
        with self.lock:
            case = str(495039 + len(self.history))
            self.applications[case] = {
                "id": case,
                "candidate": {
                    "id": f"c{case}",
                    "first_name": given,
                    "last_name": family,
                    "email": email,
                },
                "job": {"id": "j1", "name": job, "department": None},
                "channel": {"id": "ch1", "name": channel} if channel else None,
                "is_anonymized": False,
                "created_at": now,
                "updated_at": now,
            }
            self.history[case] = []
            self.move(case, "unassigned")
        return case

    def move(self, case: str, phase: str) -> None:
        """Into one of Personio's own phases, or one of the company's by its name."""
        own = phase not in SYSTEM
        stage = {"id": "77" if own else None, "kind": "custom" if own else "system"}
        stage |= {"name": phase if own else None, "type": "custom" if own else phase}
        with self.lock:
            self.history[case].insert(0, {"entered_at": self._shown(self.clock()), "stage": stage})
            self.applications[case]["current_stage"] = stage
            if self.touches_updated_at:
                self.touch(case)

    def touch(self, case: str) -> None:
        """Somebody edits."""
        self.applications[case]["updated_at"] = self.clock()

    def anonymise(self, case: str) -> None:
        with self.lock:
            gone = dict.fromkeys(("first_name", "last_name", "email"))
            self.applications[case] |= {"is_anonymized": True, "candidate": {"id": None, **gone}}
            self.touch(case)

    def delete(self, case: str) -> None:
        with self.lock:
            del self.applications[case]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        if request.path == "/v2/auth/token":
            return None
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.clock() >= self.tokens.get(token, self.clock()):
            return self._refused(401, "Unauthorized")
        if "personio:recruiting:read" not in self.scopes:
            return self._refused(403, "Forbidden")
        return None

    @route("POST", "/v2/auth/token")
    def make_token(self, request: Request) -> Answer:
        """Good for a day."""
        asked = (request.form.get("client_id"), request.form.get("client_secret"))
        if request.form.get("grant_type") != "client_credentials":
            return self._refused(400, "Unsupported grant type")
        if asked != (self.client_id, self.client_secret):
            return self._refused(401, "Unauthorized")
        token = secrets.token_urlsafe(24)
        self.tokens[token] = self.clock() + timedelta(seconds=DAY)
        return 200, {"access_token": token, "expires_in": DAY, "token_type": "Bearer"}

    @route("GET", BASE)
    def list_applications(self, request: Request) -> Answer:
        """Latest change first; a cursor stands for a place, whatever changes meanwhile."""
        args = request.args
        limit = int(args.get("limit", 100))
        if set(args) - FILTERS or not 1 <= limit <= 200:
            return self._refused(400, "Bad request")
        since = datetime.fromisoformat(args["updated_at.gt"]) if "updated_at.gt" in args else None
        with self.lock:
            rows = sorted(self.applications.values(), key=_age, reverse=True)
        rows = [r for r in rows if since is None or r["updated_at"] > since]
        begin = int(args.get("cursor", "p0")[1:])
        found, end = rows[begin : begin + limit], begin + limit
        query = urlencode({**args, "cursor": f"p{end}"})
        following = {"next": {"href": f"https://api.personio.de{BASE}?{query}"}}
        return 200, {
            "_data": [self._record(row) for row in found],
            "_meta": {"links": following if end < len(rows) else {}},
        }

    @route("GET", BASE + "/<case>")
    def get_application(self, request: Request, case: str) -> Answer:  # noqa: ARG002
        found = self.applications.get(case)
        return (200, self._record(found)) if found else self._refused(404, "Not found")

    @route("GET", BASE + "/<case>/stage-transitions")
    def list_transitions(self, request: Request, case: str) -> Answer:  # noqa: ARG002
        if case not in self.applications:
            return self._refused(404, "Not found")
        return 200, {"_data": list(self.history[case]), "_meta": {"links": {}}}

    def json_response(self, status: int, data: Any, **more: Any) -> Response:
        response = super().json_response(status, data, **more)
        response.headers["x-ratelimit-remaining"] = "299"
        return response

    def _record(self, record: Record) -> Record:
        times = {name: self._shown(record[name]) for name in ("created_at", "updated_at")}
        return {**record, **times, "application_date": f"{record['created_at']:%Y-%m-%d}"}

    def _shown(self, moment: datetime) -> Record:
        local = moment.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None)
        return {"date-time": local.isoformat(), "timezone": ZONE}

    def _refused(self, status: int, title: str) -> Response:
        return self.json_response(status, {"errors": [{"title": title}]})


def _age(record: Record) -> tuple[datetime, str]:
    return record["updated_at"], record["id"]


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = PersonioStandIn()
    case = stand_in.apply(given="Hanako", family="Example", email="hanako@example.jp", job="営業")
    stand_in.move(case, "rejected")
    return Scene.rejected(
        stand_in,
        case,
        person=f"c{case}",
        settings=lambda url: {
            "api_url": url,
            "client_id": stand_in.client_id,
            "client_secret": stand_in.client_secret,
        },
        effects=lambda: {case: dict(record) for case, record in stand_in.applications.items()},
    )
