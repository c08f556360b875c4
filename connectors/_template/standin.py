"""Template ATS in miniature: applications, notes, an API key, a limit, signed webhooks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from careerrelay.connectors import hmac_sha256_hex, utcnow
from careerrelay.connectors.testing import (
    Person,
    Record,
    Request,
    Response,
    Scene,
    StandIn,
    Story,
    route,
)

from .webhook import ApplicationSchema, application_from

BASE = "/ats/v1"
Answer = tuple[int, Any]


class TemplateStandIn(StandIn):
    """One account; ``api_key`` opens it."""

    retry_seconds = (60.0, 600.0, 3600.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.api_key = "key-" + secrets.token_hex(8)
        self.applications: dict[str, dict[str, Any]] = {}
        self.notes: dict[str, list[str]] = {}

    def settings(self, url: str, *, webhook_secret: str) -> Mapping[str, str]:
        """What a connection to this account needs."""
        return {
            "api_url": url + BASE,
            "api_key": self.api_key,
            "webhook_secret": webhook_secret,
        }

    def apply(self, *, first_name: str, last_name: str, email: str, job: str) -> str:
        """A new application; its id."""
        number = str(len(self.applications) + 1)
        with self.lock:
            self.notes[number] = []
            self.applications[number] = {
                "id": number,
                "status": "open",
                "updated_at": self.clock().isoformat(),
                "candidate": {
                    "id": f"c{number}",
                    "first_name": first_name,
                    "last_name": last_name,
                    "email": email,
                },
                "job": {"id": "1", "name": job},
                "reason": None,
            }
        return number

    def change(self, application_id: str, status: str, *, reason: str = "") -> None:
        """A recruiter or the candidate decides something."""
        with self.lock:
            self.applications[application_id] |= {
                "status": status,
                "updated_at": self.clock().isoformat(),
                "reason": {"id": "9", "name": reason} if reason else None,
            }

    def delete(self, application_id: str) -> dict[str, Any]:
        """The person is gone; who it was."""
        with self.lock:
            self.notes.pop(application_id)
            return self.applications.pop(application_id)["candidate"]

    def send_webhook(self, event: str, *, url: str, secret: str, **about: Any) -> None:
        """What the vendor sends after a change, signed; ``about``: application or candidate."""
        hook = {"event": event, "occurred_at": self.clock().isoformat(), **about}
        body = json.dumps(hook).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Delivery": secrets.token_hex(8),
            "X-Signature": hmac_sha256_hex(secret, body),
        }
        self.deliver(url, body, headers)

    def before(self, request: Request) -> Response | None:
        """The key, then the limit."""
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return self.json_response(401, {"error": "invalid_key"})
        return self.limit("key", calls=50, seconds=10)

    @route("GET", BASE + "/applications/<number>")
    def get_application(self, request: Request, number: str) -> Answer:  # noqa: ARG002
        if number not in self.applications:
            return 404, {"error": "not_found"}
        return 200, self.applications[number]

    @route("GET", BASE + "/applications/<number>/notes")
    def list_notes(self, request: Request, number: str) -> Answer:  # noqa: ARG002
        if number not in self.notes:
            return 404, {"error": "not_found"}
        return 200, [{"text": text} for text in self.notes[number]]

    @route("POST", BASE + "/applications/<number>/notes")
    def add_note(self, request: Request, number: str) -> Answer:
        data = request.get_json(silent=True)
        if number not in self.notes:
            return 404, {"error": "not_found"}
        if not isinstance(data, dict) or not isinstance(data.get("text"), str):
            return 422, {"error": "invalid", "field": "text"}
        with self.lock:
            self.notes[number].append(data["text"])
        return 201, {"text": data["text"]}


def scene() -> Scene:
    """One rejected application, for the conformance suite."""
    stand_in = TemplateStandIn()
    number = stand_in.apply(
        first_name="Hana", last_name="Mihon", email="hana@example.jp", job="Engineer"
    )
    stand_in.change(number, "rejected", reason="Other candidates")
    return Scene(
        stand_in=stand_in,
        application=application_from(ApplicationSchema().read(stand_in.applications[number])),
        settings=lambda url: stand_in.settings(url, webhook_secret="whsec"),  # noqa: S106
        effects=lambda: {key: list(notes) for key, notes in stand_in.notes.items()},
    )


class TemplateStory(Story):
    """What happens at one company, for the conformance run."""

    secret = "whsec"  # noqa: S105 - a stand-in's

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.ats = TemplateStandIn(clock=clock)
        self.hook_url = ""

    def settings(self, url: str) -> Mapping[str, str]:
        return self.ats.settings(url, webhook_secret=self.secret)

    def connect(self, hook_url: str) -> None:
        self.hook_url = hook_url

    def reasons(self) -> Mapping[str, str]:
        return {"9": "Other candidates"}

    def apply(self, person: Person) -> str:
        number = self.ats.apply(
            first_name=person.given_name,
            last_name=person.family_name,
            email=person.email,
            job="Engineer",
        )
        self._tell("application.created", number)
        return number

    def reject(self, case: str) -> None:
        self.ats.change(case, "rejected", reason="Other candidates")
        self._tell("application.rejected", case)

    def withdraw(self, case: str) -> None:
        self.ats.change(case, "withdrawn")
        self._tell("application.withdrawn", case)

    def unreject(self, case: str) -> None:
        self.ats.change(case, "open")
        self._tell("application.reopened", case)

    def erase(self, case: str) -> None:
        candidate = {"id": self.ats.delete(case)["id"]}
        self._send("candidate.deleted", candidate=candidate)

    def record(self, case: str) -> Record:
        return Record(notes=tuple(self.ats.notes.get(case, ())))

    def _tell(self, event: str, case: str) -> None:
        self._send(event, application=self.ats.applications[case])

    def _send(self, event: str, **about: Any) -> None:
        self.ats.send_webhook(event, url=self.hook_url, secret=self.secret, **about)


def story(clock: Callable[[], datetime]) -> Story:
    """A company with nobody in it yet."""
    return TemplateStory(clock)
