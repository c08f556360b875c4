"""Bullhorn in miniature: sign-in, sessions, entities, queries, the queue of events, notes, files.

As documented or reported: a session for a token of one use, 412 without and 401 with a dead one,
reading that takes events out of the queue, an empty body where there are none, the last batch and
no other again, unread events and unused subscriptions that vanish after 30 days, 100 characters,
and a 429 that does not say how long.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing.standin import Request, Response, Scene, StandIn, route

from .records import Archive, Record, projected

LOGIN, OAUTH = "/rest-services", "/oauth"
CORP = LOGIN + "/e999"
QUEUE = CORP + "/event/subscription/<name>"
LONGEST_SESSION = timedelta(minutes=2880)
KEPT = timedelta(days=30)
ME = "77"
"""The API user."""
Answer = tuple[int, Any]


class BullhornStandIn(StandIn):
    """One corporation; its own company is 5001, and 5002 is a client of the agency next door."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.secret, self.password = secrets.token_hex(8), secrets.token_hex(8)
        self.archive = Archive(clock)
        self.entitled = ["CREATE", "READ_CORPORATE", "UPDATE_CORPORATE", "DELETE"]
        self.sessions: dict[str, datetime] = {}
        self.subscriptions: dict[str, Record] = {}
        self.sign_ins = 0
        self._codes: set[str] = set()
        self._grants: set[str] = set()

    def settings(self, url: str) -> dict[str, str]:
        """Those of a connection to the stand-in at that address."""
        return {
            "login_url": url + LOGIN,
            "client_id": "client-1",
            "client_secret": self.secret,
            "api_username": "careerrelay.api",
            "api_password": self.password,
            "own_company_ids": "5001",
            "rejected_statuses": "Client Rejected, Internally Rejected",
            "withdrawn_statuses": "Candidate Not Interested",
            "link_field": "customText5",
            "report_field": "customText6",
            "report_file": "yes",
        }

    # What people do.

    def apply(self, *, name: str, email: str, client: int = 5001, **person: Any) -> str:
        """Somebody new is submitted for a job of that client; the submission's id."""
        case = self.archive.submit(name=name, email=email, client=client, **person)
        self._tell("JobSubmission", case, "INSERTED")
        return str(case)

    def set_status(self, case: str, status: str) -> None:
        self.archive.change(int(case), {"status": status})
        self._tell("JobSubmission", int(case), "UPDATED", ("status", "dateLastModified"))

    def edit(self, case: str, **values: Any) -> None:
        """Anything but the status."""
        self.archive.change(int(case), values)
        self._tell("JobSubmission", int(case), "UPDATED", (*values, "dateLastModified"))

    def edit_person(self, case: str, **values: Any) -> None:
        person = self.archive.person_of(int(case))
        person.update(values)
        self._tell("Candidate", person["id"], "UPDATED", tuple(values))

    def remove(self, case: str) -> None:
        """For good, not marked only."""
        del self.archive.submissions[int(case)]
        self._tell("JobSubmission", int(case), "DELETED")

    def end_sessions(self) -> None:
        self.sessions.clear()

    def lose_queue(self) -> None:
        """Bullhorn drops subscriptions that nobody uses."""
        self.subscriptions.clear()

    # Signing in.

    @route("GET", LOGIN + "/loginInfo")
    def login_info(self, request: Request) -> Response | Answer:
        if not request.args.get("username"):
            return self._refuse(400)
        base = request.host_url.rstrip("/")
        return 200, {"oauthUrl": base + OAUTH, "restUrl": base + LOGIN + "/"}

    @route("POST", OAUTH + "/authorize")
    def authorize(self, request: Request) -> Response:
        """A redirect with a code, or the form again."""
        told = {key: request.args.get(key) for key in ("client_id", "response_type", "action")}
        if told != {"client_id": "client-1", "response_type": "code", "action": "Login"}:
            return self._refuse(400)
        given = request.args.get("username"), request.args.get("password")
        if given != ("careerrelay.api", self.password):
            return Response("<html><form>Login</form></html>", 200, mimetype="text/html")
        code = self._grant(self._codes)
        return Response(status=302, headers={"Location": f"https://www.example.com/?code={code}"})

    @route("POST", OAUTH + "/token")
    def token(self, request: Request) -> Response | Answer:
        args, code = request.args, request.args.get("code", "")
        client = args.get("client_id"), args.get("client_secret")
        if client != ("client-1", self.secret):
            return 401, {"error": "invalid_client"}
        if args.get("grant_type") != "authorization_code" or code not in self._codes:
            return 400, {"error": "invalid_grant"}
        self._codes.discard(code)
        return 200, {
            "access_token": self._grant(self._grants),
            "token_type": "Bearer",
            "expires_in": 600,
            "refresh_token": secrets.token_hex(8),
        }

    @route("POST", LOGIN + "/login")
    def login(self, request: Request) -> Response | Answer:
        token = request.args.get("access_token", "")
        alive = [end for end in self.sessions.values() if end > self.clock()]
        if token not in self._grants or request.args.get("version") != "*" or len(alive) >= 50:
            return self._refuse(401)
        ttl = timedelta(minutes=int(request.args.get("ttl", 10)))
        with self.lock:
            self._grants.discard(token)
            self.sign_ins += 1
            session = secrets.token_hex(12)
            self.sessions[session] = self.clock() + min(ttl, LONGEST_SESSION)
        return 200, {"BhRestToken": session, "restUrl": f"{request.host_url}{CORP[1:]}/"}

    def before(self, request: Request) -> Response | None:
        if not request.path.startswith(CORP):
            return None
        session = request.headers.get("BhRestToken")
        if not session:
            return self._refuse(412)
        if self.sessions.get(session, self.clock()) <= self.clock():
            return self._refuse(401)
        return self.limit("account", calls=1500, seconds=60)

    def too_many(self, seconds_left: float) -> Response:  # noqa: ARG002 - it does not tell
        return self._refuse(429)

    # The queue.

    @route("PUT", QUEUE)
    def subscribe(self, request: Request, name: str) -> Response | Answer:
        wanted = {"type": "entity", "eventTypes": "INSERTED,UPDATED,DELETED"}
        if {k: request.args.get(k) for k in wanted} != wanted or not request.args.get("names"):
            return self._refuse(400)
        made = self._subscription(name)
        if made is None:
            made = {"last": 0, "events": [], "batch": None, "used": self.clock()}
            self.subscriptions[name] = made
        told = {"subscriptionId": name, "createdOn": self.archive.now(), "jmsSelector": ""}
        return 200, {"lastRequestId": made["last"], **told}

    @route("GET", QUEUE + "/lastRequestId")
    def last_request(self, request: Request, name: str) -> Response | Answer:  # noqa: ARG002
        found = self._subscription(name)
        return (200, {"result": found["last"]}) if found else self._refuse(404)

    @route("GET", QUEUE)
    def take_events(self, request: Request, name: str) -> Response | Answer:
        """What is handed out is gone from the queue, whether it arrives or not."""
        found, most = self._subscription(name), int(request.args.get("maxEvents", 0))
        if found is None:
            return self._refuse(404)
        if set(request.args) - {"maxEvents", "requestId"} or not 1 <= most <= 100:
            return self._refuse(400)
        if "requestId" in request.args:
            last = int(request.args["requestId"]) == found["last"] and found["batch"]
            return (200, found["batch"]) if last else Response(status=200)
        with self.lock:
            taken, found["events"] = found["events"][:most], found["events"][most:]
            if not taken:
                return Response(status=200)
            found["last"] += 1
            found["batch"] = {"requestId": found["last"], "events": taken}
            return 200, found["batch"]

    # Records.

    @route("GET", CORP + "/entity/JobSubmission/<int:id_>")
    def get_submission(self, request: Request, id_: int) -> Response | Answer:
        row, wanted = self.archive.submissions.get(id_), request.args.get("fields", "")
        if row is None or not wanted:
            return self._refuse(404 if wanted else 400)
        return 200, {"data": projected(self.archive.whole(row), wanted)}

    @route("POST", CORP + "/entity/JobSubmission/<int:id_>")
    def update_submission(self, request: Request, id_: int) -> Response | Answer:
        body: Any = request.get_json(silent=True) or {}
        if id_ not in self.archive.submissions:
            return self._refuse(404)
        if not body or not all(_fits(name, value) for name, value in body.items()):
            return self._refuse(400)
        self.archive.change(id_, body)
        changed = (*body, "dateLastModified")
        self._tell("JobSubmission", id_, "UPDATED", changed, by=ME)
        return 200, {"changedEntityId": id_, "changeType": "UPDATE"}

    @route("GET", CORP + "/entity/Candidate/<ids>")
    def get_people(self, request: Request, ids: str) -> Response | Answer:
        """Those that there are; one alone is no list."""
        wanted = request.args.get("fields", "")
        found = [self.archive.people.get(int(number)) for number in ids.split(",")]
        shown = [projected(row, wanted) for row in found if row]
        if not shown or not wanted:
            return self._refuse(404 if wanted else 400)
        return 200, {"data": shown if "," in ids else shown[0]}

    @route("POST", CORP + "/query/<entity>")
    def query(self, request: Request, entity: str) -> Response | Answer:
        """At most 500 rows, and no other question than those that are known to work."""
        args, body = request.args, request.get_json(silent=True) or {}
        count, start = int(args.get("count", 20)), int(args.get("start", 0))
        odd = set(args) - {"fields", "orderBy", "count", "start"} or set(body) != {"where"}
        rows = self.archive.found(entity, body.get("where", ""))
        if odd or count > 500 or not args.get("fields") or rows is None:
            return self._refuse(400)
        rows.sort(key=lambda row: tuple(row[name] for name in args.get("orderBy", "id").split(",")))
        shown = [projected(row, args["fields"]) for row in rows[start : start + count]]
        return 200, {"start": start, "count": len(shown), "data": shown}

    @route("GET", CORP + "/entity/Candidate/<int:person>/<kind>")
    def list_marks(self, request: Request, person: int, kind: str) -> Response | Answer:
        held = {"notes": self.archive.notes, "fileAttachments": self.archive.files}.get(kind)
        if person not in self.archive.people or held is None:
            return self._refuse(404)
        start, count = (int(request.args.get(n, d)) for n, d in (("start", 0), ("count", 20)))
        rows = [row for row in held if row["person"] == person][start : start + count]
        wanted = request.args.get("fields", "")
        shown = [projected(row, wanted) for row in rows]
        return 200, {"start": start, "count": len(rows), "data": shown}

    @route("PUT", CORP + "/entity/Note")
    def add_note(self, request: Request) -> Response | Answer:
        """Every call makes one."""
        body: Any = request.get_json(silent=True) or {}
        person = body.get("personReference", {}).get("id")
        short = len(body.get("externalID", "")) <= 100 and len(body.get("action", "")) <= 30
        if person not in self.archive.people or not short or not body.get("comments"):
            return self._refuse(400)
        id_ = self.archive.keep(self.archive.notes, body | {"person": person})
        return 200, {"changedEntityId": id_, "changeType": "INSERT"}

    @route("PUT", CORP + "/file/Candidate/<int:person>")
    def add_file(self, request: Request, person: int) -> Response | Answer:
        """Every call makes one."""
        body: Any = request.get_json(silent=True) or {}
        needed = {"externalID", "fileContent", "fileType", "name"}
        if person not in self.archive.people or not needed <= set(body):
            return self._refuse(400)
        return 200, {"fileId": self.archive.keep(self.archive.files, body | {"person": person})}

    # What is configured.

    @route("GET", CORP + "/entitlements/<entity>")
    def entitlements(self, request: Request, entity: str) -> Answer:  # noqa: ARG002
        return 200, self.entitled

    @route("GET", CORP + "/settings/<names>")
    def read_settings(self, request: Request, names: str) -> Answer:  # noqa: ARG002
        return 200, {n: self.archive.words[n] for n in names.split(",") if n in self.archive.words}

    @route("GET", CORP + "/meta/JobSubmission")
    def meta(self, request: Request) -> Response | Answer:
        name = request.args.get("fields", "")
        known = re.fullmatch(r"customText(Block)?[1-9][0-9]?", name)
        told: Record = {
            "name": name,
            "type": "SCALAR",
            "dataType": "String",
            "label": "CareerRelay link",
        }
        told["maxLength"] = 2147483647 if "Block" in name else 100
        return 200, {"entity": "JobSubmission", "fields": [told] if known else []}

    def _subscription(self, name: str) -> Record | None:
        """Used now; what nobody read for 30 days is gone."""
        with self.lock:
            found, now = self.subscriptions.get(name), self.clock()
            if found and now - found["used"] > KEPT:
                del self.subscriptions[name]
                return None
            if found:
                oldest = int((now - KEPT).timestamp() * 1000)
                found["events"] = [e for e in found["events"] if e["eventTimestamp"] >= oldest]
                found["used"] = now
            return found

    def _tell(
        self, entity: str, id_: int, kind: str, changed: tuple[str, ...] = (), *, by: str = "1314"
    ) -> None:
        with self.lock:
            event: Record = {
                "eventId": f"ID:JBM-{secrets.token_hex(4)}",
                "eventType": "ENTITY",
                "eventTimestamp": self.archive.now(),
                "eventMetadata": {"PERSON_ID": by},
                "entityName": entity,
                "entityId": id_,
                "entityEventType": kind,
            }
            event |= {"updatedProperties": list(changed)} if kind == "UPDATED" else {}
            for subscription in self.subscriptions.values():
                subscription["events"].append(event)

    def _grant(self, held: set[str]) -> str:
        with self.lock:
            held.add(code := secrets.token_hex(8))
        return code

    def _refuse(self, status: int) -> Response:
        return self.json_response(status, {"errorMessage": "refused", "errorCode": status})


def _fits(name: str, value: Any) -> bool:
    known = re.fullmatch(r"customText(Block)?[1-9][0-9]?", name)
    return bool(known) and isinstance(value, str) and (bool(known[1]) or len(value) <= 100)


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = BullhornStandIn()
    case = stand_in.apply(name="Hanako Example", email="hanako@example.jp")
    stand_in.set_status(case, "Client Rejected")
    row = stand_in.archive.submissions[int(case)]
    return Scene.rejected(
        stand_in,
        case,
        person=str(row["candidate"]),
        settings=stand_in.settings,
        effects=lambda: {
            "fields": {k: v for k, v in row.items() if k.startswith("custom")},
            "notes": [(n["externalID"], n["comments"]) for n in stand_in.archive.notes],
            "files": [(f["externalID"], f["fileContent"]) for f in stand_in.archive.files],
        },
    )
