"""The stand-in's HTTP side: token endpoint, scopes, limits, lists and writes of Harvest v3.

It enforces what is documented or reported of the vendor, also where that hurts: one live token,
whole-array replacement, notes for people who do not exist, filters that are ignored in silence.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing import Request, Response, StandIn, route

from .filters import Page, RefusedQueryError, ids_in, page
from .records import VISIBILITIES, Person, Records, Row, moment

LISTS = (
    "applications",
    "candidates",
    "rejection_details",
    "rejection_reasons",
    "jobs",
    "sources",
    "notes",
    "candidate_tags",
    "applied_candidate_tags",
    "custom_fields",
)
WRITE_SCOPES = (
    "harvest:candidates:update",
    "harvest:notes:create",
    "harvest:candidate_tags:create",
    "harvest:applied_candidate_tags:create",
)
ALL_SCOPES = frozenset((*(f"harvest:{name}:list" for name in LISTS), *WRITE_SCOPES))
TOKEN_LIFE = timedelta(hours=1)
WINDOW_SECONDS = 30
WINDOW = "credential"
SHORT_TEXT = 255
Answer = Response | tuple[int, Any]


class HarvestApi(StandIn):
    """The HTTP side; ``GreenhouseStandIn`` adds what recruiters do.

    ``window_calls``: calls a credential has in 30 seconds. ``scopes`` may be taken away.
    """

    # Seven attempts in about 15 hours. https://developers.greenhouse.io/webhooks.html
    retry_seconds = (60.0, 900.0, 3600.0, 7200.0, 14400.0, 28800.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow, window_calls: int = 1000) -> None:
        super().__init__(clock=clock)
        self.records = Records()
        self.client_id = "client-" + secrets.token_hex(8)
        self.client_secret = secrets.token_hex(16)
        self.users = {4080}
        self.scopes = set(ALL_SCOPES)
        self.window_calls = window_calls
        self.answers_expires_at = False
        self.tokens_issued = 0
        self._token: tuple[str, datetime] | None = None
        self._meanwhile: list[tuple[str, str, Callable[[], object]]] = []

    def meanwhile(self, method: str, path: str, do: Callable[[], object]) -> None:
        """Somebody does something right after the next call of ``method`` below ``path``.

        Given several times, each goes with one call, in order.
        """
        with self.lock:
            self._meanwhile.append((method, path, do))

    def accepted(self, status: int) -> bool:
        """Anything but 200 counts as failure and is sent again."""
        return status == 200

    # Tokens and admission

    @route("POST", "/token")
    def issue_token(self, request: Request) -> Answer:
        """https://harvestdocs.greenhouse.io/docs/authentication: a new token ends the old one."""
        sent = request.authorization
        if not sent or (sent.username, sent.password) != (self.client_id, self.client_secret):
            return 401, {"error": "invalid_client"}
        if request.form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        sub = request.form.get("sub", "")
        if not sub.isdigit() or int(sub) not in self.users:
            return 400, {"error": "invalid_grant"}
        expires = self.clock() + TOKEN_LIFE
        with self.lock:
            self._token = (secrets.token_urlsafe(32), expires)
            self.tokens_issued += 1
            token = self._token[0]
        life: Row = {"expires_in": int(TOKEN_LIFE.total_seconds())}
        if self.answers_expires_at:
            life = {"expires_at": moment(expires)}
        return 200, {"access_token": token, "token_type": "Bearer", **life}

    def before(self, request: Request) -> Response | None:
        """Token, then the window's limit; scopes are checked by each handler."""
        if not request.path.startswith("/v3/"):
            return None
        if not self._admits(request.headers.get("Authorization", "")):
            return self.json_response(401, {"message": "Invalid or expired access token."})
        return self.limit(WINDOW, calls=self.window_calls, seconds=WINDOW_SECONDS)

    def too_many(self, seconds_left: float) -> Response:
        """https://harvestdocs.greenhouse.io/docs/api-rate-limiting"""
        response = super().too_many(seconds_left)
        response.set_data('{"message": "Too many requests."}')
        return response

    def _handle(self, request: Request) -> Response:
        response = super()._handle(request)
        window = self._windows.get(WINDOW)
        if window and request.path.startswith("/v3/"):
            response.headers["X-RateLimit-Limit"] = str(self.window_calls)
            response.headers["X-RateLimit-Remaining"] = str(self.window_calls - window.used)
            response.headers["X-RateLimit-Reset"] = str(int(window.ends_at.timestamp()))
        self._interrupt(request)
        return response

    def _interrupt(self, request: Request) -> None:
        with self.lock:
            for entry in self._meanwhile:
                method, path, do = entry
                if method == request.method and request.path.startswith(path):
                    self._meanwhile.remove(entry)
                    break
            else:
                return
        do()

    def _admits(self, header: str) -> bool:
        with self.lock:
            live = self._token
        return live is not None and header == f"Bearer {live[0]}" and self.clock() < live[1]

    def revoke_token(self) -> None:
        """As when somebody else asked for a token with the same credential."""
        with self.lock:
            self._token = None

    def _lacks(self, scope: str) -> Answer | None:
        if f"harvest:{scope}" in self.scopes:
            return None
        return 403, {"message": "The token does not have the scope for this endpoint."}

    # Lists

    @route("GET", "/v3/<resource>")
    def list_rows(self, request: Request, resource: str) -> Answer:
        if resource not in LISTS:
            return 404, {"message": "Resource not found"}
        if refused := self._lacks(f"{resource}:list"):
            return refused
        query = request.args.to_dict()
        defaults = query.get("include_defaults") == "true" or "cursor" in query
        try:
            ids = ids_in("ids", query["ids"]) if "ids" in query else None
            with self.lock:
                rows = list(self.records.rows(resource, include_defaults=defaults, ids=ids))
            return self._page_response(request, page(rows, query))
        except RefusedQueryError as error:
            return 422, {"errors": [str(error)]}

    def _page_response(self, request: Request, shown: Page) -> Response:
        response = self.json_response(200, shown.rows)
        if shown.cursor:
            response.headers["Link"] = f'<{request.base_url}?cursor={shown.cursor}>; rel="next"'
        return response

    # Writes

    @route("PATCH", "/v3/candidates/<int:candidate_id>")
    def update_candidate(self, request: Request, candidate_id: int) -> Answer:
        """Arrays replace what was there: a field that is not sent is emptied."""
        if refused := self._lacks("candidates:update"):
            return refused
        body = request.get_json(silent=True)
        with self.lock:
            person = self.records.people.get(candidate_id)
            if person is None:
                return 404, {"message": "Resource not found"}
            if not isinstance(body, dict):
                return 422, {"errors": ["body must be an object"]}
            if "custom_fields" in body:
                values = self._values(body["custom_fields"])
                if isinstance(values, str):
                    return 422, {"errors": [values]}
                person.values = values
            self.touched(person)
        return Response(status=204)

    def _values(self, sent: Any) -> dict[str, Any] | str:
        """The values by name_key, or what is wrong with them."""
        values: dict[str, Any] = {}
        for entry in sent if isinstance(sent, list) else [None]:
            if not isinstance(entry, dict) or "value" not in entry:
                return "custom_fields is invalid"
            field = self.records.fields.get(entry.get("custom_field_id", 0))
            field = field or self.records.field_by_key(str(entry.get("name_key")))
            if field is None or field.field_type != "candidate":
                return "custom_fields: no such candidate field"
            if field.value_type == "short_text" and len(str(entry["value"])) > SHORT_TEXT:
                return "custom_fields: the value is too long"
            values[field.name_key] = entry["value"]
        return values

    def touched(self, person: Person) -> None:
        """A candidate was edited, by whomever."""
        person.updated_at = self.clock()

    @route("POST", "/v3/notes")
    def create_note(self, request: Request) -> Answer:
        """``candidate_id`` is not checked: a wrong one makes an orphan row with success."""
        if refused := self._lacks("notes:create"):
            return refused
        body = request.get_json(silent=True) or {}
        missing = [
            name for name in ("candidate_id", "body", "visibility", "user_id") if not body.get(name)
        ]
        if missing:
            return 422, {"errors": [f"{name} is missing" for name in missing]}
        if body["visibility"] not in VISIBILITIES or body.get("note_type", "NOTE") not in (
            "NOTE",
            "ACTIVITY",
            "EMAIL",
        ):
            return 422, {"errors": ["visibility or note_type is invalid"]}
        if body["user_id"] not in self.users:
            return 422, {"errors": ["user_id is invalid"]}
        with self.lock:
            note = self._note_row(body)
            self.records.notes[note["id"]] = note
        return 201, note

    def _note_row(self, body: Row) -> Row:
        now = moment(self.clock())
        return {
            "id": self.records.new_id(),
            "candidate_id": body["candidate_id"],
            "application_id": body.get("application_id"),
            "body": body["body"],
            "type": body.get("note_type", "NOTE"),
            "visibility": VISIBILITIES[body["visibility"]],
            "user_id": body["user_id"],
            "created_at": now,
            "updated_at": now,
        }

    @route("POST", "/v3/candidate_tags")
    def create_tag(self, request: Request) -> Answer:
        if refused := self._lacks("candidate_tags:create"):
            return refused
        name = (request.get_json(silent=True) or {}).get("name")
        if not isinstance(name, str) or not name:
            return 422, {"errors": ["name is missing"]}
        with self.lock:
            if name.casefold() in (known.casefold() for known in self.records.tags.values()):
                return 422, {"errors": ["name has already been taken"]}
            tag_id = self.records.new_id()
            self.records.tags[tag_id] = name
        return 201, {"id": tag_id, "name": name}

    @route("POST", "/v3/applied_candidate_tags")
    def apply_tag(self, request: Request) -> Answer:
        if refused := self._lacks("applied_candidate_tags:create"):
            return refused
        body = request.get_json(silent=True) or {}
        person, tag = body.get("candidate_id"), body.get("candidate_tag_id")
        with self.lock:
            if person not in self.records.people or tag not in self.records.tags:
                return 422, {"errors": ["candidate_id or candidate_tag_id is invalid"]}
            if (person, tag) in self.records.applied.values():
                return 422, {"errors": ["candidate_tag_id has already been applied"]}
            row_id = self.records.new_id()
            self.records.applied[row_id] = (person, tag)
        return 201, {"id": row_id, "candidate_id": person, "candidate_tag_id": tag}

    @route("DELETE", "/v3/notes/<int:note_id>")
    @route("PATCH", "/v3/notes/<int:note_id>")
    def change_note(self, request: Request, note_id: int) -> Answer:  # noqa: ARG002 - vendor's rule
        """Notes cannot be edited or deleted."""
        return 404, {"message": "Resource not found"}
