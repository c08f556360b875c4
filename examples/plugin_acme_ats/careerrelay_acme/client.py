"""Acme's endpoints, one method each, with an access token shared by all processes."""

from __future__ import annotations

from functools import partial
from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from careerrelay.connectors import (
    AccessToken,
    ApiResponseError,
    BearerSession,
    Connector,
    ExternalId,
    HttpResponse,
    IsoDateTime,
    PayloadError,
    PayloadSchema,
    Text,
    client_credentials_token,
    join_url,
)

CASES_READ = "cases:read"
LABELS_WRITE = "labels:write"
STATES = ("open", "declined", "withdrawn", "hired")


class PersonSchema(PayloadSchema):
    """A person with all their addresses."""

    id = ExternalId(required=True)
    name = Text(load_default="")
    emails = fields.List(fields.Email(), load_default=list)


class ReasonSchema(PayloadSchema):
    """Why a case ended; ``by`` is "us" or "them"."""

    id = ExternalId(required=True)
    name = Text(required=True)
    by = fields.String(load_default="")


class CaseSchema(PayloadSchema):
    """One case."""

    id = ExternalId(required=True)
    state = fields.String(required=True, validate=OneOf(STATES))
    changed = IsoDateTime(required=True)
    person = fields.Nested(PersonSchema, required=True)
    reason = fields.Nested(ReasonSchema, load_default=None, allow_none=True)


class LabelsSchema(PayloadSchema):
    """The labels of a case after a change."""

    labels = fields.List(Text(), required=True)


class AcmeClient:
    """Calls Acme for one connection."""

    def __init__(self, connector: Connector) -> None:
        self._settings = connector.settings
        self._session = BearerSession(
            connector.http,
            connector.tokens,
            key=f"acme:{self._settings['client_id']}",
            fetch=partial(_fetch_token, connector),
            clock=connector.clock,
        )

    def case(self, case_id: str) -> dict[str, Any]:
        """https://acme.example.com/developers/cases"""
        answer = self._call("GET", ("cases", case_id), "get a case", CASES_READ)
        return _read(CaseSchema(), answer)

    def reasons(self) -> list[dict[str, Any]]:
        """https://acme.example.com/developers/reasons"""
        answer = self._call("GET", ("reasons",), "list reasons", CASES_READ)
        return _read(ReasonSchema(many=True), answer)

    def add_label(self, case_id: str, label: str) -> None:
        """https://acme.example.com/developers/labels (a label that is there stays once)"""
        path = ("cases", case_id, "labels", label)
        answer = self._call("PUT", path, "add a label", LABELS_WRITE)
        _read(LabelsSchema(), answer)

    def _call(
        self, method: str, path: tuple[str, ...], operation: str, permission: str
    ) -> HttpResponse:
        return self._session.request(
            method,
            join_url(self._settings["api_url"], *path),
            operation=operation,
            permission=permission,
            setting="client_id and client_secret",
        )


def _fetch_token(connector: Connector) -> AccessToken:
    return client_credentials_token(
        connector.http,
        token_url=connector.settings["token_url"],
        client_id=connector.settings["client_id"],
        client_secret=connector.settings["client_secret"],
        permission=f"{CASES_READ} and {LABELS_WRITE}",
        clock=connector.clock,
    )


def _read(schema: PayloadSchema, answer: HttpResponse) -> Any:
    try:
        return schema.read(answer.json())
    except PayloadError as error:
        raise ApiResponseError(
            f"Acme ATS answered '{answer.operation}' {error.message}",
            connector=answer.connector,
            operation=answer.operation,
            status=answer.status,
        ) from None
