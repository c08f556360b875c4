"""An ATS over HTTP that counts what it saw, and its connector, as a plug-in of the real server.

The stand-in lives in the test's process and outlives every kill. ``install`` makes the connector
known to any process whose PYTHONPATH holds the folder it returns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from careerrelay.connectors import join_url
from careerrelay.connectors.spec import (
    Capability,
    ConnectorSpec,
    LinkScope,
    Trust,
    WebhookSpec,
)
from careerrelay.connectors.testing import Request, StandIn, route
from careerrelay.models.candidates import Application
from careerrelay.models.events import PollPage, RegistrationReport
from tests.support import plugins
from tests.support.toy import DOCUMENTED, ToyConnector


class CountingConnector(ToyConnector):
    """The toy's signed webhooks; its calls go over HTTP."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="counting",
        title="Counting ATS",
        docs_url="https://toy.example/docs",
        capabilities=dict.fromkeys(
            (Capability.WEBHOOK, Capability.FETCH, Capability.FIELD_TOKEN, Capability.POLL),
            DOCUMENTED,
        )
        | {Capability.REPORT: DOCUMENTED},
        settings=ToyConnector.spec.settings,
        webhook=WebhookSpec(Trust.SIGNED, "HMAC of the body", delivery_id_header="X-Toy-Id"),
        link_scope=LinkScope.CANDIDATE,
        events=("changed",),
    )

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        return PollPage((), {}, False)

    def write_link(self, application: Application, url: str, *, ours: str) -> None:
        place = self._place(application, "link")
        if self.http.request("GET", place, operation="read the link").json() != url:
            self.http.request("PUT", place, operation="write the link", json=url)

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        place = self._place(application, "notes")
        notes = self.http.request("GET", place, operation="list notes").json()
        if not any(report.marker in note for note in notes):
            self.http.request("POST", place, operation="add a note", json=report.text)

    def _place(self, application: Application, what: str) -> str:
        return join_url(
            self.settings["base_url"], "people", application.candidate.external_id, what
        )


class CountingAts(StandIn):
    """Keeps every value that was ever written, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.links: dict[str, list[str]] = defaultdict(list)
        self.notes: dict[str, list[str]] = defaultdict(list)
        self.away = False
        """Every call is answered with 503."""

    @route("GET", "/people/<person>/link")
    def link(self, _request: Request, person: str) -> tuple[int, Any]:
        if self.away:
            return 503, None
        with self.lock:
            return 200, (self.links[person] or [""])[-1]

    @route("PUT", "/people/<person>/link")
    def put_link(self, request: Request, person: str) -> tuple[int, Any]:
        with self.lock:
            self.links[person].append(str(request.get_json()))
        return 200, None

    @route("GET", "/people/<person>/notes")
    def list_notes(self, _request: Request, person: str) -> tuple[int, Any]:
        if self.away:
            return 503, None
        with self.lock:
            return 200, list(self.notes[person])

    @route("POST", "/people/<person>/notes")
    def add_note(self, request: Request, person: str) -> tuple[int, Any]:
        with self.lock:
            self.notes[person].append(str(request.get_json()))
        return 201, None


def install(folder: Path) -> str:
    """A PYTHONPATH that makes the connector an installed plug-in."""
    return plugins.install(
        folder, name="counting", target=f"{__name__}:{CountingConnector.__name__}"
    )
