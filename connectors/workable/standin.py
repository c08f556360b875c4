"""Workable in miniature: records of people on jobs, comments, tags that PUT replaces.

As documented: ten calls in ten seconds and the moment at which they begin anew, scopes, pages by
a URL, lists that lack what the single record has, and no web hook for a disqualification.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from careerrelay.connectors import (
    hmac_sha256_hex,
    utcnow,
)
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

BASE = "/spi/v3"
SINGLE_ONLY = ("withdrew", "disqualified_at", "tags")
SCOPES = frozenset({"r_jobs", "r_candidates", "w_candidates"})
Answer = tuple[int, Any]


class WorkableStandIn(StandIn):
    """One account; ``token`` opens it with ``scopes``."""

    retry_seconds = (60.0, 600.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.token = secrets.token_hex(20)
        self.scopes = SCOPES
        self.member = "1f395d"
        self.candidates: dict[str, dict[str, Any]] = {}
        self.comments: dict[str, list[dict[str, Any]]] = {}
        self.attributes: dict[str, str] = {}
        self.attribute_keys = {"careerrelay"}
        self.touches_updated_at = True

    # What people do.

    def apply(self, *, name: str, email: str, job: str, sourced: bool = False) -> str:
        """A new record; its id."""
        given, _, family = name.partition(" ")
        now = self._now()
        with self.lock:
            id_ = f"{0x272731B1 + len(self.candidates):x}"
            self.candidates[id_] = {
                "id": id_,
                "name": name,
                "firstname": given,
                "lastname": family,
                "email": email,
                "job": {"shortcode": f"J{len(self.candidates)}", "title": job},
                "stage": "Applied",
                "stage_kind": "applied",
                "disqualified": False,
                "disqualified_at": None,
                "disqualification_reason": None,
                "withdrew": False,
                "anonymized": False,
                "hired_at": None,
                "sourced": sourced,
                "outlet": None,
                "common_source": None,
                "tags": [],
                "created_at": now,
                "updated_at": now,
            }
            self.comments[id_] = []
        self._tell("candidate_created", id_)
        return id_

    def disqualify(
        self, id_: str, *, reason: str = "Other candidates", withdrew: bool = False
    ) -> None:
        """No web hook follows."""
        end = {"disqualified_at": self._now(), "disqualification_reason": reason}
        self._change(id_, disqualified=True, withdrew=withdrew, **end)

    def revert(self, id_: str) -> None:
        end = {"disqualified_at": None, "disqualification_reason": None}
        self._change(id_, disqualified=False, withdrew=False, **end)

    def move(self, id_: str, stage: str) -> None:
        self._change(id_, stage=stage, stage_kind=stage.lower())
        self._tell("candidate_moved", id_)

    def anonymize(self, id_: str) -> None:
        gone = dict.fromkeys(("firstname", "lastname", "email"), "")
        self._change(id_, anonymized=True, **gone)

    def delete(self, id_: str) -> None:
        with self.lock:
            record = self.candidates.pop(id_)
            del self.comments[id_]
        self._send("candidate_deleted", {"id": record["id"]})

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.json_response(401, {"error": "Not authorized"})
        reads = {"candidates": "r_candidates"}
        scope = reads.get(request.path.split("/")[3], "r_jobs")
        if request.method != "GET":
            scope = "w_candidates"
        if scope not in self.scopes:
            return self.json_response(403, {"error": "Forbidden"})
        return self.limit("token", calls=10, seconds=10)

    def too_many(self, seconds_left: float) -> Response:
        """The moment of the next window, and no Retry-After."""
        at = int((datetime.now(UTC) + timedelta(seconds=seconds_left + 1)).timestamp())
        headers = {"X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(at)}
        return self.json_response(429, {"error": "Too many requests"}, headers=headers)

    @route("GET", BASE + "/candidates")
    def list_candidates(self, request: Request) -> Answer:
        """In the order of their ids; the rows say less than the records."""
        limit = min(int(request.args.get("limit", 50)), 100)
        after, since = request.args.get("updated_after", ""), request.args.get("since_id", "")
        with self.lock:
            found = [
                record
                for id_, record in sorted(self.candidates.items())
                if id_ > since and (not after or _at(record["updated_at"]) > _at(after))
            ]
        shown = [
            {key: value for key, value in record.items() if key not in SINGLE_ONLY}
            for record in found[:limit]
        ]
        if len(found) <= limit:
            return 200, {"candidates": shown, "paging": {}}
        query = {"limit": limit, "since_id": shown[-1]["id"], "updated_after": after}
        url = f"{request.base_url}?{urlencode(query)}"
        return 200, {"candidates": shown, "paging": {"next": url}}

    @route("GET", BASE + "/candidates/<id_>")
    def get_candidate(self, request: Request, id_: str) -> Answer:  # noqa: ARG002
        found = self.candidates.get(id_)
        return (200, {"candidate": found}) if found else self._missing()

    @route("PUT", BASE + "/candidates/<id_>/tags")
    def put_tags(self, request: Request, id_: str) -> Answer:
        """The whole list, whatever was in it."""
        tags = self._body(request).get("tags")
        if id_ not in self.candidates:
            return self._missing()
        if not isinstance(tags, list):
            return 422, {"error": "tags is invalid"}
        self._change(id_, tags=list(dict.fromkeys(tags)))
        return 200, {"tags": self.candidates[id_]["tags"]}

    @route("GET", BASE + "/candidates/<id_>/activities")
    def list_activities(self, request: Request, id_: str) -> Answer:
        if id_ not in self.comments:
            return self._missing()
        other = [{"action": "applied", "body": None}]
        wanted = request.args.get("actions", "")
        return 200, {"activities": [*self.comments[id_], *([] if wanted == "comment" else other)]}

    @route("POST", BASE + "/candidates/<id_>/comments")
    def add_comment(self, request: Request, id_: str) -> Answer:
        """Every call makes one."""
        body = self._body(request)
        comment = body.get("comment")
        if id_ not in self.comments:
            return self._missing()
        if body.get("member_id") != self.member or not isinstance(comment, dict):
            return 422, {"error": "member_id or comment is invalid"}
        with self.lock:
            self.comments[id_].append({"action": "comment", "body": comment["body"]})
        return 200, {"id": secrets.token_hex(4)}

    @route("PATCH", BASE + "/candidates/<id_>/update_custom_attribute_value")
    def set_attribute(self, request: Request, id_: str) -> Answer:
        """404 as well where the attribute is not on the job."""
        body = self._body(request)
        if id_ not in self.candidates or body.get("custom_attribute_key") not in (
            self.attribute_keys
        ):
            return self._missing()
        self.attributes[id_] = body["value"]
        return 200, {}

    @route("GET", BASE + "/disqualification_reasons")
    def list_reasons(self, request: Request) -> Answer:  # noqa: ARG002
        return 200, [
            {"id": "b29c63", "description": "Other candidates", "candidate_withdrew": False},
            {"id": "b29c6e", "description": "Withdrew", "candidate_withdrew": True},
        ]

    @route("GET", BASE + "/members")
    def list_members(self, request: Request) -> Answer:  # noqa: ARG002
        return 200, {"members": [{"id": self.member, "active": True}], "paging": {}}

    def accepted(self, status: int) -> bool:
        return status == 200

    def _change(self, id_: str, **values: Any) -> None:
        with self.lock:
            moved = {"updated_at": self._now()} if self.touches_updated_at else {}
            self.candidates[id_] |= values | moved

    def _tell(self, event: str, id_: str) -> None:
        self._send(event, self.candidates[id_])

    def _send(self, event: str, data: dict[str, Any]) -> None:
        """The state of now, signed with the token."""
        if self.hook_url:
            body = json.dumps({"event_type": event, "data": data}).encode()
            signature = hmac_sha256_hex(self.token, body)
            self.deliver(self.hook_url, body, {"X-Workable-Signature": signature})

    def _body(self, request: Request) -> dict[str, Any]:
        body: Any = request.get_json(silent=True)
        return body if isinstance(body, dict) else {}

    def _missing(self) -> Answer:
        return 404, {"error": "Not found"}

    def _now(self) -> str:
        return self.clock().isoformat(timespec="seconds").replace("+00:00", "Z")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


class Ticking:
    """A clock on which every look takes two seconds, so that ten calls last longer than ten."""

    def __init__(self) -> None:
        self.now = utcnow()

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=2)
        return self.now


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = WorkableStandIn(clock=Ticking())
    case = stand_in.apply(name="Hanako Example", email="hanako@example.jp", job="営業")
    stand_in.candidates[case]["tags"] = ["vip"]
    stand_in.disqualify(case)
    return Scene.rejected(
        stand_in,
        case,
        person=case,
        settings=lambda url: {
            "api_url": url + BASE,
            "api_token": stand_in.token,
            "member_id": stand_in.member,
            "report_attribute": "careerrelay",
        },
        effects=lambda: {
            "tags": list(stand_in.candidates[case]["tags"]),
            "comments": [comment["body"] for comment in stand_in.comments[case]],
            "attributes": dict(stand_in.attributes),
        },
    )
