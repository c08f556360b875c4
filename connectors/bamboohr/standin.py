"""BambooHR in miniature: applications with statuses, comments that are counted and never listed.

As documented: HTTP Basic with the key as the user's name, pages by a URL, a list without the time
of a change, a filter by the day of application, ids that are numbers here and texts there, and
429 with Retry-After.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/api/v1/applicant_tracking"
NEW, REVIEWED, UNFIT, DECLINED, HIRED = 1, 2, 12, 13, 14
STATUSES = {
    NEW: "New",
    REVIEWED: "Reviewed",
    UNFIT: "Not a Fit",
    DECLINED: "Declined Offer",
    HIRED: "Hired",
}
INACTIVE = frozenset({UNFIT, DECLINED})
FILTERS = {"page", "jobId", "applicationStatusId", "applicationStatus", "jobStatusGroups"}
FILTERS |= {"searchString", "sortBy", "sortOrder", "newSince"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
Answer = Response | tuple[int, Any]
Record = dict[str, Any]


class BambooHrStandIn(StandIn):
    """One account; ``key`` opens it, if its user ``may`` see the settings of the ATS."""

    page_size = 50

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.key = secrets.token_hex(20)
        self.may = True
        self.applications: dict[int, Record] = {}
        self.comments: dict[int, list[str]] = {}

    # What people do.

    def apply(self, *, given: str, family: str, email: str, job: str, source: str = "") -> str:
        """A new application of a new applicant; its id."""
        with self.lock:
            id_ = 61 + len(self.comments)
            now = self._now()
            self.applications[id_] = {
                "id": id_,
                "appliedDate": now,
                "status": self._status(NEW, now),
                "rating": None,
                "applicant": {
                    "id": 1000 + id_,
                    "firstName": given,
                    "lastName": family,
                    "avatar": None,
                    "email": email,
                    "source": source or None,
                },
                "job": {"id": 22, "title": {"id": None, "label": job}, "hiringLead": None},
                "movedTo": None,
                "movedFrom": None,
                "referredBy": None,
                "duplicateApplicationCount": 1,
            }
            self.comments[id_] = []
        return str(id_)

    def put(self, case: str, status: int) -> None:
        """A recruiter chooses a status."""
        with self.lock:
            self.applications[int(case)]["status"] = self._status(status, self._now())

    def comment(self, case: str, text: str) -> None:
        """A colleague writes."""
        self.comments[int(case)].append(text)

    def delete(self, case: str) -> None:
        with self.lock:
            del self.applications[int(case)]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        pair = base64.b64encode(f"{self.key}:x".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            return self._refused(401, "Invalid API key")
        if not self.may:
            return self._refused(403, "No access to the applicant tracking settings")
        if "application/json" not in request.headers.get("Accept", ""):
            return Response("<applications/>", 200, mimetype="application/xml")
        return None

    @route("GET", BASE + "/applications")
    def list_applications(self, request: Request) -> Answer:
        """Newest first. What is not documented is refused."""
        args = request.args
        if set(args) - FILTERS or not MOMENT.fullmatch(args.get("newSince", "2026-01-01 00:00:00")):
            return self._refused(400, "Invalid parameters")
        with self.lock:
            found = [r for _, r in sorted(self.applications.items(), reverse=True)]
            rows = [self._row(r) for r in found if _matches(r, args)]
        number = int(args.get("page", 1))
        begin = (number - 1) * self.page_size
        page, last = rows[begin : begin + self.page_size], begin + self.page_size >= len(rows)
        query = urlencode({**args, "page": number + 1})
        return 200, {
            "paginationComplete": last,
            "nextPageUrl": None if last else f"https://acme.bamboohr.com{request.path}?{query}",
            "applications": page,
        }

    @route("GET", BASE + "/applications/<int:id_>")
    def get_application(self, request: Request, id_: int) -> Answer:  # noqa: ARG002
        found = self.applications.get(id_)
        if found is None:
            return self._refused(404, "Application not found")
        return 200, {**found, "commentCount": len(self.comments[id_])}

    @route("POST", BASE + "/applications/<int:id_>/comments")
    def add_comment(self, request: Request, id_: int) -> Answer:
        """Every call makes one."""
        body: Any = request.get_json(silent=True)
        if id_ not in self.applications:
            return self._refused(404, "Application not found")
        if not isinstance(body, dict) or not isinstance(body.get("comment"), str):
            return self._refused(400, "Comment is missing")
        with self.lock:
            self.comments[id_].append(body["comment"])
        return 200, {"type": "comment", "id": 5500 + sum(map(len, self.comments.values()))}

    @route("GET", BASE + "/statuses")
    def list_statuses(self, request: Request) -> Answer:  # noqa: ARG002
        return 200, [
            {
                "id": str(id_),
                "code": "NEW" if id_ == NEW else None,
                "name": name,
                "translatedName": name,
                "description": None,
                "enabled": True,
                "manageable": id_ != NEW,
            }
            for id_, name in STATUSES.items()
        ]

    def _row(self, record: Record) -> Record:
        shown = {key: record[key] for key in ("id", "appliedDate", "rating", "applicant", "job")}
        return {**shown, "status": {k: record["status"][k] for k in ("id", "label")}}

    def _status(self, id_: int, now: str) -> Record:
        return {"id": id_, "label": STATUSES[id_], "dateChanged": now, "changedByUser": None}

    def _refused(self, status: int, why: str) -> Response:
        """Without a body: the reason stands in a header."""
        return Response(b"", status, {"X-BambooHR-Error-Message": why})

    def _now(self) -> str:
        return self.clock().isoformat(timespec="seconds")


def _matches(record: Record, args: Any) -> bool:
    status = record["status"]["id"]
    wanted = args.get("applicationStatusId", "")
    if wanted and str(status) not in wanted.split(","):
        return False
    if args.get("applicationStatus") == "INACTIVE" and status not in INACTIVE:
        return False
    applied = datetime.fromisoformat(record["appliedDate"]).astimezone(UTC)
    return f"{applied:%Y-%m-%d %H:%M:%S}" >= args.get("newSince", "")


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = BambooHrStandIn()
    case = stand_in.apply(given="Hanako", family="Example", email="hanako@example.jp", job="営業")
    stand_in.comment(case, "Call her")
    stand_in.put(case, UNFIT)
    return Scene.rejected(
        stand_in,
        case,
        person="1061",
        settings=lambda url: {
            "api_url": url,
            "api_key": stand_in.key,
            "rejected_status_ids": str(UNFIT),
        },
        effects=lambda: {"comments": list(stand_in.comments[int(case)])},
    )
