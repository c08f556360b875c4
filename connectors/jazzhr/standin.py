"""JazzHR in miniature, as a public SDK meets it: the key in the query, or in the body of a POST.

A list of one is an object, an empty one nothing at all; rows know steps by id, applicants by name
too; nothing says when a step changed; every POST makes another note.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

PAGE = 100
STEPS = {
    "2876530": "New",
    "2876534": "Not Hired - Experience",
    "2876535": "Not Hired - Candidate Withdrew",
    "2876536": "Hired",
}
USER = "usr_20200101000000_DDDD"
Answer = Response | tuple[int, Any]
Row = dict[str, Any]


class JazzHrStandIn(StandIn):
    """``api_key`` opens everything."""

    def __init__(self, *, clock: Callable[[], Any] = utcnow) -> None:
        super().__init__(clock=clock)
        self.api_key = secrets.token_urlsafe(24)
        self.people: dict[str, Row] = {}
        self.places: dict[str, Row] = {}
        self.comments: dict[str, list[Row]] = {}

    # What people do.

    def apply(self, *, given_name: str, family_name: str, email: str, job: str) -> str:
        """A new applicant on a new job; the case's id."""
        with self.lock:
            number = len(self.people) + 1
            person, job_id = f"prospect_20261101_{number:04}", f"job_20261001_{number:04}"
            self.people[person] = {
                "id": person,
                "first_name": given_name,
                "last_name": family_name,
                "email": email,
                "source": "LinkedIn",
            }
            self.places[person] = {
                "id": f"projob_{number:04}",
                "job_id": job_id,
                "job_title": job,
                "workflow_step_id": "2876530",
                "date": self.clock().date().isoformat(),
            }
            self.comments[person] = []
        return f"{person}:{job_id}"

    def move(self, case: str, step: str) -> None:
        """Nothing remembers when."""
        with self.lock:
            self.places[case.partition(":")[0]]["workflow_step_id"] = step

    def delete(self, case: str) -> None:
        person = case.partition(":")[0]
        with self.lock:
            del self.people[person], self.places[person]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        body: Any = request.get_json(silent=True) if request.method == "POST" else request.args
        if not isinstance(body, dict) or body.get("apikey") != self.api_key:
            return self.json_response(401, {"error": "Unauthorized"})
        if request.method == "GET" and set(request.args) != {"apikey"}:
            return self.json_response(400, {"error": "filters stand in the path"})
        return self.limit("key", calls=50, seconds=1)

    @route("GET", "/v1/applicants2jobs/page/<int:page>")
    def list_rows(self, request: Request, page: int) -> Answer:  # noqa: ARG002
        keys = ("id", "job_id", "workflow_step_id", "date")
        with self.lock:
            rows = [
                {"applicant_id": person, "rating": "0", **{key: place[key] for key in keys}}
                for person, place in self.places.items()
            ]
        return _several(rows[(page - 1) * PAGE : page * PAGE])

    @route("GET", "/v1/applicants/<person>")
    def get_applicant(self, request: Request, person: str) -> Answer:  # noqa: ARG002
        if person not in self.people:
            return Response(status=200)
        place = self.places[person]
        job = {key: place[key] for key in ("job_id", "job_title", "workflow_step_id")}
        job["applicant_progress"] = STEPS[place["workflow_step_id"]]
        shown = {"jobs": job, "comments": list(self.comments[person]), "categories": []}
        return 200, self.people[person] | shown

    @route("GET", "/v1/users")
    def list_users(self, request: Request) -> Answer:  # noqa: ARG002
        return _several([{"id": USER, "first_name": "Rec", "last_name": "Ruiter"}])

    @route("POST", "/v1/notes")
    def add_note(self, request: Request) -> Answer:
        note: Any = request.get_json()
        wanted = {"apikey", "applicant_id", "user_id", "contents", "security"}
        if (
            set(note) != wanted
            or note["user_id"] != USER
            or note["applicant_id"] not in self.people
        ):
            return 400, {"error": "not a note"}
        with self.lock:
            notes = self.comments[note["applicant_id"]]
            notes.append({"id": f"comment_{len(notes)}", "text": note["contents"]})
        return 200, {"comment_id": notes[-1]["id"]}


def _several(rows: list[Row]) -> Answer:
    if not rows:
        return Response(status=200)
    found = rows[0] if len(rows) == 1 else rows
    return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")


def settings(vendor: JazzHrStandIn, url: str) -> dict[str, str]:
    return {
        "api_url": f"{url}/v1",
        "api_key": vendor.api_key,
        "user_id": USER,
        "rejected_statuses": "Not Hired - Experience",
        "withdrawn_statuses": "Not Hired - Candidate Withdrew",
        "hired_statuses": "Hired",
    }


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = JazzHrStandIn()
    case = stand_in.apply(
        given_name="Hanako", family_name="Example", email="hanako@example.jp", job="営業"
    )
    person = case.partition(":")[0]
    stand_in.move(case, "2876534")
    return Scene.rejected(
        stand_in,
        case,
        person=person,
        settings=lambda url: settings(stand_in, url),
        effects=lambda: [note["text"] for note in stand_in.comments[person]],
    )
