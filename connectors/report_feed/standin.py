"""A company's HR system in miniature: a report with sign-in, and a step that pushes rows signed.

The columns are those that we publish. It answers only what a report has: a wrong prompt or format
is refused, and every row says where the case stands now.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from careerrelay.connectors import (
    hmac_sha256_hex,
    utcnow,
)
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

PATH = "/ccx/service/customreport2/acme/isu_careerrelay/rejections"
PROMPTS = {"format", "Changed_Since", "Job_Application_ID"}
Answer = tuple[int, Any]
Row = dict[str, Any]


class ReportStandIn(StandIn):
    """``user`` and ``password`` open the report, or not without ``allowed``."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.user = "isu_careerrelay"
        self.password = secrets.token_urlsafe(24)
        self.secret = secrets.token_hex(16)
        self.allowed = True
        self.rows: dict[str, Row] = {}

    # What people do.

    def apply(self, *, given_name: str, family_name: str, email: str, job: str) -> str:
        """A new row, of which nothing is decided; its id."""
        with self.lock:
            number = len(self.rows) + 1
            case = f"JA-{number:04}"
            self.rows[case] = {
                "Job_Application_ID": case,
                "Candidate_ID": f"C-{number:04}",
                "First_Name": given_name,
                "Last_Name": family_name,
                "Email": email,
                "Job_Requisition_ID": f"R-{number:04}",
                "Job_Requisition_Title": job,
                "Disposition": "",
                "Disposition_Reason": "",
                "Disposition_Moment": "",
            }
        return case

    def dispose(self, *cases: str, disposition: str, reason: str = "") -> None:
        """A business process ends and pushes all its rows in one message."""
        with self.lock:
            for case in cases:
                self.rows[case] |= {
                    "Disposition": disposition,
                    "Disposition_Reason": reason,
                    "Disposition_Moment": self.clock().isoformat(timespec="milliseconds"),
                }
        self._push([self.rows[case] for case in cases])

    def erase(self, case: str) -> None:
        """The person is anonymised; the row stays and says so."""
        with self.lock:
            self.rows[case] |= {"First_Name": "", "Last_Name": "", "Email": ""}
        self.dispose(case, disposition="Anonymized")

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {pair}":
            return self.json_response(401, {"error": "invalid username or password"})
        if not self.allowed:
            return self.json_response(403, {"error": "the task submitted is not authorized"})
        return self.limit("user", calls=50, seconds=1)

    @route("GET", PATH)
    def report(self, request: Request) -> Answer:
        if set(request.args) - PROMPTS or request.args.get("format") != "json":
            return 400, {"error": "invalid prompt"}
        since = request.args.get("Changed_Since", "")
        asked = request.args.get("Job_Application_ID")
        with self.lock:
            shown = [
                row
                for case, row in self.rows.items()
                if asked in (None, case) and (asked or _changed_since(row, since))
            ]
        return 200, {"Report_Entry": shown}

    def _push(self, rows: Sequence[Row]) -> None:
        if not self.hook_url:
            return
        body = json.dumps({"Report_Entry": rows}, ensure_ascii=False).encode()
        signature = f"sha256={hmac_sha256_hex(self.secret, body)}"
        headers = {"Content-Type": "application/json", "X-CareerRelay-Signature": signature}
        self.deliver(self.hook_url, body, headers)


def _changed_since(row: Row, since: str) -> bool:
    moment = row["Disposition_Moment"]
    if not since or not moment:
        return True
    return datetime.fromisoformat(moment) >= datetime.fromisoformat(since)


def settings(vendor: ReportStandIn, url: str) -> dict[str, str]:
    """A connection that is pushed to and fetches as well."""
    return {
        "webhook_secret": vendor.secret,
        "report_auth": "basic",
        "report_url": url + PATH,
        "since_parameter": "Changed_Since",
        "case_parameter": "Job_Application_ID",
        "client_id": vendor.user,
        "client_secret": vendor.password,
        "rejected_statuses": "Not Moving Forward",
        "withdrawn_statuses": "Candidate Withdrew",
        "hired_statuses": "Hired",
        "erased_statuses": "Anonymized",
        "notice_delay_days": "0",
    }


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = ReportStandIn()
    case = stand_in.apply(
        given_name="Hanako", family_name="Example", email="hanako@example.jp", job="営業"
    )
    stand_in.dispose(case, disposition="Not Moving Forward", reason="Experience")
    return Scene.rejected(
        stand_in,
        case,
        person="C-0001",
        settings=lambda url: settings(stand_in, url),
        effects=lambda: json.loads(json.dumps(stand_in.rows)),
    )
