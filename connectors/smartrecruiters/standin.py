"""SmartRecruiters in miniature: people on jobs, histories, the feed, subscriptions.

As documented: ten calls a second and one candidate list at a time, tags that POST adds and PUT
replaces, a feed that only administrators read, subscriptions that are activated by an echo, and
web hooks that are sent again unless they are answered with 202.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from careerrelay.connectors import pair_id, utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

PAGE = 100
HOOKS = "/webhooks-api/v201907/subscriptions"
Answer = tuple[int, Any]


class SmartrecruitersStandIn(StandIn):
    """One company; ``api_key`` opens it, as an administrator unless told otherwise."""

    retry_seconds = (60.0, 180.0, 600.0, 2700.0, 7200.0, 86400.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.api_key = "DCRA1-" + secrets.token_hex(16)
        self.secret = "sk-" + secrets.token_hex(12)
        self.administrator = True
        self.people: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, str] = {}
        self.histories: dict[str, list[dict[str, Any]]] = {}
        self.tags: dict[str, list[str]] = {}
        self.properties: dict[str, str] = {}
        self.feed: list[dict[str, Any]] = []
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.reasons = {
            "rejection-reasons": {"r1": "Other candidates", "r2": "Skills"},
            "withdrawal-reasons": {"w1": "Accepted another offer"},
        }
        self.property_ids = {"p1"}
        self._listing = threading.Lock()

    # What people do.

    def apply(
        self, *, name: str, email: str, job: str, source: str = "", internal: bool = False
    ) -> str:
        """A new person on a new job; the case's id."""
        given, _, family = name.partition(" ")
        with self.lock:
            job_id, person = f"j-{len(self.jobs) + 1}", f"c-{len(self.people) + 1}"
            self.jobs[job_id] = job
            now = self._now()
            self.people[person] = {
                "id": person,
                "internal": internal,
                "firstName": given,
                "lastName": family,
                "email": email,
                "createdOn": now,
                "updatedOn": now,
                "secondaryAssignments": [],
            }
            self.tags[person] = []
            self.assign(person, job_id, source=source)
        return pair_id(person, job_id)

    def assign(self, person: str, job: str, *, source: str = "") -> None:
        """Put on a job; the first one is the primary."""
        place = {"job": {"id": job, "title": self.jobs[job]}, "status": "NEW", "source": source}
        with self.lock:
            if "primaryAssignment" in self.people[person]:
                self.people[person]["secondaryAssignments"].append(place)
            else:
                self.people[person]["primaryAssignment"] = place
        self._moved(person, place, "application.created")

    def set_status(self, case: str, status: str, *, reason: str = "") -> None:
        """A recruiter moves, rejects, or takes it back."""
        person, _, job = case.partition(":")
        place = next(p for p in self._places(person) if p["job"]["id"] == job)
        kinds = {"REJECTED": "rejection", "WITHDRAWN": "withdrawal"}
        with self.lock:
            for kind in ("rejection", "withdrawal"):
                place.pop(f"reasonOf{kind.capitalize()}", None)
            place["status"] = status
            if reason:
                label = self.reasons[f"{kinds[status]}-reasons"][reason]
                place[f"reasonOf{kinds[status].capitalize()}"] = {"id": reason, "label": label}
        self._moved(person, place, "application.status.updated")

    def reject(self, case: str, *, reason: str = "r1") -> None:
        self.set_status(case, "REJECTED", reason=reason)

    def withdraw(self, case: str) -> None:
        self.set_status(case, "WITHDRAWN", reason="w1")

    def erase(self, person: str) -> None:
        """Deleted, by hand or by a retention rule."""
        with self.lock:
            del self.people[person], self.tags[person]
        self._tell("candidate.deleted", {"candidate_id": person})

    # What programs ask for.

    def before(self, request: Request) -> Response | None:
        """The key, then ten calls a second."""
        if request.headers.get("X-SmartToken") != self.api_key:
            return self.json_response(401, {"message": "Unauthorized", "errors": []})
        return self.limit("key", calls=10, seconds=1)

    def too_many(self, seconds_left: float) -> Response:
        """No Retry-After: the vendor documents none."""
        del seconds_left
        headers = {"X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "0"}
        return self.json_response(429, {"message": "Too many requests"}, headers=headers)

    @route("GET", "/candidates")
    def list_candidates(self, request: Request) -> Response | Answer:
        """One at a time; pages by ``nextPageId``; the secondary jobs without title and status."""
        if not self._listing.acquire(blocking=False):
            return self.too_many(1)
        try:
            return self._page(request)
        finally:
            self._listing.release()

    def _page(self, request: Request) -> Answer:
        limit, since = int(request.args.get("limit", 10)), request.args.get("updatedAfter", "")
        if limit > PAGE or (since and datetime.fromisoformat(since).tzinfo is None):
            return 400, {"message": "Bad request", "errors": [{"code": "INVALID_PARAMETER"}]}
        wanted, after = set(request.args.getlist("status")), request.args.get("pageId", "")
        with self.lock:
            found = [
                person
                for id_, person in sorted(self.people.items(), key=lambda item: int(item[0][2:]))
                if (not since or _at(person["updatedOn"]) > datetime.fromisoformat(since))
                and (not wanted or wanted & {p["status"] for p in self._places(id_)})
            ]
            start = next((n + 1 for n, p in enumerate(found) if p["id"] == after), 0)
            shown = [self._listed(person) for person in found[start : start + limit]]
        more = start + limit < len(found)
        page = {"limit": limit, "offset": 0, "totalFound": len(found), "content": shown}
        return 200, page | ({"nextPageId": shown[-1]["id"]} if more else {})

    def _listed(self, person: dict[str, Any]) -> dict[str, Any]:
        others = [{"job": {"id": p["job"]["id"]}} for p in person["secondaryAssignments"]]
        return self._whole(person) | {"secondaryAssignments": others}

    @route("GET", "/candidates/<person>")
    def get_candidate(self, request: Request, person: str) -> Answer:  # noqa: ARG002
        with self.lock:
            found = self.people.get(person)
            return (200, self._whole(found)) if found else self._missing()

    @route("GET", "/candidates/<person>/jobs/<job>/status/history")
    def get_history(self, request: Request, person: str, job: str) -> Answer:  # noqa: ARG002
        lines = self.histories.get(pair_id(person, job)) if person in self.people else None
        if lines is None:
            return self._missing()
        return 200, {"totalFound": len(lines), "content": lines}

    @route("GET", "/candidates/<person>/tags")
    def get_tags(self, request: Request, person: str) -> Answer:  # noqa: ARG002
        return (200, {"tags": self.tags[person]}) if person in self.tags else self._missing()

    @route("POST", "/candidates/<person>/tags")
    def add_tags(self, request: Request, person: str) -> Answer:
        """Adds, without a look at what is there."""
        return self._write_tags(request, person, lambda old, new: old + new)

    @route("PUT", "/candidates/<person>/tags")
    def replace_tags(self, request: Request, person: str) -> Answer:
        """Replaces them all."""
        return self._write_tags(request, person, lambda _, new: new)

    def _write_tags(
        self, request: Request, person: str, merge: Callable[[list[str], list[str]], list[str]]
    ) -> Answer:
        body: Any = request.get_json(silent=True)
        if person not in self.tags:
            return self._missing()
        if not isinstance(body, dict) or not isinstance(body.get("tags"), list):
            return 400, {"message": "Bad request", "errors": [{"code": "TAGS_MISSING"}]}
        with self.lock:
            self.tags[person] = merge(self.tags[person], body["tags"])
            self.people[person]["updatedOn"] = self._now()
        self._tell("candidate.updated", {"candidate_id": person})
        return 201, {"tags": self.tags[person]}

    @route("PUT", "/candidates/<person>/jobs/<job>/properties/<id_>")
    def set_property(self, request: Request, person: str, job: str, id_: str) -> Response | Answer:
        body: Any = request.get_json(silent=True)
        if id_ not in self.property_ids or person not in self.people:
            return self._missing()
        if not isinstance(body, dict) or not isinstance(body.get("value"), str):
            return 400, {"message": "Bad request", "errors": [{"code": "VALUE_MISSING"}]}
        with self.lock:
            self.properties[f"{person}:{job}:{id_}"] = body["value"]
        self._tell("application.fields.updated", {"candidate_id": person, "job_id": job})
        return Response(status=204)

    @route("GET", "/messages")
    def list_messages(self, request: Request) -> Answer:
        """For administrators; about one person."""
        person = request.args.get("candidateId", "")
        if not self.administrator:
            return 403, {"message": "Forbidden", "errors": []}
        found = [m for m in self.feed if f"#[CANDIDATE:{person}]" in m["content"]]
        start, limit = int(request.args.get("pageId", 0)), int(request.args.get("limit", 10))
        more = {"nextPageId": str(start + limit)} if start + limit < len(found) else {}
        return 200, {"content": found[start : start + limit], **more}

    @route("POST", "/messages/shares")
    def share(self, request: Request) -> Answer:
        """Every call makes a message, whatever its correlation id."""
        body: Any = request.get_json(silent=True)
        text = body.get("content") if isinstance(body, dict) else None
        if not isinstance(text, str) or not 0 < len(text) <= 10_000 or "<" in text:
            return 400, {"message": "Bad request", "errors": [{"code": "CONTENT_INVALID"}]}
        with self.lock:
            shared = {"content": text, "createdOn": self._now(), "shareWith": body["shareWith"]}
            self.feed.append(shared)
        return 201, {"id": str(len(self.feed)), "shareRequired": True}

    @route("GET", "/configuration/<kind>")
    def list_reasons(self, request: Request, kind: str) -> Answer:  # noqa: ARG002
        if kind not in self.reasons:
            return self._missing()
        content = [{"id": id_, "label": label} for id_, label in self.reasons[kind].items()]
        return 200, {"totalFound": len(content), "content": content}

    @route("GET", "/configuration/candidate-properties/<id_>")
    def get_property(self, request: Request, id_: str) -> Answer:  # noqa: ARG002
        known = id_ in self.property_ids
        return (200, {"id": id_, "label": "CareerRelay"}) if known else self._missing()

    @route("GET", HOOKS)
    def list_subscriptions(self, request: Request) -> Answer:  # noqa: ARG002
        return 200, list(self.subscriptions.values())

    @route("POST", HOOKS)
    def subscribe(self, request: Request) -> Answer:
        """Inactive until it is activated."""
        body: Any = request.get_json(silent=True)
        id_ = f"s-{len(self.subscriptions) + 1}"
        events = [{"name": event["name"], "version": "v201910"} for event in body["events"]]
        made = {"id": id_, "callbackUrl": body["callbackUrl"], "events": events}
        self.subscriptions[id_] = made | {"status": "inactive"}
        return 201, self.subscriptions[id_]

    @route("PUT", HOOKS + "/<id_>/activation")
    def activate(self, request: Request, id_: str) -> Response | Answer:  # noqa: ARG002
        """Only an answer of 200 with the same header back will do."""
        hook = self.subscriptions[id_]
        value = secrets.token_hex(8)
        answer = self.ask(hook["callbackUrl"], {"X-Hook-Secret": value})
        if answer is None or answer[0] != 200 or answer[1].get("x-hook-secret") != value:
            return 400, {"message": "Callback not confirmed", "errors": []}
        hook["status"] = "active"
        return Response(status=204)

    def accepted(self, status: int) -> bool:
        """202 and nothing else."""
        return status == 202

    def _moved(self, person: str, place: Mapping[str, Any], event: str) -> None:
        job = place["job"]["id"]
        line = {"changedOn": self._now(), "status": place["status"], "subStatus": ""}
        with self.lock:
            self.people[person]["updatedOn"] = self._now()
            self.histories.setdefault(pair_id(person, job), []).append(line)
        self._tell(event, {"job_id": job, "candidate_id": person})

    def _tell(self, event: str, ids: Mapping[str, str]) -> None:
        """To every active subscription, each delivery with an id of its own, kept by retries."""
        body = json.dumps(ids).encode()
        for hook in self.subscriptions.values():
            if hook["status"] != "active" or event not in {e["name"] for e in hook["events"]}:
                continue
            signed = [str(int(self.clock().timestamp())), secrets.token_hex(8), event, "v201910"]
            link = "<https://api.smartrecruiters.com/>; rel=self"
            message = ".".join([signed[0], body.decode(), *signed[1:], link]).encode()
            digest = hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()
            names = ("smartrecruiters-timestamp", "event-id", "event-name", "event-version")
            headers = dict(zip(names, signed, strict=True)) | {
                "Content-Type": "application/json",
                "link": link,
                "smartrecruiters-signature": f"v1={digest}",
            }
            self.deliver(hook["callbackUrl"], body, headers)

    def _places(self, person: str) -> list[dict[str, Any]]:
        record = self.people[person]
        return [record["primaryAssignment"], *record["secondaryAssignments"]]

    def _whole(self, person: dict[str, Any]) -> dict[str, Any]:
        return person | {"tags": list(self.tags[person["id"]])}

    def _missing(self) -> Answer:
        return 404, {"message": "Not found", "errors": [{"code": "NOT_FOUND"}]}

    def _now(self) -> str:
        return self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = SmartrecruitersStandIn()
    case = stand_in.apply(name="Hanako Example", email="hanako@example.jp", job="営業")
    stand_in.reject(case)
    person = case.partition(":")[0]
    return Scene.rejected(
        stand_in,
        case,
        person=person,
        settings=lambda url: {
            "api_url": url,
            "api_key": stand_in.api_key,
            "webhook_secret": stand_in.secret,
            "report_property": "p1",
        },
        effects=lambda: {
            "tags": list(stand_in.tags[person]),
            "properties": dict(stand_in.properties),
            "feed": [message["content"] for message in stand_in.feed],
        },
    )
