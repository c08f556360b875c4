"""The calls we make to Ashby, one method each: always POST, always HTTP 200.

Errors come inside a 200: https://developers.ashbyhq.com/reference/authentication . They are told
apart by ``errorInfo.code`` here and become the errors that their HTTP status would have been.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from marshmallow import fields

from careerrelay.connectors import (
    ApiResponseError,
    CamelCaseSchema,
    ExternalId,
    HttpClient,
    HttpResponse,
    PayloadError,
    PayloadSchema,
    Text,
    join_url,
)

from .records import ApplicationSchema, ReasonSchema

READ = "candidatesRead"
WRITE = "candidatesWrite"
METADATA = "hiringProcessMetadataRead"
PAGE = 100
STATUSES = (("not_found", 404), ("permission", 403), ("rate_limit", 429), ("unauthorized", 401))
"""Part of an error's code -> the status it means; any other is a 400."""

_FIELDS: WeakKeyDictionary[HttpClient, dict[str, str]] = WeakKeyDictionary()
"""Ids of custom fields by name, as long as the account's client lives."""


class ErrorSchema(PayloadSchema):
    """Why a call failed."""

    code = fields.String(load_default="")


class EnvelopeSchema(CamelCaseSchema):
    """What every answer has."""

    success = fields.Boolean(required=True)
    results = fields.Raw(load_default=None, allow_none=True)
    more_data_available = fields.Boolean(load_default=False)
    next_cursor = fields.String(load_default=None, allow_none=True)
    sync_token = fields.String(load_default=None, allow_none=True)
    error_info = fields.Nested(ErrorSchema, load_default=None, allow_none=True)
    errors = fields.List(fields.Raw(), load_default=list)


class ValueSchema(PayloadSchema):
    """A custom field's value on a person."""

    id = ExternalId(required=True)
    value = fields.Raw(load_default=None, allow_none=True)


class FieldSchema(CamelCaseSchema):
    """A custom field; also a tag, which has no type."""

    id = ExternalId(required=True)
    title = Text(required=True)
    object_type = fields.String(load_default="")


class NoteSchema(PayloadSchema):
    """A note, of which we look only whether our marker is in it."""

    content = Text(load_default="", allow_none=True)


class CandidateSchema(CamelCaseSchema):
    """A person, as far as we write on them."""

    tags = fields.List(fields.Nested(FieldSchema), load_default=list)
    custom_fields = fields.List(fields.Nested(ValueSchema), load_default=list)


class AshbyClient:
    """One account. ``url`` is the API's address; the key is the user name of HTTP Basic."""

    def __init__(self, http: HttpClient, *, url: str, api_key: str) -> None:
        self._http = http
        self._url = url
        self._auth = (api_key, "")

    def application(self, application_id: str) -> dict[str, Any]:
        """One case."""
        body = {"applicationId": application_id}
        return self._one("application.info", body, ApplicationSchema(), READ)

    def applications(self, body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """A page of cases and its envelope: where to go on, or the token for the next round."""
        answer, envelope = self._call("application.list", {"limit": PAGE, **body}, READ)
        schema = ApplicationSchema(many=True)
        return _read(schema, envelope["results"] or [], answer), envelope

    def candidate(self, candidate_id: str) -> dict[str, Any]:
        """A person's tags and field values."""
        return self._one("candidate.info", {"id": candidate_id}, CandidateSchema(), READ)

    def notes(self, candidate_id: str) -> Iterator[str]:
        """The texts of all notes on a person."""
        body = {"candidateId": candidate_id}
        for note in self._all("candidate.listNotes", body, NoteSchema(many=True), READ):
            yield note["content"] or ""

    def add_note(self, candidate_id: str, text: str) -> None:
        """Not idempotent: look for the marker first. Nobody is notified."""
        note = {"type": "text/plain", "value": text}
        body = {"candidateId": candidate_id, "note": note, "sendNotifications": False}
        self._call("candidate.createNote", body, WRITE)

    def add_tag(self, candidate_id: str, title: str) -> None:
        """A tag of that title is made where there is none."""
        tag = self._one("candidateTag.create", {"title": title}, FieldSchema(), WRITE)
        self._call("candidate.addTag", {"candidateId": candidate_id, "tagId": tag["id"]}, WRITE)

    def set_field(self, candidate_id: str, field_id: str, value: str | None) -> None:
        """Overwrites."""
        body = {"objectId": candidate_id, "objectType": "Candidate", "fieldId": field_id}
        self._call("customField.setValue", {**body, "fieldValue": value}, WRITE)

    def field_id(self, title: str) -> str | None:
        """A candidate field's id by its name; asked for once."""
        known = _FIELDS.setdefault(self._http, {})
        if title not in known:
            rows = self._all("customField.list", {}, FieldSchema(many=True), METADATA)
            known.update({r["title"]: r["id"] for r in rows if r["object_type"] == "Candidate"})
        return known.get(title)

    def reasons(self) -> list[dict[str, Any]]:
        """Every archive reason, those no longer used too."""
        body = {"includeArchived": True}
        return list(self._all("archiveReason.list", body, ReasonSchema(many=True), METADATA))

    def _one(
        self, name: str, body: Mapping[str, Any], schema: PayloadSchema, permission: str
    ) -> dict[str, Any]:
        answer, envelope = self._call(name, body, permission)
        return _read(schema, envelope["results"], answer)

    def _all(
        self, name: str, body: Mapping[str, Any], schema: PayloadSchema, permission: str
    ) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            page = {**body, "cursor": cursor} if cursor else body
            answer, envelope = self._call(name, page, permission)
            yield from _read(schema, envelope["results"] or [], answer)
            before, cursor = cursor, next_page(envelope)
            if not cursor:
                return
            if cursor == before:
                raise _odd(answer, "with a nextCursor that does not move")

    def _call(
        self, name: str, body: Mapping[str, Any], permission: str
    ) -> tuple[HttpResponse, dict[str, Any]]:
        """The answer and its envelope, if it says success."""
        answer = self._http.request(
            "POST",
            join_url(self._url, name),
            operation=name,
            json=body,
            auth=self._auth,
            headers={"Accept": "application/json; version=1"},
            permission=permission,
            setting="api_key",
        )
        envelope = answer.read(EnvelopeSchema())
        if envelope["success"]:
            return answer, envelope
        failed = dataclasses.replace(answer, status=_status(envelope))
        raise self._http.error_for(failed, permission=permission, setting="api_key")


def next_page(envelope: Mapping[str, Any]) -> str | None:
    """The cursor of the next page; None on the last one."""
    return envelope["next_cursor"] if envelope["more_data_available"] else None


def _status(envelope: Mapping[str, Any]) -> int:
    info = envelope["error_info"] or {}
    told = " ".join([info.get("code") or "", *map(str, envelope["errors"])]).lower()
    return next((status for part, status in STATUSES if part in told), 400)


def _read(schema: PayloadSchema, data: Any, answer: HttpResponse) -> Any:
    try:
        return schema.read(data)
    except PayloadError as error:
        raise _odd(answer, error.message) from None


def _odd(answer: HttpResponse, what: str) -> ApiResponseError:
    return ApiResponseError(
        f"ashby answered '{answer.operation}' {what}",
        connector=answer.connector,
        operation=answer.operation,
        status=answer.status,
    )
