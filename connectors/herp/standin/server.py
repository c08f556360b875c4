"""A HERP Hire tenant that answers over HTTP as the vendor is known to.

It enforces the Bearer key and its scopes, the tenant's 100 requests a minute (a fixed window,
told in every answer), pages of 100 whatever ``limit`` says, filters by day in Japan time, and
the different fields of list and single reads. Optional keys are absent, never null.

People act on it through methods: ``apply``, ``reject``, ``withdraw``, ``hire``,
``not_eligible``, ``reopen``, ``erase``. What the vendor does not document (the wrapper of the
comments, for one) is the stand-in's own choice, and the connector must not rely on it.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

from careerrelay.connectors import Application, ApplicationState, Candidate, utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

JST = timezone(timedelta(hours=9))
SCOPES = frozenset({"candidacy:read", "candidacy:write", "requisition:read"})
STEPS = (
    "entry",
    "casualInterview",
    "resumeScreening",
    "firstInterview",
    "secondInterview",
    "thirdInterview",
    "finalInterview",
    "offered",
    "offerAccepted",
)
TERMINATIONS = ("hired", "refusedByCandidate", "rejected", "notEligible")
CAREER_PAGE = {"type": "careerPage"}

_PAGE = 100
_CALLS = 100
_SECONDS = 60
_CHOICES = {
    "status": ("active", "terminated"),
    "step": STEPS,
    "terminationReason": TERMINATIONS,
    "sort": ("appliedAt", "stepUpdatedAt"),
    "direction": ("asc", "desc"),
}
_DAYS = ("appliedAtFrom", "appliedAtTo", "stepUpdatedAtFrom", "stepUpdatedAtTo")
_SINGLE = (
    "id",
    "name",
    "status",
    "requisitionId",
    "appliedAt",
    "step",
    "stepUpdatedAt",
    "channel",
    "operators",
    "tags",
)
_COMMENT_KEYS = {"body", "textType", "mentionTo"}


class BadParameterError(ValueError):
    """A 400; the text is the parameter's name."""


class HerpStandIn(StandIn):
    """One tenant. ``api_key`` opens it with ``scopes``; ``clock`` gives the aware present."""

    def __init__(
        self,
        *,
        api_key: str = "herp-standin-key",
        scopes: frozenset[str] = SCOPES,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        super().__init__(clock=clock)
        self.api_key = api_key
        self.scopes = scopes
        self._requisitions: dict[str, dict[str, Any]] = {}
        self._rows: dict[str, dict[str, Any]] = {}
        self._agents: dict[str, dict[str, Any]] = {}
        self._comments: dict[str, list[dict[str, Any]]] = {}
        self._used = 0
        self._reset_at = clock()
        self.most_used = 0
        self.after_page: Callable[[int], None] | None = None

    # What people do in the product.

    def add_requisition(self, name: str, *, archived: bool = False) -> str:
        """A 職種; returns its id."""
        requisition_id = str(uuid.uuid4())
        with self.lock:
            self._requisitions[requisition_id] = {
                "id": requisition_id,
                "name": name,
                "status": "archived" if archived else "active",
                "createdAt": self._now(),
                "updatedAt": self._now(),
            }
        return requisition_id

    def apply(
        self,
        requisition_id: str,
        *,
        name: str,
        email: str = "",
        channel: Mapping[str, Any] = CAREER_PAGE,
        applied_at: datetime | None = None,
        step: str = "entry",
        note: str = "",
    ) -> str:
        """A new application; returns its id. ``applied_at`` may lie in the past (import)."""
        applied = _iso(applied_at or self.clock())
        candidacy_id = str(uuid.uuid4())
        optional = {"email": email, "note": note}
        row = {
            "id": candidacy_id,
            "name": name,
            "status": "active",
            "requisitionId": requisition_id,
            "appliedAt": applied,
            "step": step,
            "stepUpdatedAt": applied,
            **{key: value for key, value in optional.items() if value},
            "channel": dict(channel),
            "operators": [],
            "tags": [],
            "updatedAt": applied,
        }
        with self.lock:
            self._rows[candidacy_id] = row
        return candidacy_id

    def reject(self, candidacy_id: str, *, at: datetime | None = None) -> None:
        """選考終了: 不採用. ``at`` is what the recruiter types, kept to the minute."""
        self._terminate(candidacy_id, reason="rejected", at=at)

    def withdraw(self, candidacy_id: str, *, at: datetime | None = None) -> None:
        """選考終了: 応募者辞退."""
        self._terminate(candidacy_id, reason="refusedByCandidate", at=at)

    def hire(self, candidacy_id: str, *, at: datetime | None = None) -> None:
        """選考終了: 入社決定."""
        self._terminate(candidacy_id, reason="hired", at=at)

    def not_eligible(self, candidacy_id: str, *, at: datetime | None = None) -> None:
        """選考終了: 非選考対象."""
        self._terminate(candidacy_id, reason="notEligible", at=at)

    def reopen(self, candidacy_id: str) -> None:
        """Back to selection: the row leaves the ended ones and forgets why it was there."""
        with self.lock:
            row = self._rows[candidacy_id]
            row.pop("terminationReason", None)
            row.pop("terminatedAt", None)
            row.update(status="active", updatedAt=self._now())

    def erase(self, candidacy_id: str) -> None:
        """応募を削除: gone from every answer, comments included."""
        with self.lock:
            del self._rows[candidacy_id]
            self._comments.pop(candidacy_id, None)

    def spend(self, calls: int) -> None:
        """Requests that the customer's other scripts make."""
        with self.lock:
            self._renew_window()
            self._used += calls

    # What a test or the demo looks at.

    def candidacy(self, candidacy_id: str) -> dict[str, Any]:
        """A copy of the whole row."""
        with self.lock:
            return dict(self._rows[candidacy_id])

    def comments(self, candidacy_id: str) -> list[str]:
        """The bodies of the timeline comments, oldest first."""
        with self.lock:
            return [comment["body"] for comment in self._comments.get(candidacy_id, [])]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        """Key, scope and allowance, in this order; a refused key costs nothing."""
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return self._answer(401, {"message": "unauthorized"})
        with self.lock:
            self._renew_window()
            if self._used >= _CALLS:
                return self._answer(429, {"message": "too many requests"})
            self._used += 1
            self.most_used = max(self.most_used, self._used)
        if _scope(request) not in self.scopes:
            return self._answer(403, {"message": "forbidden"})
        return None

    @route("GET", "/v1/candidacies")
    def list_candidacies(self, request: Request) -> Response:
        """Pages of 100; ``limit`` is ignored."""
        try:
            query = _query(request.args)
            number = _page_number(request.args)
        except BadParameterError as error:
            return self._answer(400, {"message": f"invalid parameter: {error}"})
        with self.lock:
            rows = [row for row in self._rows.values() if _matches(row, query)]
            key = query.get("sort", "appliedAt")
            rows.sort(key=lambda row: row["id"])
            rows.sort(key=lambda row: row[key], reverse=query.get("direction") != "asc")
            response = self._page(rows, number=number, name="candidacies")
        if self.after_page:
            self.after_page(number)
        return response

    @route("GET", "/v1/candidacies/<candidacy_id>")
    def get_candidacy(self, request: Request, candidacy_id: str) -> Response:  # noqa: ARG002
        """Fewer fields than a list row: no e-mail, reason, times of end and update."""
        with self.lock:
            row = self._rows.get(candidacy_id)
            if row is None:
                return self._answer(404, {"message": "not found"})
            single = {key: row[key] for key in _SINGLE}
        if row["channel"]["type"] == "agent":
            address = {"mainEmailAddress": "agent@example.jp", "subEmailAddresses": []}
            single["agentEmailAddress"] = address
        return self._answer(200, {**single, "links": []})

    @route("GET", "/v1/candidacies/<candidacy_id>/timeline-comments")
    def list_comments(self, request: Request, candidacy_id: str) -> Response:  # noqa: ARG002
        """All at once; the reference mentions no pages."""
        with self.lock:
            if candidacy_id not in self._rows:
                return self._answer(404, {"message": "not found"})
            comments = list(self._comments.get(candidacy_id, []))
        return self._answer(200, {"timelineComments": comments})

    @route("POST", "/v1/candidacies/<candidacy_id>/timeline-comments")
    def add_comment(self, request: Request, candidacy_id: str) -> Response:
        """Every call makes a comment: there is no idempotency."""
        with self.lock:
            if candidacy_id not in self._rows:
                return self._answer(404, {"message": "not found"})
            body: Any = request.get_json(silent=True)
            problem = _comment_problem(body)
            if problem:
                return self._answer(400, {"message": f"invalid parameter: {problem}"})
            comment = {**body, "id": str(uuid.uuid4()), "createdAt": self._now()}
            self._comments.setdefault(candidacy_id, []).append(comment)
        return self._answer(200, comment)

    @route("GET", "/v1/requisitions")
    def list_requisitions(self, request: Request) -> Response:
        """Newest first, archived ones included."""
        try:
            number = _page_number(request.args)
        except BadParameterError as error:
            return self._answer(400, {"message": f"invalid parameter: {error}"})
        with self.lock:
            rows = list(reversed(self._requisitions.values()))
            return self._page(rows, number=number, name="requisitions")

    def _terminate(self, candidacy_id: str, *, reason: str, at: datetime | None) -> None:
        """``stepUpdatedAt`` stays as it is: ending a case does not move it."""
        ended = (at or self.clock()).replace(second=0, microsecond=0)
        with self.lock:
            self._rows[candidacy_id].update(
                status="terminated",
                terminationReason=reason,
                terminatedAt=_iso(ended),
                updatedAt=self._now(),
            )

    def _page(self, rows: Sequence[dict[str, Any]], *, number: int, name: str) -> Response:
        start = (number - 1) * _PAGE
        shown = rows[start : start + _PAGE]
        return self._answer(200, {name: shown, "hasNextPage": len(rows) > start + _PAGE})

    def _renew_window(self) -> None:
        if self.clock() >= self._reset_at:
            self._used = 0
            self._reset_at = self.clock() + timedelta(seconds=_SECONDS)

    def _answer(self, status: int, data: Any) -> Response:
        """JSON with the allowance, and with the Date of this tenant's own clock."""
        response = Response(
            json.dumps(data, ensure_ascii=False), status=status, mimetype="application/json"
        )
        response.date = self.clock()
        response.headers["x-remaining-request"] = str(max(0, _CALLS - self._used))
        response.headers["x-reset-at"] = self._reset_at.astimezone(JST).isoformat()
        return response

    def _now(self) -> str:
        return _iso(self.clock())


def _iso(moment: datetime) -> str:
    return moment.astimezone(JST).isoformat(timespec="seconds")


def _scope(request: Request) -> str:
    if request.path.startswith("/v1/requisitions"):
        return "requisition:read"
    return "candidacy:read" if request.method == "GET" else "candidacy:write"


def _page_number(args: Mapping[str, str]) -> int:
    page = args.get("page", "1")
    if not page.isdigit() or int(page) < 1:
        raise BadParameterError("page")
    return int(page)


def _query(args: Mapping[str, str]) -> dict[str, str]:
    """The filters that HERP knows; unknown names are ignored, bad values refused."""
    for name, choices in _CHOICES.items():
        if name in args and args[name] not in choices:
            raise BadParameterError(name)
    for name in _DAYS:
        if name in args:
            _day(args[name], name=name)
    known = {*_CHOICES, *_DAYS, "requisitionId"}
    return {name: value for name, value in args.items() if name in known}


def _day(text: str, *, name: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=JST).date()
    except ValueError:
        raise BadParameterError(name) from None


def _matches(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    same = ("status", "step", "terminationReason", "requisitionId")
    if any(name in query and row.get(name) != query[name] for name in same):
        return False
    return all(_within(row, query, key=key) for key in ("appliedAt", "stepUpdatedAt"))


def _within(row: Mapping[str, Any], query: Mapping[str, str], *, key: str) -> bool:
    """Whole days in Japan time, the last one included; all stored times are +09:00."""
    day = row[key][:10]
    return query.get(key + "From", day) <= day <= query.get(key + "To", day)


def _comment_problem(body: Any) -> str:
    """The name of the first bad parameter, "" when the comment is fine."""
    if not isinstance(body, dict):
        return "request body"
    unknown = sorted(body.keys() - _COMMENT_KEYS)
    text = body.get("body")
    mention = body.get("mentionTo", [])
    checks = {
        "body": isinstance(text, str) and 0 < len(text) <= 20_000,
        "textType": body.get("textType", "text/plain") in ("text/plain", "text/markdown"),
        "mentionTo": isinstance(mention, list) and all(isinstance(u, str) for u in mention),
    }
    return next((name for name, fine in checks.items() if not fine), "".join(unknown[:1]))


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = HerpStandIn()
    case = stand_in.apply(
        stand_in.add_requisition("営業"), name="見本 花子", email="hanako@example.jp"
    )
    stand_in.reject(case)
    return Scene(
        stand_in=stand_in,
        application=Application(
            external_id=case,
            candidate=Candidate(case, emails=("hanako@example.jp",), full_name="見本 花子"),
            state=ApplicationState.REJECTED,
            changed_at=stand_in.clock(),
        ),
        settings=lambda url: {"api_url": url, "api_key": stand_in.api_key},
        effects=lambda: stand_in.comments(case),
    )
