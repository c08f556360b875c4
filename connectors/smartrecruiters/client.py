"""The endpoints of SmartRecruiters that we call, one method each.

https://developers.smartrecruiters.com/reference
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from marshmallow import fields

from careerrelay.connectors import (
    CamelCaseSchema,
    ExternalId,
    HttpClient,
    HttpResponse,
    OptionalText,
    PayloadSchema,
    RejectionSide,
    VendorApi,
)

from .records import CandidateSchema, ChangeSchema, LabelSchema

PAGE = 100
READ, WRITE, ADMIN = "candidates_read", "candidates_manage", "the role ADMINISTRATOR"
SETTINGS = "configuration_read"
REASONS = {
    RejectionSide.COMPANY: "rejection-reasons",
    RejectionSide.CANDIDATE: "withdrawal-reasons",
}


class ListSchema(CamelCaseSchema):
    """A list. Only some have a next page."""

    next_page_id = OptionalText()


class CandidatesSchema(ListSchema):
    content = fields.List(fields.Nested(CandidateSchema), required=True)


class HistorySchema(ListSchema):
    content = fields.List(fields.Nested(ChangeSchema), required=True)


class LabelsSchema(ListSchema):
    content = fields.List(fields.Nested(LabelSchema), required=True)


class MessageSchema(PayloadSchema):
    content = OptionalText()


class MessagesSchema(ListSchema):
    content = fields.List(fields.Nested(MessageSchema), required=True)


class TagsSchema(PayloadSchema):
    tags = fields.List(fields.String(), required=True)


class SharedSchema(PayloadSchema):
    id = ExternalId(required=True)


class EventSchema(PayloadSchema):
    name = fields.String(required=True)


class SubscriptionSchema(PayloadSchema):
    events = fields.List(fields.Nested(EventSchema), required=True)
    status = fields.String(required=True)


class Client:
    """One company's account."""

    def __init__(self, http: HttpClient, settings: Mapping[str, str]) -> None:
        self._api = VendorApi(
            http,
            url=settings["api_url"],
            headers={"X-SmartToken": settings["api_key"]},
            setting="api_key",
        )

    def candidates(self, since: datetime, *, page: str, status: str) -> dict[str, Any]:
        """A page of people changed since then. One such call at a time is the vendor's limit."""
        params = {"limit": PAGE, "updatedAfter": since.isoformat(timespec="milliseconds")}
        params |= {"pageId": page} if page else {}
        params |= {"status": status} if status else {}
        return self._get(("candidates",), CandidatesSchema(), "list candidates", params=params)

    def candidate(self, candidate: str) -> dict[str, Any]:
        return self._get(("candidates", candidate), CandidateSchema(), "get a candidate")

    def history(self, candidate: str, job: str) -> list[dict[str, Any]]:
        path = ("candidates", candidate, "jobs", job, "status", "history")
        return self._get(path, HistorySchema(), "get an application's history")["content"]

    def reasons(self, side: RejectionSide) -> list[dict[str, Any]]:
        path = ("configuration", REASONS[side])
        return self._get(path, LabelsSchema(), "list reasons", permission=SETTINGS)["content"]

    def property(self, id_: str) -> dict[str, Any]:
        path = ("configuration", "candidate-properties", id_)
        return self._get(path, LabelSchema(), "get a candidate property", permission=SETTINGS)

    def messages(self, candidate: str) -> Iterator[str]:
        """The feed about a person, all pages."""
        page, params = "", {"candidateId": candidate, "limit": PAGE}
        while True:
            found = self._get(
                ("messages",),
                MessagesSchema(),
                "list messages",
                permission=ADMIN,
                params=params | ({"pageId": page} if page else {}),
            )
            yield from (message["content"] for message in found["content"])
            if not found["content"] or found["next_page_id"] in ("", page):
                return
            page = found["next_page_id"]

    def share(self, text: str, *, correlation: str, share_with: Mapping[str, Any]) -> None:
        """Add a note. Not idempotent, whatever the correlation id: look for the marker first."""
        body = {"content": text, "correlationId": correlation, "shareWith": share_with}
        self._send("POST", ("messages", "shares"), "share a message", json=body).read(
            SharedSchema()
        )

    def tags(self, candidate: str) -> list[str]:
        return self._get(("candidates", candidate, "tags"), TagsSchema(), "list tags")["tags"]

    def add_tag(self, candidate: str, tag: str) -> None:
        """POST adds; PUT would replace all of them."""
        path = ("candidates", candidate, "tags")
        self._send("POST", path, "add a tag", json={"tags": [tag]}).read(TagsSchema())

    def set_property(self, candidate: str, job: str, *, id_: str, value: str) -> None:
        path = ("candidates", candidate, "jobs", job, "properties", id_)
        self._send("PUT", path, "set a candidate property", json={"value": value})

    def subscriptions(self) -> list[dict[str, Any]]:
        return self._get(
            ("webhooks-api", "v201907", "subscriptions"),
            SubscriptionSchema(many=True),
            "list web hook subscriptions",
            permission="webhooks_manage",
        )

    def _get(
        self,
        path: tuple[str, ...],
        schema: PayloadSchema,
        operation: str,
        *,
        permission: str = READ,
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        return self._api.get(
            path, schema=schema, operation=operation, permission=permission, params=params
        )

    def _send(
        self, method: str, path: tuple[str, ...], operation: str, *, json: Any
    ) -> HttpResponse:
        return self._api.call(method, path, operation=operation, permission=WRITE, json=json)
