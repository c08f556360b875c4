"""The Template ATS connector: calls, and the note after a registration."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from . import webhook
from .spec import SPEC

READ, WRITE = "applications:read", "notes:write"


NoteSchema = kit.PayloadSchema.of(text=fields.String(required=True))


class TemplateConnector(kit.Connector):
    """One account of Template ATS."""

    spec = SPEC

    def prepare(self) -> None:
        self._api = kit.VendorApi.bearer(self, "api_key", reads=READ, writes=WRITE)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        return webhook.parse(request)

    def fetch_application(self, application_id: str) -> kit.Application:
        return webhook.application_from(self._application(application_id))

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        case = application.external_id
        notes = kit.Notes(lambda: self._notes(case), lambda text: self._add_note(case, text))
        kit.write_report(report, by=self, notes=notes)

    def check(self) -> list[kit.Check]:
        """One cheap call: an id nobody has is "not found" when key and permission are good."""
        probe = kit.Probe(
            "applications",
            lambda: self._application("0") and READ,
            f"Give the key {READ}, and check api_url.",
            absent_is_fine=True,
        )
        remedy = "Type the API key in again: api_key"
        return kit.run_probes([probe], credentials="API key", remedy=remedy)

    def _application(self, case: str) -> dict[str, Any]:
        """https://developers.example.com/ats/applications#get"""
        path, schema = ("applications", case), webhook.ApplicationSchema()
        return self._api.get(path, schema=schema, operation="get an application")

    def _notes(self, case: str) -> list[str]:
        """https://developers.example.com/ats/notes#list (all notes in one answer)"""
        notes = self._api.rows(("applications", case, "notes"), NoteSchema, operation="list notes")
        return [note["text"] for note in notes]

    def _add_note(self, case: str, text: str) -> None:
        """https://developers.example.com/ats/notes#create"""
        path, body = ("applications", case, "notes"), {"text": text}
        self._api.call("POST", path, operation="add a note", json=body).read(NoteSchema())
