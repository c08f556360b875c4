"""採用一括かんりくん in miniature: POST only, tokens of an hour, one status a search.

As a public client of the new-graduate edition knows it: at most a hundred students a page,
fields only as requested, ``expire_in`` as a moment. What nobody documents is refused with 400.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

JST = timezone(timedelta(hours=9))
MOST = 100
LIFE = timedelta(hours=1)
SEARCHES = {"status", "name", "email", "entry_date"}
FIELDS = {"id", "sei_kanji", "mei_kanji", "sei_kana", "mei_kana", "pc_email", "mobile_email"}
FIELDS |= {"mobile_number", "status", "school_name", "entry_date", "ef_items"}
DECLINED, IN_SELECTION, REJECTED = 5, 2, 8
Answer = tuple[int, Any]
Record = dict[str, Any]


class KanrikunStandIn(StandIn):
    """One company; ``client_id`` and ``client_secret`` get a token."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.client_id = "kanrikun-client"
        self.client_secret = secrets.token_urlsafe(24)
        self.calls_an_hour = 1000
        self.tokens: dict[str, datetime] = {}
        self.students: dict[int, Record] = {}
        self._last = 16_849_000

    # What people do.

    def enter(
        self,
        *,
        family_name: str,
        given_name: str,
        email: str,
        mobile: str = "",
        on: datetime | None = None,
    ) -> int:
        """A student enters, now unless told otherwise; the id."""
        day = (on or self.clock()).astimezone(JST).date().isoformat()
        with self.lock:
            self._last += 1
            self.students[self._last] = {
                "id": self._last,
                "sei_kanji": family_name,
                "mei_kanji": given_name,
                "sei_kana": "ミホン",
                "mei_kana": "ハナコ",
                "pc_email": email,
                "mobile_email": mobile,
                "mobile_number": "",
                "status": IN_SELECTION,
                "school_name": "見本大学",
                "entry_date": day,
                "ef_items": [],
            }
            return self._last

    def move(self, id_: int, status: int) -> None:
        """A recruiter sets the status."""
        with self.lock:
            self.students[id_]["status"] = status

    def erase(self, id_: int) -> None:
        with self.lock:
            del self.students[id_]

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        """Whether asking for tokens counts against the limit is not documented; here it does."""
        limited = self.limit("company", calls=self.calls_an_hour, seconds=3600)
        if limited or request.path.startswith("/auth/"):
            return limited
        ends = self.tokens.get(request.headers.get("X-KANRIKUN-TOKEN", ""))
        if ends is None or ends <= self.clock():
            return self.json_response(401, {"message": "invalid token"})
        return None

    def too_many(self, seconds_left: float) -> Response:  # noqa: ARG002 - nothing is told of it
        return self.json_response(429, {"message": "too many requests"})

    @route("POST", "/auth/v1.0/token/get")
    def get_token(self, request: Request) -> Answer:
        sent: Any = json.loads(request.get_data() or b"null")
        if sent != {"client_id": self.client_id, "client_secret": self.client_secret}:
            return 401, {"message": "invalid client"}
        token, ends = secrets.token_urlsafe(24), self.clock() + LIFE
        with self.lock:
            self.tokens[token] = ends
        return 200, {"access_token": token, "expire_in": int(ends.timestamp())}

    @route("POST", "/new-graduate/v1.0/student/get")
    def get_students(self, request: Request) -> Answer:
        """In the order of entry, as far as anybody knows."""
        sent: Any = json.loads(request.get_data() or b"null")
        if not _is_documented(sent):
            return 400, {"message": "bad request"}
        page, size, search = sent["page"], sent["size"], sent["search"]
        days = search.get("entry_date", {"start": "0000-00-00", "end": "9999-99-99"})
        with self.lock:
            rows = [
                row
                for row in self.students.values()
                if row["status"] == search.get("status", row["status"])
                and days["start"] <= row["entry_date"] <= days["end"]
            ]
            shown = rows[(page - 1) * size : page * size]
            students = [{name: row[name] for name in sent["request"]} for row in shown]
        return 200, {"total": len(rows), "students": students}


def _is_documented(sent: Any) -> bool:
    if not isinstance(sent, dict) or sent.keys() != {"page", "size", "search", "request"}:
        return False
    page, size, search, asked = (sent[name] for name in ("page", "size", "search", "request"))
    numbers = isinstance(page, int) and isinstance(size, int) and page >= 1 and 1 <= size <= MOST
    fields = isinstance(asked, list) and bool(asked) and set(asked) <= FIELDS
    known = isinstance(search, dict) and search.keys() <= SEARCHES
    return numbers and fields and known and isinstance(search.get("status", 1), int)


def scene() -> Scene:
    """One rejected student, for the conformance suite."""
    stand_in = KanrikunStandIn()
    id_ = stand_in.enter(family_name="見本", given_name="花子", email="hanako@example.jp")
    stand_in.move(id_, REJECTED)
    return Scene.rejected(
        stand_in,
        str(id_),
        person=str(id_),
        settings=lambda url: {
            "api_url": url,
            "client_id": stand_in.client_id,
            "client_secret": stand_in.client_secret,
            "channel": "direct",
        },
        effects=lambda: list(stand_in.students.values()),
    )
