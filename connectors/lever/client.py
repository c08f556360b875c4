"""The calls we make to Lever, one method each.

Every address, parameter and shape: https://hire.lever.co/developer/documentation (rendered in
the browser; parameters as repeated by public clients). Scope names are those of OAuth; an API
key is limited by ticking endpoints, grouped under the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from marshmallow import fields

from careerrelay.connectors.http import HttpClient
from careerrelay.connectors.payload import ExternalId, PayloadSchema
from careerrelay.models.errors import ApiResponseError, PayloadError

from .records import (
    DeletedSchema,
    OpportunitySchema,
    PostingSchema,
    ReasonSchema,
)

PAGE = 100
# With all three the snapshot says as much on every way: job, stage, and the contact's consent.
EXPAND = ["applications", "stage", "contact"]


class ListSchema(PayloadSchema):
    """The envelope of every list. ``next`` is opaque and goes back as it came."""

    data = fields.List(fields.Dict(), required=True)
    has_next = fields.Boolean(load_default=False, allow_none=True, data_key="hasNext")
    next = fields.String(load_default=None, allow_none=True)


class RecordSchema(PayloadSchema):
    """The envelope of every single record."""

    data = fields.Dict(required=True)


class FieldSchema(PayloadSchema):
    """One text of a note."""

    value = fields.Raw(load_default="", allow_none=True)


class NoteSchema(PayloadSchema):
    """A note, of which we look only whether our marker is in it."""

    fields_ = fields.List(
        fields.Nested(FieldSchema), load_default=list, allow_none=True, data_key="fields"
    )


class UserSchema(PayloadSchema):
    """A user; ``deactivatedAt`` is set once the account is closed."""

    id = ExternalId(required=True)
    deactivated_at = fields.Raw(load_default=None, allow_none=True, data_key="deactivatedAt")


class WebhookSchema(PayloadSchema):
    """A web hook of the account."""

    event = fields.String(required=True)


@dataclass(frozen=True, slots=True)
class Read:
    """A kind of read: its name for people, the scope it needs, the schema of its records."""

    operation: str
    permission: str
    schema: PayloadSchema


OPPORTUNITY = Read("retrieve an opportunity", "opportunities:read:admin", OpportunitySchema())
OPPORTUNITIES = Read("list opportunities", "opportunities:read:admin", OpportunitySchema())
DELETED = Read("list deleted opportunities", "opportunities:read:admin", DeletedSchema())
NOTES = Read("list notes", "notes:read:admin", NoteSchema())
REASONS = Read("list archive reasons", "archive_reasons:read:admin", ReasonSchema())
POSTING = Read("retrieve a posting", "postings:read:admin", PostingSchema())
POSTINGS = Read("list postings", "postings:read:admin", PostingSchema())
USER = Read("retrieve a user", "users:read:admin", UserSchema())
WEBHOOKS = Read("list web hooks", "webhooks:read:admin", WebhookSchema())


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, read by their schema; ``next`` is None on the last page."""

    records: list[dict[str, Any]]
    next: str | None


class LeverClient:
    """Lever's API v1 by API key: the user name of HTTP Basic, with an empty password."""

    def __init__(self, http: HttpClient, *, base_url: str, api_key: str, perform_as: str) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._auth = (api_key, "")
        self._perform_as = perform_as

    def opportunity(self, opportunity_id: str) -> dict[str, Any]:
        """One opportunity, expanded."""
        path = f"/opportunities/{_segment(opportunity_id)}"
        return self._record(path, OPPORTUNITY, params={"expand": EXPAND})

    def opportunities(self, filters: Mapping[str, int], *, offset: str | None) -> Page:
        """A page of opportunities, expanded. ``filters`` in milliseconds, inclusive."""
        query = {**filters, "expand": EXPAND}
        return self._page("/opportunities", OPPORTUNITIES, params=query, offset=offset)

    def deleted(self, *, start: int, end: int, offset: str | None) -> Page:
        """A page of what was deleted; the window may be 30 days at most."""
        query = {"deleted_at_start": start, "deleted_at_end": end}
        return self._page("/opportunities/deleted", DELETED, params=query, offset=offset)

    def archive_reasons(self) -> list[dict[str, Any]]:
        """Every archive reason: hired or not, active or not."""
        return list(self._all("/archive_reasons", REASONS))

    def posting(self, posting_id: str) -> dict[str, Any]:
        """One job posting."""
        return self._record(f"/postings/{_segment(posting_id)}", POSTING)

    def first_posting(self) -> dict[str, Any] | None:
        """Some posting, to see whether postings may be read."""
        page = self._page("/postings", POSTINGS, params={"limit": 1}, offset=None)
        return next(iter(page.records), None)

    def note_texts(self, opportunity_id: str) -> Iterator[str]:
        """The texts of all notes on an opportunity, deleted ones too."""
        for note in self._all(f"/opportunities/{_segment(opportunity_id)}/notes", NOTES):
            for text in note["fields_"] or ():
                yield str(text["value"] or "")

    def add_note(self, opportunity_id: str, text: str) -> None:
        """Add a note. Not idempotent: look for the marker first."""
        self._write(opportunity_id, "notes", {"value": text}, permission="notes:write:admin")

    def add_tags(self, opportunity_id: str, tags: Sequence[str]) -> None:
        """Add tags; one that is there stays as it is."""
        self._write(opportunity_id, "addTags", {"tags": list(tags)})

    def add_links(self, opportunity_id: str, links: Sequence[str]) -> None:
        """Add links to the contact, seen on all its opportunities; one that is there stays."""
        self._write(opportunity_id, "addLinks", {"links": list(links)})

    def user(self, user_id: str) -> dict[str, Any]:
        """One user of the account."""
        return self._record(f"/users/{_segment(user_id)}", USER)

    def webhooks(self) -> list[dict[str, Any]]:
        """Every web hook of the account, without its token."""
        return list(self._all("/webhooks", WEBHOOKS))

    def _write(
        self,
        opportunity_id: str,
        what: str,
        body: Mapping[str, Any],
        *,
        permission: str = "opportunities:write:admin",
    ) -> None:
        operation = f"write {what}"
        answer = self._http.request(
            "POST",
            f"{self._base_url}/opportunities/{_segment(opportunity_id)}/{what}",
            operation=operation,
            params={"perform_as": self._perform_as},
            json=body,
            auth=self._auth,
            permission=permission,
            setting="api_key",
        )
        _read(RecordSchema(), answer.json(), operation)

    def _get(self, path: str, read: Read, params: Mapping[str, Any] | None) -> Any:
        return self._http.request(
            "GET",
            self._base_url + path,
            operation=read.operation,
            params=params,
            auth=self._auth,
            permission=read.permission,
            setting="api_key",
        ).json()

    def _record(
        self, path: str, read: Read, *, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        envelope = _read(RecordSchema(), self._get(path, read, params), read.operation)
        return _read(read.schema, envelope["data"], read.operation)

    def _page(
        self, path: str, read: Read, *, params: Mapping[str, Any], offset: str | None
    ) -> Page:
        query = {"limit": PAGE, **params} | ({"offset": offset} if offset else {})
        envelope = _read(ListSchema(), self._get(path, read, query), read.operation)
        records = [_read(read.schema, record, read.operation) for record in envelope["data"]]
        return Page(records, _next(envelope, seen=offset, operation=read.operation))

    def _all(self, path: str, read: Read) -> Iterator[dict[str, Any]]:
        page = self._page(path, read, params={}, offset=None)
        yield from page.records
        while page.next is not None:
            page = self._page(path, read, params={}, offset=page.next)
            yield from page.records


def _segment(record_id: str) -> str:
    """An id as one part of a path, whatever is in it."""
    return quote(record_id, safe="")


def _next(envelope: Mapping[str, Any], *, seen: str | None, operation: str) -> str | None:
    """The next offset. One that does not move would be read for ever."""
    if not envelope["has_next"]:
        return None
    if not envelope["next"] or envelope["next"] == seen:
        raise _unreadable(operation, "hasNext without a new next")
    return envelope["next"]


def _read(schema: PayloadSchema, data: Any, operation: str) -> dict[str, Any]:
    try:
        return schema.read(data)
    except PayloadError as error:
        raise _unreadable(operation, error.message) from None


def _unreadable(operation: str, what: str) -> ApiResponseError:
    return ApiResponseError(
        f"Lever answered {operation} in another shape than known: {what}",
        connector="lever",
        operation=operation,
    )
