"""The calls we make to Lever, one method each.

Every address, parameter and shape: https://hire.lever.co/developer/documentation (rendered in
the browser; parameters as repeated by public clients). Scope names are those of OAuth; an API
key is limited by ticking endpoints, grouped under the same words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .records import DeletedSchema, OpportunitySchema, PostingSchema, ReasonSchema

PAGE = 100
# With all three the snapshot says as much on every way: job, stage, and the contact's consent.
EXPAND = ["applications", "stage", "contact"]
ROOT, LIST = "opportunities", "list opportunities"

# The envelope of every list. ``next`` is opaque and goes back as it came.
ListSchema = kit.CamelCaseSchema.of(has_next=kit.OptionalFlag(), next=kit.OptionalText())
FieldSchema = kit.PayloadSchema.of(value=fields.Raw(load_default="", allow_none=True))
# A note, of which we look only whether our marker is in it.
NoteSchema = kit.PayloadSchema.of(
    texts=kit.OptionalList(fields.Nested(FieldSchema), data_key="fields")
)
# ``deactivatedAt`` is set once a user's account is closed.
UserSchema = kit.CamelCaseSchema.of(
    id=kit.ExternalId(required=True), deactivated_at=fields.Raw(load_default=None, allow_none=True)
)
WebhookSchema = kit.PayloadSchema.of(event=fields.String(required=True))


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, read by their schema; ``next`` is "" on the last page."""

    records: list[dict[str, Any]]
    next: str


class LeverClient:
    """Lever's API v1 by API key: the user name of HTTP Basic, with an empty password."""

    def __init__(self, by: kit.Connector) -> None:
        self._by = by
        self._perform_as = by.settings["perform_as"]
        self._api = kit.VendorApi(
            by.http,
            url=by.settings["base_url"],
            auth=(by.settings["api_key"], ""),
            setting="api_key",
            reads="opportunities:read:admin",
            writes="opportunities:write:admin",
        )

    def opportunity(self, opportunity_id: str) -> dict[str, Any]:
        """One opportunity, expanded."""
        path, what, params = (ROOT, opportunity_id), "retrieve an opportunity", {"expand": EXPAND}
        schema = OpportunitySchema()
        return self._api.get(path, schema=schema, under="data", operation=what, params=params)

    def opportunities(self, filters: Mapping[str, int], *, offset: str) -> Page:
        """A page of opportunities, expanded and not read yet. ``filters`` in milliseconds,
        inclusive."""
        query = {**filters, "expand": EXPAND, "offset": offset}
        return self._page((ROOT,), kit.RowSchema, LIST, query)

    def deleted(self, *, start: int, end: int, offset: str) -> Page:
        """A page of what was deleted; the window may be 30 days at most."""
        path, what = (ROOT, "deleted"), "list deleted opportunities"
        query = {"deleted_at_start": start, "deleted_at_end": end, "offset": offset}
        return self._page(path, DeletedSchema, what, query)

    def archive_reasons(self) -> list[dict[str, Any]]:
        """Every archive reason: hired or not, active or not."""
        return list(self._all(("archive_reasons",), ReasonSchema, "archive reasons"))

    def posting(self, posting_id: str) -> dict[str, Any]:
        """One job posting."""
        return self._api.get(
            ("postings", posting_id),
            schema=PostingSchema(),
            under="data",
            operation="retrieve a posting",
            permission="postings:read:admin",
        )

    def first_posting(self) -> dict[str, Any] | None:
        """Some posting, to see whether postings may be read."""
        scope, what = "postings:read:admin", "list postings"
        page = self._page(("postings",), PostingSchema, what, {"limit": 1}, scope=scope)
        return next(iter(page.records), None)

    def note_texts(self, opportunity_id: str) -> Iterator[str]:
        """The texts of all notes on an opportunity, deleted ones too."""
        notes = self._all((ROOT, opportunity_id, "notes"), NoteSchema, "notes")
        return (str(text["value"] or "") for note in notes for text in note["texts"])

    def add_note(self, opportunity_id: str, text: str) -> None:
        """Add a note. Not idempotent: look for the marker first."""
        self._write(opportunity_id, "notes", {"value": text}, permission="notes:write:admin")

    def add_tags(self, opportunity_id: str, tags: Sequence[str]) -> None:
        """Add tags; one that is there stays as it is."""
        self._write(opportunity_id, "addTags", {"tags": list(tags)})

    def add_links(self, opportunity_id: str, links: Sequence[str]) -> None:
        """Add links to the contact, seen on all its opportunities; one that is there stays."""
        self._write(opportunity_id, "addLinks", {"links": list(links)})

    def user(self) -> dict[str, Any]:
        """The user in whose name we write."""
        return self._api.get(
            ("users", self._perform_as),
            schema=UserSchema(),
            under="data",
            operation="retrieve a user",
            permission="users:read:admin",
        )

    def webhooks(self) -> list[dict[str, Any]]:
        """Every web hook of the account, without its token."""
        return list(self._all(("webhooks",), WebhookSchema, "web hooks"))

    def _write(
        self, opportunity_id: str, what: str, body: Mapping[str, Any], *, permission: str = ""
    ) -> None:
        self._api.call(
            "POST",
            (ROOT, opportunity_id, what),
            operation=f"write {what}",
            permission=permission,
            params={"perform_as": self._perform_as},
            json=body,
        ).read(kit.PayloadSchema(), under="data")

    def _page(
        self,
        path: Sequence[str],
        schema: type[kit.PayloadSchema],
        what: str,
        query: Mapping[str, Any],
        *,
        scope: str = "",
    ) -> Page:
        """``query`` says where: its ``offset`` is "" on the first page."""
        params = {"limit": PAGE} | {name: value for name, value in query.items() if value != ""}
        answer = self._api.call("GET", path, operation=what, permission=scope, params=params)
        envelope, records = answer.read(ListSchema()), answer.read(schema(many=True), under="data")
        if not envelope["has_next"]:
            return Page(records, "")
        if envelope["next"] in ("", query.get("offset")):
            self._by.fail_response(what, "a new next, though hasNext is true")
        return Page(records, envelope["next"])

    def _all(
        self, path: Sequence[str], schema: type[kit.PayloadSchema], kind: str
    ) -> Iterator[dict[str, Any]]:
        """All pages; the scope has the name of what is listed."""
        scope = f"{path[-1]}:read:admin"

        def turn(offset: str) -> tuple[list[dict[str, Any]], str]:
            page = self._page(path, schema, f"list {kind}", {"offset": offset}, scope=scope)
            return page.records, page.next

        return self._api.all_pages(turn, operation=f"list {kind}")
