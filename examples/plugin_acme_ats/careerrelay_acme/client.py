"""Acme's endpoints, one method each, with an access token shared by all processes."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from careerrelay import connectors as kit

CASES_READ = "cases:read"
LABELS_WRITE = "labels:write"
STATES = ("open", "declined", "withdrawn", "hired")


class PersonSchema(kit.NamedSchema):
    """A person with all their addresses."""

    emails = kit.Addresses()


class ReasonSchema(kit.NamedSchema):
    """Why a case ended; ``by`` is "us" or "them"."""

    by = kit.OptionalText()


class CaseSchema(kit.IdSchema):
    """One case."""

    state = fields.String(required=True, validate=OneOf(STATES))
    changed = kit.IsoDateTime(required=True)
    person = fields.Nested(PersonSchema, required=True)
    reason = kit.OptionalPart(ReasonSchema)


class LabelsSchema(kit.PayloadSchema):
    """The labels of a case after a change."""

    labels = fields.List(kit.Text(), required=True)


class AcmeClient:
    """Calls Acme for one connection."""

    def __init__(self, connector: kit.Connector) -> None:
        session = kit.client_session(
            connector,
            token_url=connector.settings["token_url"],
            permission=f"{CASES_READ} and {LABELS_WRITE}",
        )
        self._api = kit.VendorApi(
            session,
            url=connector.settings["api_url"],
            setting="client_id and client_secret",
            reads=CASES_READ,
            writes=LABELS_WRITE,
        )

    def case(self, case_id: str) -> dict[str, Any]:
        """https://acme.example.com/developers/cases"""
        return self._api.get(("cases", case_id), schema=CaseSchema(), operation="get a case")

    def reasons(self) -> list[dict[str, Any]]:
        """https://acme.example.com/developers/reasons"""
        return self._api.rows(("reasons",), ReasonSchema, operation="list reasons")

    def add_label(self, case_id: str, label: str) -> None:
        """https://acme.example.com/developers/labels (a label that is there stays once)"""
        path = ("cases", case_id, "labels", label)
        self._api.call("PUT", path, operation="add a label").read(LabelsSchema())
