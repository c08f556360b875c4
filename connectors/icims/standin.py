"""iCIMS in miniature: workflows and people under one customer, the search, signed gzip events.

As its pages say: names in lower case, fields without a value are not there, a search gives ids
only and at most 1,000, and moves to the triggers that the customer chose are told of, once.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from careerrelay.connectors import (
    hmac_sha256_hex,
    utcnow,
)
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/customers/6271"
NEW, REVIEW, REJECTED, WITHDREW = "D10090", "D10100", "D10105", "D10106"
STATUSES = {
    NEW: "New",
    REVIEW: "In Review",
    REJECTED: "Not Selected",
    WITHDREW: "Candidate Withdrew",
}
OURS = {"careerrelay_link", "careerrelay_status"}
ALGORITHM = "x-icims-v1-hmac-sha256"
Answer = Response | tuple[int, Any]
Record = dict[str, Any]


class IcimsStandIn(StandIn):
    """Customer 6271 with an integration user; without ``allowed`` it sees nothing."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.user, self.password = "integration", secrets.token_urlsafe(24)
        self.hook_user, self.secret = "careerrelay", secrets.token_hex(16)
        self.allowed = True
        self.triggers = set(STATUSES) - {NEW}
        self.workflows: dict[str, Record] = {}
        self.people: dict[str, Record] = {}

    # What people do.

    def apply(self, *, given_name: str, family_name: str, email: str, job: str) -> str:
        """A new workflow, of which no event tells; its id."""
        with self.lock:
            number = len(self.workflows) + 1
            case, person = str(1479 + number), str(1930 + number)
            self.people[person] = {"firstname": given_name, "lastname": family_name, "email": email}
            self.workflows[case] = {
                "status": NEW,
                "person": person,
                "job": job,
                "updated": self.clock(),
                "fields": {},
            }
        return case

    def move(self, case: str, status: str) -> None:
        """By a user of the company."""
        with self.lock:
            record = self.workflows[case]
            before = record["status"]
            record |= {"status": status, "updated": self.clock()}
        if self.hook_url and status in self.triggers:
            self._tell(case, before, status)

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            return self._refuse(401, "Unauthorized")
        if not self.allowed:
            return self._refuse(403, "Forbidden")
        return self.limit("customer", calls=10_000, seconds=86_400)

    @route("GET", BASE + "/applicantworkflows/<case>")
    def get_workflow(self, request: Request, case: str) -> Answer:
        record = self.workflows.get(case)
        if record is None:
            return self._refuse(404, "Not Found")
        person, base = self.people[record["person"]], f"https://api.icims.com{BASE}"
        shown = {
            "status": {"id": record["status"], "value": STATUSES[record["status"]]},
            "associatedprofile": {
                "profile": f"{base}/people/{record['person']}",
                "id": int(record["person"]),
                "value": f"{person['firstname']} {person['lastname']}",
            },
            "baseprofile": {"profile": f"{base}/jobs/1181", "id": 1181, "value": record["job"]},
            **record["fields"],
        }
        wanted = request.args.get("fields", "").split(",")
        return 200, {name: value for name, value in shown.items() if name in wanted}

    @route("GET", BASE + "/people/<person>")
    def get_person(self, request: Request, person: str) -> Answer:
        if person not in self.people:
            return self._refuse(404, "Not Found")
        wanted = request.args.get("fields", "").split(",")
        return 200, {k: v for k, v in self.people[person].items() if k in wanted}

    @route("PATCH", BASE + "/applicantworkflows/<case>")
    def update(self, request: Request, case: str) -> Answer:
        body: Any = request.get_json()
        if case not in self.workflows:
            return self._refuse(404, "Not Found")
        if not set(body) <= OURS or not all(isinstance(value, str) for value in body.values()):
            return self._refuse(400, "Invalid field")
        with self.lock:
            record = self.workflows[case]
            kept = record["fields"] | body
            record["fields"] = {name: value for name, value in kept.items() if value}
            record["updated"] = self.clock()
        return 200, {}

    @route("POST", BASE + "/search/applicantworkflows")
    def search(self, request: Request) -> Answer:
        body: Any = request.get_json()
        filters = {f["name"]: f for f in body["filters"]}
        if set(filters) != {"applicantworkflow.updateddate", "applicantworkflow.status"}:
            return self._refuse(400, "Unknown filter")
        (start,) = filters["applicantworkflow.updateddate"]["value"]
        days = int(start.removeprefix("{DATE:START}{DATE:-").removesuffix("}"))
        oldest = self.clock() - timedelta(days=days)
        statuses = filters["applicantworkflow.status"]["value"]
        with self.lock:
            found = [
                {"self": f"https://api.icims.com{BASE}/applicantworkflows/{case}", "id": int(case)}
                for case, record in self.workflows.items()
                if record["status"] in statuses and record["updated"] >= oldest
            ]
        return 200, {"searchResults": found[:1000]}

    def _refuse(self, status: int, message: str) -> Response:
        return self.json_response(
            status, {"errors": [{"errorMessage": message, "errorCode": status}]}
        )

    def _tell(self, case: str, before: str, status: str) -> None:
        event = {
            "systemId": case,
            "customerId": "6271",
            "eventType": "WorkFlowStatusChangeEvent",
            "userId": "1566",
            "personId": self.workflows[case]["person"],
            "jobId": "1181",
            "oldStatus": before,
            "newStatus": status,
            "links": [],
        }
        body = gzip.compress(json.dumps(event).encode())
        self.deliver(self.hook_url, body, self._signed(self.hook_url, body))

    def _signed(self, url: str, body: bytes) -> Mapping[str, str]:
        parts = urlsplit(url)
        headers = {
            "content-type": "application/json",
            "host": parts.netloc,
            "x-icims-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-icims-date": self.clock().strftime("%Y-%m-%dT%H:%M:%S+0000"),
        }
        names = ";".join(headers)
        lines = ["POST", parts.path, parts.query, *(f"{k}:{v}" for k, v in headers.items())]
        canonical = "\n".join([*lines, "", names]).encode()
        digest = hashlib.sha256(canonical).hexdigest()
        text = "\n".join([ALGORITHM, headers["x-icims-date"], digest]).encode()
        signature = hmac_sha256_hex(self.secret, text)
        proof = f"{ALGORITHM} user={self.hook_user}, signedheaders={names}, signature={signature}"
        return {**headers, "Authorization": proof, "Content-Encoding": "gzip"}


def settings(vendor: IcimsStandIn, url: str, *, polls: bool = True) -> dict[str, str]:
    return {
        "status_filter": "applicantworkflow.status" if polls else "none",
        "api_url": url,
        "customer_id": "6271",
        "client_id": vendor.user,
        "client_secret": vendor.password,
        "webhook_secret": vendor.secret,
        "rejected_statuses": REJECTED,
        "withdrawn_statuses": WITHDREW,
        "report_field": "careerrelay_status",
        "link_field": "careerrelay_link",
    }


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = IcimsStandIn()
    case = stand_in.apply(
        given_name="Hanako", family_name="Example", email="hanako@example.jp", job="営業"
    )
    stand_in.move(case, REJECTED)
    return Scene.rejected(
        stand_in,
        case,
        person=stand_in.workflows[case]["person"],
        settings=lambda url: settings(stand_in, url),
        effects=lambda: dict(stand_in.workflows[case]["fields"]),
    )
