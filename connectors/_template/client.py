"""The endpoints of Template ATS that we call, one method each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from careerrelay.connectors import (
    ApiResponseError,
    HttpClient,
    HttpResponse,
    PayloadError,
    PayloadSchema,
    Text,
    join_url,
)

from .webhook import ApplicationSchema

READ = "applications:read"
WRITE = "notes:write"


class NoteSchema(PayloadSchema):
    """A note on a case."""

    text = Text(required=True)


class TemplateClient:
    """One account. ``url`` is the API's address."""

    def __init__(self, http: HttpClient, *, url: str, api_key: str) -> None:
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {api_key}"}

    def application(self, application_id: str) -> dict[str, Any]:
        """https://developers.example.com/ats/applications#get"""
        path = ("applications", application_id)
        answer = self._call("GET", path, "get an application", READ)
        return _read(ApplicationSchema(), answer.json(), answer)

    def notes(self, application_id: str) -> list[str]:
        """https://developers.example.com/ats/notes#list (all notes in one answer)"""
        path = ("applications", application_id, "notes")
        answer = self._call("GET", path, "list notes", READ)
        notes = _read(NoteSchema(many=True), answer.json(), answer)
        return [note["text"] for note in notes]

    def add_note(self, application_id: str, text: str) -> None:
        """https://developers.example.com/ats/notes#create"""
        path = ("applications", application_id, "notes")
        answer = self._call("POST", path, "add a note", WRITE, json={"text": text})
        _read(NoteSchema(), answer.json(), answer)

    def _call(
        self, method: str, path: Sequence[str], operation: str, permission: str, **sent: Any
    ) -> HttpResponse:
        return self._http.request(
            method,
            join_url(self._url, *path),
            operation=operation,
            headers=self._headers,
            permission=permission,
            setting="api_key",
            **sent,
        )


def _read(schema: PayloadSchema, data: Any, answer: HttpResponse) -> Any:
    """Checked values, or the error of an answer that is not as documented."""
    try:
        return schema.read(data)
    except PayloadError as error:
        raise ApiResponseError(
            f"Template ATS answered '{answer.operation}' {error.message}",
            connector=answer.connector,
            operation=answer.operation,
            status=answer.status,
        ) from None
