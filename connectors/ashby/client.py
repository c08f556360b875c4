"""The calls we make to Ashby, one method each: always POST, always HTTP 200.

Errors come inside a 200: https://developers.ashbyhq.com/reference/authentication . They are told
apart by ``errorInfo.code`` here and become the errors that their HTTP status would have been.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from marshmallow import fields

from careerrelay import connectors as kit

from .records import ApplicationSchema, ReasonSchema

READ = "candidatesRead"
WRITE = "candidatesWrite"
METADATA = "hiringProcessMetadataRead"
PAGE = 100
MAIL_ID = "emailProviderEmailId"
STATUSES = (("not_found", 404), ("permission", 403), ("rate_limit", 429), ("unauthorized", 401))
"""Part of an error's code -> the status it means; any other is a 400."""

_FIELDS: WeakKeyDictionary[kit.HttpClient, dict[str, str]] = WeakKeyDictionary()
"""Ids of custom fields by name, as long as the account's client lives."""

ErrorSchema = kit.PayloadSchema.of(code=kit.OptionalText(), message=kit.OptionalText())
NoteSchema = kit.PayloadSchema.of(content=kit.OptionalText())


class EnvelopeSchema(kit.CamelCaseSchema):
    """What every answer has."""

    success = fields.Boolean(required=True)
    more_data_available = fields.Boolean(load_default=False)
    next_cursor = kit.OptionalText()
    sync_token = kit.OptionalText()
    error_info = kit.OptionalPart(ErrorSchema)
    errors = fields.List(fields.Raw(), load_default=list)


class ValueSchema(kit.PayloadSchema):
    """A custom field's value on a person."""

    id = kit.ExternalId(required=True)
    value = fields.Raw(load_default=None, allow_none=True)


class FieldSchema(kit.CamelCaseSchema):
    """A custom field; also a tag, which has no type."""

    id = kit.ExternalId(required=True)
    title = kit.Text(required=True)
    object_type = kit.OptionalText()


class CandidateSchema(kit.CamelCaseSchema):
    """A person, as far as we write on them."""

    tags = fields.List(fields.Nested(FieldSchema), load_default=list)
    custom_fields = fields.List(fields.Nested(ValueSchema), load_default=list)


class AshbyClient:
    """One account. ``url`` is the API's address; the key is the user name of HTTP Basic."""

    def __init__(self, http: kit.HttpClient, *, url: str, api_key: str) -> None:
        self._http = http
        self._api = kit.VendorApi(
            http,
            url=url,
            auth=(api_key, ""),
            headers={"Accept": "application/json; version=1"},
            setting="api_key",
        )

    def application(self, application_id: str) -> dict[str, Any]:
        """One case."""
        body = {"applicationId": application_id}
        return self._one("application.info", body, ApplicationSchema(), READ)

    def applications(self, body: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """A page of cases and its envelope: where to go on, or the token for the next round."""
        answer, envelope = self._call("application.list", {"limit": PAGE, **body}, READ)
        return answer.read(ApplicationSchema(many=True), under="results"), envelope

    def candidate(self, candidate_id: str) -> dict[str, Any]:
        """A person's tags and field values."""
        return self._one("candidate.info", {"id": candidate_id}, CandidateSchema(), READ)

    def notes(self, candidate_id: str) -> Iterator[str]:
        """The texts of all notes on a person."""
        body = {"candidateId": candidate_id}
        for note in self._all("candidate.listNotes", body, NoteSchema, READ):
            yield note["content"]

    def add_note(self, candidate_id: str, text: str) -> None:
        """Not idempotent: look for the marker first. Nobody is notified."""
        note = {"type": "text/plain", "value": text}
        body = {"candidateId": candidate_id, "note": note, "sendNotifications": False}
        self._call("candidate.createNote", body, WRITE)

    def add_mail(self, candidate_id: str, mail: kit.SentMail) -> None:
        """Once: Ashby wants MAIL_ID unique per key and has no call that lists mails.

        What it answers to an id that it knows is not documented, so a success and a refusal that
        names MAIL_ID are both taken for that: a text of ours can miss nothing else that the
        reference demands of it. Any other refusal stays one.
        """
        body = {
            "candidateId": candidate_id,
            MAIL_ID: mail.marker,
            "subject": mail.subject,
            "from": mail.sender,
            "to": mail.to,
            "body": mail.html,
            "sentAt": mail.sent_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "messageIdHeader": mail.message_id,
        }
        self._call("candidate.addEmailMessage", body, WRITE, fine=MAIL_ID)

    def add_tags(self, candidate_id: str, titles: Sequence[str]) -> None:
        """A tag of that title is made where there is none."""
        for title in titles:
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
            rows = self._all("customField.list", {}, FieldSchema, METADATA)
            known.update({r["title"]: r["id"] for r in rows if r["object_type"] == "Candidate"})
        return known.get(title)

    def reasons(self) -> Iterator[dict[str, Any]]:
        """Every archive reason, those no longer used too."""
        return self._all("archiveReason.list", {"includeArchived": True}, ReasonSchema, METADATA)

    def _one(
        self, name: str, body: Mapping[str, Any], schema: kit.PayloadSchema, permission: str
    ) -> dict[str, Any]:
        return self._call(name, body, permission)[0].read(schema, under="results")

    def _all(
        self, name: str, body: Mapping[str, Any], schema: type[kit.PayloadSchema], permission: str
    ) -> Iterator[dict[str, Any]]:
        def turn(page: str) -> tuple[list[dict[str, Any]], str]:
            asked = {**body, "cursor": page} if page else body
            answer, envelope = self._call(name, asked, permission)
            return answer.read(schema(many=True), under="results"), next_page(envelope)

        return self._api.all_pages(turn, operation=name)

    def _call(
        self, name: str, body: Mapping[str, Any], permission: str, *, fine: str = ""
    ) -> tuple[kit.HttpResponse, dict[str, Any]]:
        """The answer and its envelope, if it says success, or names what is ``fine``."""
        answer = self._api.call("POST", (name,), operation=name, permission=permission, json=body)
        envelope = answer.read(EnvelopeSchema())
        info = envelope["error_info"] or {"code": "", "message": ""}
        codes = " ".join([info["code"], *map(str, envelope["errors"])]).lower()
        if envelope["success"] or (fine and fine.lower() in f"{codes} {info['message']}".lower()):
            return answer, envelope
        status = next((status for part, status in STATUSES if part in codes), 400)
        failed = dataclasses.replace(answer, status=status)
        raise self._http.error_for(failed, permission=permission, setting="api_key")


def next_page(envelope: Mapping[str, Any]) -> str:
    """The cursor of the next page; "" on the last one."""
    return envelope["next_cursor"] if envelope["more_data_available"] else ""
