"""Acme ATS in miniature."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from careerrelay.connectors import utcnow
from careerrelay.connectors.testing import Request, Response, Scene, StandIn, route

from .client import CaseSchema
from .connector import snapshot

Answer = tuple[int, Any]


class AcmeStandIn(StandIn):
    """One account with one API application."""

    retry_seconds = (30.0, 300.0)

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        super().__init__(clock=clock)
        self.client_secret = secrets.token_hex(16)
        self.token = ""
        self.cases: dict[str, dict[str, Any]] = {}
        self.labels: dict[str, set[str]] = {}

    def decline(self, number: str, *, name: str, email: str) -> None:
        """Somebody applied and was turned down."""
        with self.lock:
            self.labels[number] = set()
            self.cases[number] = {
                "id": number,
                "state": "declined",
                "changed": self.clock().isoformat(),
                "person": {"id": f"p{number}", "name": name, "emails": [email]},
                "reason": {"id": "1", "name": "Others fit better", "by": "us"},
            }

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
        return 200, [{"id": "1", "name": "Others fit better", "by": "us"}]

    @route("GET", "/cases/<number>")
    def get_case(self, request: Request, number: str) -> Answer:  # noqa: ARG002
        return (200, self.cases[number]) if number in self.cases else (404, {"error": "not_found"})

    @route("PUT", "/cases/<number>/labels/<label>")
    def add_label(self, request: Request, number: str, label: str) -> Answer:  # noqa: ARG002
        with self.lock:
            self.labels[number].add(label)
            return 200, {"labels": sorted(self.labels[number])}

    def _bearer(self) -> str:
        return f"Bearer {self.token}"


def scene() -> Scene:
    """One case that was declined, for the conformance suite."""
    acme = AcmeStandIn()
    acme.decline("7", name="見本 花", email="hana@example.jp")
    return Scene(
        stand_in=acme,
        application=snapshot(CaseSchema().read(acme.cases["7"])),
        settings=lambda url: {
            "api_url": url,
            "token_url": f"{url}/token",
            "client_id": "acme-client",
            "client_secret": acme.client_secret,
            "webhook_password": "hook-password",
        },
        effects=lambda: {number: sorted(labels) for number, labels in acme.labels.items()},
    )
