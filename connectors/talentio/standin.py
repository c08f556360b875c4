"""Talentio in miniature: one token, pages of a hundred, tags that are replaced as a whole.

As public clients know it: a bare list whose size stands in X-Total; X-Remaining and X-Reset in
each answer; candidates of somebody who left the company are shown only where that is asked for;
reading one candidate adds the evaluations. Parameters nobody documents are refused with 400.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/api/v1"
PAGE = 100
CALLS, SECONDS = 5000, 3600
JST = timezone(timedelta(hours=9))
STATUSES = ("ongoing", "reject", "fail", "pass", "poolActive", "poolInactive")
SORTS = ("registeredAt", "appliedAt", "updatedAt")
PARAMETERS = {"page", "status", "sort", "updatedAtFrom", "includeInactiveResponsibleEmployees"}
SITE = {"channelType": "site", "channelName": "応募ページ"}
Record = dict[str, Any]


class TalentioStandIn(StandIn):
    """One company; ``token`` opens it."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.token = secrets.token_urlsafe(24)
        self.calls_an_hour = CALLS
        self.used = 0
        self.hour_ends = clock()
        self.candidates: dict[int, Record] = {}
        self.updated: dict[int, datetime] = {}
        self.left_company: set[int] = set()

    # What people do.

    def apply(
        self, *, family_name: str, given_name: str, email: str, channel: Mapping[str, Any] = SITE
    ) -> int:
        """A new candidate on a requisition; the id."""
        now = self._now()
        with self.lock:
            id_ = 5_200_000 + len(self.updated) + 1
            self.candidates[id_] = {
                "id": id_,
                "lastName": family_name,
                "firstName": given_name,
                "email": email,
                "description": "",
                "requisition": {"id": 101, "name": "バックエンドエンジニア", "active": True},
                "registeredAt": now,
                "appliedAt": now,
                "status": "ongoing",
                **channel,
                "priority": 0,
                "tags": [],
                "customFields": [],
                "stages": [{"id": id_ * 10, "type": "resume", "status": "ongoing"}],
                "url": f"https://talentio.com/r/ats/candidates/{id_}",
            }
            self.updated[id_] = self.clock()
        return id_

    def reject(self, id_: int) -> None:
        """お見送り, confirmed by a person."""
        self._end(id_, "fail")

    def withdraw(self, id_: int) -> None:
        """辞退."""
        self._end(id_, "reject")

    def hire(self, id_: int) -> None:
        """採用."""
        self._end(id_, "pass")

    def reopen(self, id_: int) -> None:
        """Back to 選考中: status and times of the end are gone."""
        with self.lock:
            record = self.candidates[id_]
            record.pop("fixedAt", None)
            record["status"] = "ongoing"
            record["stages"][-1] |= {"status": "ongoing", "fixedAt": None}
            self.updated[id_] = self.clock()

    def erase(self, id_: int) -> None:
        with self.lock:
            del self.candidates[id_]

    def tag(self, id_: int, *names: str) -> None:
        """A recruiter sets tags."""
        with self.lock:
            self.candidates[id_]["tags"] = [{"name": name} for name in names]
            self.updated[id_] = self.clock()

    def tags(self, id_: int) -> list[str]:
        """What stands on the candidate; nothing where there is none."""
        return [tag["name"] for tag in self.candidates.get(id_, {"tags": []})["tags"]]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self._answer(401, {"message": "unauthorized"})
        with self.lock:
            if self.clock() >= self.hour_ends:
                self.used, self.hour_ends = 0, self.clock() + timedelta(seconds=SECONDS)
            if self.used >= self.calls_an_hour:
                return self._answer(429, {"message": "too many requests"})
            self.used += 1
        return None

    def too_many(self, seconds_left: float) -> Response:
        """No Retry-After: X-Reset tells the seconds."""
        headers = {"X-Remaining": "0", "X-Reset": str(round(seconds_left))}
        return self.json_response(429, {"message": "too many requests"}, headers=headers)

    @route("GET", BASE + "/candidates")
    def list_candidates(self, request: Request) -> Response:
        """A hundred a page, whoever asks for what."""
        args = request.args
        page, sort = args.get("page", "1"), args.get("sort", "registeredAt")
        known = args.keys() <= PARAMETERS and args.get("status", "fail") in STATUSES
        if not (known and page.isdigit() and int(page) and sort.removeprefix("-") in SORTS):
            return self._answer(400, {"message": "bad request"})
        with self.lock:
            rows = [row for row in self.candidates.values() if self._shown(row, args)]
            rows.sort(key=lambda row: self._key(row, sort), reverse=sort.startswith("-"))
            shown = rows[(int(page) - 1) * PAGE : int(page) * PAGE]
            return self._answer(200, shown, total=len(rows))

    @route("GET", BASE + "/candidates/<int:id_>")
    def get_candidate(self, request: Request, id_: int) -> Response:  # noqa: ARG002
        with self.lock:
            record = self.candidates.get(id_)
            if record is None:
                return self._answer(404, {"message": "not found"})
            stages = [{**stage, "evaluations": []} for stage in record["stages"]]
            return self._answer(200, {**record, "stages": stages})

    @route("PATCH", BASE + "/candidates/<int:id_>")
    def update(self, request: Request, id_: int) -> Response:
        """tagNames is the whole set; the answer has no body."""
        sent: Any = json.loads(request.get_data() or b"null")
        names = sent.get("tagNames") if isinstance(sent, dict) else None
        if not isinstance(names, list) or len(sent) > 1:
            return self._answer(400, {"message": "bad request"})
        if id_ not in self.candidates:
            return self._answer(404, {"message": "not found"})
        self.tag(id_, *names)
        return Response(status=200, headers=self._allowance())

    def _shown(self, row: Record, args: Mapping[str, str]) -> bool:
        """Times without a zone are read as UTC here; it is not documented."""
        since = datetime.fromisoformat(args.get("updatedAtFrom", "1970-01-01T00:00:00"))
        everybody = args.get("includeInactiveResponsibleEmployees") == "true"
        hidden = row["id"] in self.left_company and not everybody
        wanted = args.get("status", row["status"]) == row["status"]
        return wanted and not hidden and self.updated[row["id"]] >= since.replace(tzinfo=UTC)

    def _key(self, row: Record, sort: str) -> tuple[str, int]:
        name = sort.removeprefix("-")
        at = self.updated[row["id"]].isoformat() if name == "updatedAt" else row[name]
        return at, row["id"]

    def _end(self, id_: int, status: str) -> None:
        with self.lock:
            record = self.candidates[id_]
            record |= {"status": status, "fixedAt": self._now()}
            if status != "reject":
                record["stages"][-1] |= {"status": status, "fixedAt": self._now()}
            self.updated[id_] = self.clock()

    def _answer(self, status: int, data: Any, *, total: int | None = None) -> Response:
        counted = {} if total is None else {"X-Total": str(total)}
        return self.json_response(status, data, headers={**self._allowance(), **counted})

    def _allowance(self) -> dict[str, str]:
        seconds = round((self.hour_ends - self.clock()).total_seconds())
        left = max(0, self.calls_an_hour - self.used)
        return {"X-Remaining": str(left), "X-Reset": str(max(0, seconds))}

    def _now(self) -> str:
        return self.clock().astimezone(JST).isoformat(timespec="seconds")


def scene() -> Scene:
    """One rejected candidate, for the conformance suite."""
    stand_in = TalentioStandIn()
    id_ = stand_in.apply(family_name="見本", given_name="花子", email="hanako@example.jp")
    stand_in.tag(id_, "中途")
    stand_in.reject(id_)
    return Scene.rejected(
        stand_in,
        str(id_),
        person=str(id_),
        settings=lambda url: {"api_url": url + BASE, "api_token": stand_in.token},
        effects=lambda: stand_in.tags(id_),
    )
