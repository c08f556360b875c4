"""Acme ATS in miniature."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from careerrelay.connectors import utcnow
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

from .client import CaseSchema
from .connector import snapshot

Answer = tuple[int, Any]
DECLINED = {"id": "1", "name": "Others fit better", "by": "us"}
PASSWORD = "hook-password"  # noqa: S105 - a stand-in's


class AcmeStandIn(StandIn):
    """One account with one API application."""

    retry_seconds = (30.0, 300.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.client_secret = secrets.token_hex(16)
        self.token = ""
        self.hook_url = ""
        self.cases: dict[str, dict[str, Any]] = {}
        self.labels: dict[str, set[str]] = {}

    def apply(self, number: str, *, name: str, email: str) -> None:
        """Somebody applied."""
        with self.lock:
            self.labels[number] = set()
            self.cases[number] = {
                "id": number,
                "person": {"id": f"p{number}", "name": name, "emails": [email]},
            }
        self.change(number, "open")

    def change(self, number: str, state: str) -> None:
        """Somebody decided; the account's web hook, if there is one, says so."""
        with self.lock:
            reason = DECLINED if state == "declined" else None
            moment = self.clock().isoformat()
            self.cases[number] |= {"state": state, "changed": moment, "reason": reason}
        self._tell("case.changed", case_id=number)

    def remove(self, number: str) -> None:
        """The person is gone."""
        with self.lock:
            self.labels.pop(number)
            person = self.cases.pop(number)["person"]
        self._tell("person.removed", person_id=person["id"])

    def _tell(self, event: str, **ids: str) -> None:
        if self.hook_url:
            at = int(self.clock().timestamp() * 1000)
            body = json.dumps({"type": event, "at": at, **ids}).encode()
            basic = base64.b64encode(f"careerrelay:{PASSWORD}".encode()).decode()
            headers = {"Content-Type": "application/json", "Authorization": f"Basic {basic}"}
            self.deliver(self.hook_url, body, headers)

    def before(self, request: Request) -> Response | None:
        """Everything but the token endpoint needs the latest token."""
        if request.path == "/token" or request.headers.get("Authorization") == self._bearer():
            return None
        return self.json_response(401, {"error": "invalid_token"})

    @route("POST", "/token")
    def issue_token(self, request: Request) -> Answer:
        given = request.authorization
        if not given or (given.username, given.password) != ("acme-client", self.client_secret):
            return 401, {"error": "invalid_client"}
        self.token = secrets.token_hex(16)
        return 200, {"access_token": self.token, "expires_in": 600}

    @route("GET", "/reasons")
    def list_reasons(self, request: Request) -> Answer:  # noqa: ARG002
        return 200, [DECLINED]

    @route("GET", "/cases/<number>")
    def get_case(self, request: Request, number: str) -> Answer:  # noqa: ARG002
        return (200, self.cases[number]) if number in self.cases else (404, {"error": "not_found"})

    @route("PUT", "/cases/<number>/labels/<label>")
    def add_label(self, request: Request, number: str, label: str) -> Answer:  # noqa: ARG002
        if number not in self.cases:
            return 404, {"error": "not_found"}
        with self.lock:
            self.labels[number].add(label)
            return 200, {"labels": sorted(self.labels[number])}

    def _bearer(self) -> str:
        return f"Bearer {self.token}"


def settings(acme: AcmeStandIn, url: str) -> Mapping[str, str]:
    """What a connection to this account needs."""
    return {
        "api_url": url,
        "token_url": f"{url}/token",
        "client_id": "acme-client",
        "client_secret": acme.client_secret,
        "webhook_password": PASSWORD,
    }


def scene() -> Scene:
    """One case that was declined, for the conformance suite."""
    acme = AcmeStandIn()
    acme.apply("7", name="見本 花", email="hana@example.jp")
    acme.change("7", "declined")
    return Scene(
        stand_in=acme,
        application=snapshot(CaseSchema().read(acme.cases["7"])),
        settings=lambda url: settings(acme, url),
        effects=lambda: {number: sorted(labels) for number, labels in acme.labels.items()},
    )


class AcmeStory(Story):
    """What happens at one company, for the conformance run."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.stand_in = self.acme = AcmeStandIn(clock=clock)

    def settings(self, url: str) -> Mapping[str, str]:
        return settings(self.acme, url)

    def connect(self, hook_url: str) -> None:
        self.acme.hook_url = hook_url

    def apply(self, person: Person) -> str:
        number = str(len(self.acme.cases) + 1)
        name = f"{person.family_name} {person.given_name}"
        self.acme.apply(number, name=name, email=person.email)
        return number

    def reject(self, case: str) -> None:
        self.acme.change(case, "declined")

    def withdraw(self, case: str) -> None:
        self.acme.change(case, "withdrawn")

    def unreject(self, case: str) -> None:
        self.acme.change(case, "open")

    def erase(self, case: str) -> None:
        self.acme.remove(case)

    def record(self, case: str) -> Record:
        return Record(tags=tuple(self.acme.labels.get(case, ())))


def story(clock: Callable[[], datetime]) -> Story:
    """An account with nobody in it yet."""
    return AcmeStory(clock)
