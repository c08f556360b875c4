"""Zoho Recruit in miniature: applications with custom fields, notes, a form from a workflow rule.

An empty list is 204, a write answers per row, every note posted is another one, an update with an
empty trigger fires no rule, and tokens go by Zoho's own scheme.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/recruit/v2"
KNOWN = {"page", "per_page", "sort_by", "sort_order"}
Answer = Response | tuple[int, Any]
Row = dict[str, Any]


class ZohoStandIn(StandIn):
    """``refresh_token`` brings tokens; without ``allowed`` they lack the scopes."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.client_id, self.client_secret = "1000.CLIENT", secrets.token_hex(16)
        self.refresh_token, self.secret = secrets.token_hex(16), secrets.token_hex(16)
        self.allowed = True
        self.tokens: set[str] = set()
        self.records: dict[str, Row] = {}
        self.notes: dict[str, list[Row]] = {}

    # What people do.

    def apply(self, *, given_name: str, family_name: str, email: str, job: str) -> str:
        """A new application; its id."""
        with self.lock:
            number = len(self.records) + 1
            case = f"3342000000267{number:03}"
            name = f"{given_name} {family_name}"
            self.records[case] = {
                "id": case,
                "Application_Status": "New",
                "Candidate_Id": {"id": f"3342000000200{number:03}", "name": name},
                "Job_Opening_Name": {"id": f"3342000000100{number:03}", "name": job},
                "Email": email,
                "First_Name": given_name,
                "Last_Name": family_name,
                "CareerRelay_Link": None,
                "CareerRelay_Status": None,
                "Created_Time": self._now(),
                "Modified_Time": self._now(),
            }
        self._rule(case)
        return case

    def set_status(self, case: str, status: str) -> None:
        with self.lock:
            self.records[case] |= {"Application_Status": status, "Modified_Time": self._now()}
        self._rule(case)

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        if request.path.startswith("/oauth/"):
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Zoho-oauthtoken" or token not in self.tokens:
            return self._refuse(401, "INVALID_TOKEN")
        if not self.allowed:
            return self._refuse(403, "OAUTH_SCOPE_MISMATCH")
        if set(request.args) - KNOWN:
            return self._refuse(400, "INVALID_REQUEST")
        return self.limit("account", calls=50, seconds=1)

    @route("POST", "/oauth/v2/token")
    def token(self, request: Request) -> Answer:
        wanted = {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh_token,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
        }
        if request.form.to_dict() != wanted:
            return 400, {"error": "invalid_client"}
        made = secrets.token_hex(16)
        self.tokens.add(made)
        return 200, {"access_token": made, "expires_in": 3600, "token_type": "Bearer"}

    @route("GET", BASE + "/Applications")
    def list_records(self, request: Request) -> Answer:
        with self.lock:
            rows = [dict(row) for row in self.records.values()]
        if request.args.get("sort_by") == "Modified_Time":
            rows.sort(key=lambda row: row["Modified_Time"])
        return _page(request, rows[::-1] if request.args.get("sort_order") == "desc" else rows)

    @route("GET", BASE + "/Applications/<case>")
    def get_record(self, request: Request, case: str) -> Answer:
        found = self.records.get(case)
        return _page(request, [dict(found)] if found else [])

    @route("PUT", BASE + "/Applications")
    def update(self, request: Request) -> Answer:
        body: Any = request.get_json()
        (row,) = body["data"]
        if row["id"] not in self.records or set(row) - set(self.records[row["id"]]):
            return 202, {"data": [{"code": "INVALID_DATA", "status": "error", "details": {}}]}
        with self.lock:
            self.records[row["id"]] |= row | {"Modified_Time": self._now()}
        if body.get("trigger") != []:
            self._rule(row["id"])
        return 200, self._written(row["id"])

    @route("GET", BASE + "/<module>/<on>/Notes")
    def list_notes(self, request: Request, module: str, on: str) -> Answer:  # noqa: ARG002
        return _page(request, self.notes.get(on, []))

    @route("POST", BASE + "/Notes")
    def add_note(self, request: Request) -> Answer:
        body: Any = request.get_json()
        (note,) = body["data"]
        if set(note) != {"Note_Title", "Note_Content", "Parent_Id", "se_module"}:
            return 202, {"data": [{"code": "MANDATORY_NOT_FOUND", "status": "error"}]}
        with self.lock:
            self.notes.setdefault(note["Parent_Id"], []).append(note)
        return 201, self._written(note["Parent_Id"])

    def _written(self, id_: str) -> Row:
        details = {"id": id_, "Modified_Time": self._now()}
        return {"data": [{"code": "SUCCESS", "status": "success", "details": details}]}

    def _refuse(self, status: int, code: str) -> Response:
        body = {"code": code, "details": {}, "message": "refused", "status": "error"}
        return self.json_response(status, body)

    def _rule(self, case: str) -> None:
        if not self.hook_url:
            return
        row = self.records[case]
        form = {
            "cr_secret": self.secret,
            "application_id": case,
            "status": row["Application_Status"],
            "modified_time": row["Modified_Time"],
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.deliver(self.hook_url, urlencode(form).encode(), headers)

    def _now(self) -> str:
        """Whole seconds, as in Zoho's records."""
        return self.clock().isoformat(timespec="seconds")


def _page(request: Request, rows: list[Row]) -> Answer:
    page, size = (int(request.args.get(k, d)) for k, d in (("page", 1), ("per_page", 200)))
    shown = rows[(page - 1) * size : page * size]
    if not shown:
        return Response(status=204)
    more = page * size < len(rows)
    info = {"per_page": size, "count": len(shown), "page": page, "more_records": more}
    return 200, {"data": shown, "info": info}


def settings(vendor: ZohoStandIn, url: str) -> Mapping[str, str]:
    return {
        "api_url": url + BASE,
        "token_url": f"{url}/oauth/v2/token",
        "client_id": vendor.client_id,
        "client_secret": vendor.client_secret,
        "refresh_token": vendor.refresh_token,
        "webhook_secret": vendor.secret,
        "rejected_statuses": "Rejected",
        "withdrawn_statuses": "Withdrawn",
        "hired_statuses": "Hired",
        "report_field": "CareerRelay_Status",
    }


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = ZohoStandIn()
    case = stand_in.apply(
        given_name="Hanako", family_name="Example", email="hanako@example.jp", job="営業"
    )
    stand_in.set_status(case, "Rejected")
    person = stand_in.records[case]["Candidate_Id"]["id"]
    shown = ("Application_Status", "CareerRelay_Link", "CareerRelay_Status")
    return Scene.rejected(
        stand_in,
        case,
        person=person,
        settings=lambda url: settings(stand_in, url),
        effects=lambda: {
            "fields": {name: stand_in.records[case][name] for name in shown},
            "notes": [note["Note_Content"] for note in stand_in.notes.get(case, [])],
        },
    )
