"""A pretended Lever over real HTTP, as strict as Lever is known to be.

Where nothing is documented the strict reading is taken, marked "not documented". Web hooks go
to plain http as well, which Lever refuses, so that a machine can talk to itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from careerrelay.connectors.testing.standin import (
    Request,
    Response,
    Scene,
    StandIn,
    route,
    utcnow,
)
from careerrelay.models.candidates import Application, ApplicationState, Candidate

from .account import LeverAccount, Record
from .queries import (
    body_of,
    expansions_in,
    found_in,
    hook_view,
    in_windows,
    integer_in,
    key_of,
    offset_after,
    permission_for,
    position_in,
    position_of,
    refuse,
    texts_in,
)

BURST = 20
PER_SECOND = 10
WINDOW = 30 * 24 * 60 * 60 * 1000
ORIGINS = ("applied", "sourced", "referred", "university", "agency", "internal")
Answer = tuple[int, Any]


class LeverStandIn(StandIn):
    """One Lever account. ``account`` is what recruiters do; see also ``add_key``, ``add_hook``.

    ``api_key`` may do everything; ``user`` is a user to perform as.
    """

    # Five more tries with growing gaps are reported; the gaps are not documented.
    retry_seconds = (10.0, 60.0, 300.0, 1800.0, 7200.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.account = LeverAccount(clock, self._send)
        self.user = self.account.user
        self.hooks: dict[str, Record] = {}
        self.sent: list[Record] = []
        """Every web hook body, in order."""
        self._keys: dict[str, Record] = {}
        self._buckets: dict[str, tuple[float, datetime]] = {}
        self.api_key = self.add_key()

    # What an administrator sets up.

    def add_key(
        self, *, permissions: Iterable[str] | None = None, confidential: bool = False
    ) -> str:
        """A new API key, limited to ``permissions`` ("notes:write:admin"), None: to none."""
        key = secrets.token_hex(16)
        allowed = None if permissions is None else frozenset(permissions)
        self._keys[key] = {"permissions": allowed, "confidential": confidential}
        return key

    def add_hook(
        self, event: str, url: str, *, origins: Sequence[str] = ORIGINS, token: str = ""
    ) -> str:
        """A web hook; returns its signature token, told here only."""
        moment = self.account.now()
        hook = {
            "id": str(uuid.uuid4()),
            "event": event,
            "url": url,
            "origins": tuple(origins),
            "signatureToken": token or secrets.token_hex(24),
            "createdAt": moment,
            "updatedAt": moment,
        }
        self.hooks[hook["id"]] = hook
        return hook["signatureToken"]

    def sign(self, body: Record, *, token: str) -> bytes:
        """A web hook's body signed as Lever does: over token and triggeredAt alone."""
        message = f"{body['token']}{body['triggeredAt']}".encode()
        signature = hmac.new(token.encode(), message, hashlib.sha256).hexdigest()
        return json.dumps(body | {"signature": signature}).encode()

    # What every request goes through.

    def before(self, request: Request) -> Response | None:
        """401 without a known key, 429 over the bucket, 403 beyond the key's endpoints."""
        key = key_of(request)
        if key not in self._keys:
            return self._error(401, "Unauthorized", "Invalid API key")
        if not self._take(key):
            # No Retry-After and no limit headers: none are documented.
            return self._error(429, "TooManyRequests", "Rate limit exceeded")
        needed = permission_for(request.method, request.path)
        allowed = self._keys[key]["permissions"]
        if allowed is not None and needed not in allowed:
            return self._error(403, "Forbidden", f"This key may not use {needed}")
        return None

    def _take(self, key: str) -> bool:
        """One token of the key's bucket: 20 deep, 10 a second."""
        with self.lock:
            now = self.clock()
            level, before = self._buckets.get(key, (float(BURST), now))
            level = min(BURST, level + (now - before).total_seconds() * PER_SECOND)
            self._buckets[key] = (level - 1 if level >= 1 else level, now)
            return level >= 1

    # Opportunities.

    @route("GET", "/v1/opportunities")
    def list_opportunities(self, request: Request) -> Answer:
        expand = expansions_in(request)
        hidden = request.args.get("confidentiality") == "all"
        if hidden and not self._keys[key_of(request)]["confidential"]:
            refuse(403, "Forbidden", "This key has no access to confidential data")
        found = [
            record
            for record in list(self.account.opportunities.values())
            if (hidden or record["confidentiality"] == "non-confidential")
            and in_windows(record, request)
        ]
        return self._paged(request, found, lambda r: self.account.view(r["id"], expand=expand))

    @route("GET", "/v1/opportunities/deleted")
    def list_deleted(self, request: Request) -> Answer:
        start = integer_in(request, "deleted_at_start", 0)
        end = integer_in(request, "deleted_at_end", self.account.now())
        if end - start > WINDOW:
            refuse(400, "BadRequestError", "The window may be 30 days at most")
        found = [row for row in self.account.deleted if start <= row["deletedAt"] <= end]
        return self._paged(request, found, dict)

    @route("GET", "/v1/opportunities/<case>")
    def retrieve_opportunity(self, request: Request, case: str) -> Answer:
        self._case(request, case)
        return 200, {"data": self.account.view(case, expand=expansions_in(request))}

    @route("GET", "/v1/opportunities/<case>/applications")
    def list_applications(self, request: Request, case: str) -> Answer:
        record = self._case(request, case)
        return self._paged(
            request, [self.account.applications[a] for a in record["applications"]], dict
        )

    @route("PUT", "/v1/opportunities/<case>/archived")
    def put_archived(self, request: Request, case: str) -> Answer:
        self._writer(request)
        self._case(request, case)
        reason = body_of(request).get("reason")
        if reason is None:
            self.account.unarchive(case)
        elif reason in {known["id"] for known in self.account.reasons}:
            self.account.archive(case, reason=reason)
        else:
            refuse(400, "BadRequestError", "Unknown archive reason")
        return 200, {"data": self.account.view(case)["archived"]}

    # Notes, tags, links.

    @route("GET", "/v1/opportunities/<case>/notes")
    def list_notes(self, request: Request, case: str) -> Answer:
        self._case(request, case)
        return self._paged(request, self.account.notes[case], dict)

    @route("POST", "/v1/opportunities/<case>/notes")
    def create_note(self, request: Request, case: str) -> Answer:
        user = self._writer(request)
        self._case(request, case)
        text = body_of(request).get("value")
        if not isinstance(text, str) or not text:
            refuse(400, "BadRequestError", "value is required")
        return 201, {"data": self.account.add_note(case, text, user=user)}

    @route("POST", "/v1/opportunities/<case>/addTags")
    def add_tags(self, request: Request, case: str) -> Answer:
        self._writer(request)
        self._case(request, case)
        self.account.add_tags(case, texts_in(request, "tags"))
        return 200, {"data": self.account.view(case)}

    @route("POST", "/v1/opportunities/<case>/addLinks")
    def add_links(self, request: Request, case: str) -> Answer:
        self._writer(request)
        self._case(request, case)
        self.account.add_links(case, texts_in(request, "links"))
        return 200, {"data": self.account.view(case)}

    # The account.

    @route("GET", "/v1/archive_reasons")
    def list_reasons(self, request: Request) -> Answer:
        kind = request.args.get("type")
        found = [r for r in self.account.reasons if kind in (None, r["type"])]
        return self._paged(request, found, dict)

    @route("GET", "/v1/postings")
    def list_postings(self, request: Request) -> Answer:
        return self._paged(request, list(self.account.postings.values()), dict)

    @route("GET", "/v1/postings/<posting>")
    def retrieve_posting(self, _: Request, posting: str) -> Answer:
        return 200, {"data": found_in(self.account.postings, posting)}

    @route("GET", "/v1/users")
    def list_users(self, request: Request) -> Answer:
        return self._paged(request, list(self.account.users.values()), dict)

    @route("GET", "/v1/users/<user>")
    def retrieve_user(self, _: Request, user: str) -> Answer:
        return 200, {"data": found_in(self.account.users, user)}

    @route("GET", "/v1/webhooks")
    def list_webhooks(self, _: Request) -> Answer:
        return 200, {"data": [hook_view(hook) for hook in self.hooks.values()]}

    @route("POST", "/v1/webhooks")
    def create_webhook(self, request: Request) -> Answer:
        body = body_of(request)
        conditions = (body.get("configuration") or {}).get("conditions") or {}
        origins = conditions.get("origins", ORIGINS)
        token = self.add_hook(str(body.get("event")), str(body.get("url")), origins=origins)
        hook = next(h for h in self.hooks.values() if h["signatureToken"] == token)
        view = hook_view(hook)
        view["configuration"]["signatureToken"] = token
        return 201, {"data": view}

    @route("DELETE", "/v1/webhooks/<hook>")
    def delete_webhook(self, _: Request, hook: str) -> Answer:
        found_in(self.hooks, hook)
        del self.hooks[hook]
        return 204, None

    # Answers.

    def _paged(
        self, request: Request, found: Sequence[Record], view: Callable[[Record], Any]
    ) -> Answer:
        """At most 100, newest first. ``next`` is opaque: it must come back as it was told."""
        limit = integer_in(request, "limit", 100)
        if not 1 <= limit <= 100:
            refuse(400, "BadRequestError", "limit must be between 1 and 100")
        ordered = sorted(found, key=position_of, reverse=True)
        offset = request.args.get("offset")
        if offset is not None:
            last = position_in(offset)
            ordered = [row for row in ordered if position_of(row) < last]
        shown, rest = ordered[:limit], ordered[limit:]
        body: Record = {"data": [view(row) for row in shown], "hasNext": bool(rest)}
        if rest:
            body["next"] = offset_after(shown[-1])
        return 200, body

    def _case(self, request: Request, case: str) -> Record:
        record = found_in(self.account.opportunities, case)
        open_to_all = record["confidentiality"] == "non-confidential"
        if not open_to_all and not self._keys[key_of(request)]["confidential"]:
            refuse(404, "ResourceNotFound", "No such record")
        return record

    def _writer(self, request: Request) -> str:
        """The user a write is performed as."""
        user = request.args.get("perform_as", "")
        known = self.account.users.get(user)
        if known is None or known["deactivatedAt"]:
            refuse(400, "BadRequestError", "perform_as must be the id of an active user")
        return user

    def _error(self, status: int, code: str, message: str) -> Response:
        return self.json_response(status, {"code": code, "message": message})

    def _send(self, event: str, data: Record, origin: str) -> None:
        """One web hook per hook of this event whose conditions let the origin through."""
        for hook in list(self.hooks.values()):
            if hook["event"] == event and origin in hook["origins"]:
                body = {
                    "id": str(uuid.uuid4()),
                    "event": event,
                    "triggeredAt": self.account.now(),
                    "token": secrets.token_hex(20),
                    "data": data,
                }
                self.sent.append(body)
                signed = self.sign(body, token=hook["signatureToken"])
                self.deliver(hook["url"], signed, {"Content-Type": "application/json"})


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = LeverStandIn()
    account = stand_in.account
    case = account.apply(
        account.add_posting("Engineer"), name="Hanako Example", email="hanako@example.com"
    )
    account.archive(case)
    record = account.view(case)
    return Scene(
        stand_in=stand_in,
        application=Application(
            external_id=case,
            candidate=Candidate(record["contact"], emails=tuple(record["emails"])),
            state=ApplicationState.REJECTED,
            changed_at=stand_in.clock(),
        ),
        settings=lambda url: {
            "base_url": f"{url}/v1",
            "api_key": stand_in.api_key,
            "perform_as": stand_in.user,
        },
        effects=lambda: [account.note_texts(case), account.tags(case), account.links(case)],
    )
