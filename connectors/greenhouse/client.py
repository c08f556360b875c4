"""The Harvest v3 endpoints we call, one method each.

Lists only (v3 has no show endpoints), cursors, ids in groups:
https://harvestdocs.greenhouse.io/docs/list-endpoints
https://harvestdocs.greenhouse.io/docs/pagination
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from marshmallow import fields

from careerrelay import connectors as kit

from .webhook import EmailSchema, NamedSchema, StrictBoolean

NAME = "greenhouse"
GROUP = 50  # most ids in one filter
PAGE = 500  # most rows in one page
CREDENTIALS = "client_id, client_secret and acting_user_id"

Row = dict[str, Any]


class CaseRow(kit.PayloadSchema):
    id = kit.ExternalId(required=True)
    candidate_id = kit.ExternalId(required=True)
    job_id = kit.OptionalId()
    source_id = kit.OptionalId()
    status = kit.Text(required=True)
    stage_name = kit.OptionalText()
    prospect = StrictBoolean(required=True)
    rejected_at = kit.OptionalTime()
    created_at = kit.IsoDateTime(required=True)
    updated_at = kit.IsoDateTime(required=True)
    last_activity_at = kit.OptionalTime()


class PersonRow(kit.PayloadSchema):
    id = kit.ExternalId(required=True)
    first_name = kit.OptionalText()
    last_name = kit.OptionalText()
    email_addresses = fields.List(fields.Nested(EmailSchema), required=True)
    can_email = StrictBoolean(required=True)
    private = StrictBoolean(required=True)
    custom_fields = fields.Dict(
        keys=fields.String(), values=fields.Dict(), load_default=dict, allow_none=True
    )


JobRow = kit.PayloadSchema.of(
    id=kit.ExternalId(required=True),
    name=kit.Text(required=True),
    confidential=StrictBoolean(load_default=False, allow_none=True),
)
RejectionRow = kit.PayloadSchema.of(
    application_id=kit.ExternalId(required=True), rejection_reason_id=kit.OptionalId()
)
ReasonTypeRow = kit.PayloadSchema.of(name=kit.OptionalText(), key=kit.OptionalText())
ReasonRow = kit.PayloadSchema.of(
    id=kit.ExternalId(required=True),
    name=kit.Text(required=True),
    type=kit.OptionalPart(ReasonTypeRow),
)
SourceRow = kit.PayloadSchema.of(
    id=kit.ExternalId(required=True), name=kit.OptionalText(), type=kit.OptionalPart(NamedSchema)
)
NoteRow = kit.PayloadSchema.of(body=kit.OptionalText())
TagRow = kit.PayloadSchema.of(id=kit.ExternalId(required=True), name=kit.Text(required=True))
AppliedTagRow = kit.PayloadSchema.of(candidate_tag_id=kit.ExternalId(required=True))
FieldRow = kit.PayloadSchema.of(
    name_key=kit.OptionalText(),
    field_type=kit.OptionalText(),
    value_type=kit.OptionalText(),
    private=kit.OptionalFlag(),
    active=fields.Boolean(load_default=True, allow_none=True),
    template_token_string=kit.OptionalText(),
)

ROWS: Mapping[str, type[kit.PayloadSchema]] = {
    "applications": CaseRow,
    "candidates": PersonRow,
    "jobs": JobRow,
    "rejection_details": RejectionRow,
    "rejection_reasons": ReasonRow,
    "sources": SourceRow,
    "notes": NoteRow,
    "candidate_tags": TagRow,
    "applied_candidate_tags": AppliedTagRow,
    "custom_fields": FieldRow,
}


class HarvestClient:
    """One credential of one organisation."""

    def __init__(self, by: kit.Connector) -> None:
        given = self._settings = by.settings
        self.by = by
        # The token is also the acting user's, so another user's is another token.
        key = f"{NAME}:{given['client_id']}:{given['acting_user_id']}"
        session = kit.BearerSession(
            by.http, by.tokens, key=key, fetch=self._new_token, clock=by.clock
        )
        self._api = kit.VendorApi(session, url=given["base_url"], setting=CREDENTIALS)

    def _new_token(self) -> kit.AccessToken:
        """https://harvestdocs.greenhouse.io/docs/authentication"""
        given = self._settings
        return kit.client_credentials_token(
            self.by.http,
            token_url=given["token_url"],
            client_id=given["client_id"],
            client_secret=given["client_secret"],
            extra={"sub": given["acting_user_id"]},
            setting=CREDENTIALS,
            permission="'Harvest V3 (OAuth)' for the acting user",
            clock=self.by.clock,
        )

    def page(
        self, resource: str, *, filters: Mapping[str, str] | None = None, cursor: str | None = None
    ) -> tuple[list[Row], str | None]:
        """One page and the cursor of the next, which must travel alone (422 otherwise)."""
        params = {"cursor": cursor} if cursor else {"per_page": str(PAGE), **(filters or {})}
        response = self._call("GET", resource, scope=f"{resource}:list", params=params)
        return response.read(ROWS[resource](many=True)), next_cursor(response)

    def every(self, resource: str, *, filters: Mapping[str, str] | None = None) -> Iterator[Row]:
        """All rows, page by page."""

        def turn(cursor: str) -> tuple[list[Row], str]:
            rows, following = self.page(resource, filters=filters, cursor=cursor)
            return rows, following or ""

        return self._api.all_pages(turn, operation=f"list {resource}")

    def by_ids(
        self, resource: str, ids: Iterable[str | None], *, name: str = "ids"
    ) -> Iterator[Row]:
        """Rows whose ``name`` filter matches, asked for in groups of 50."""
        wanted = sorted({value for value in ids if value is not None})
        for start in range(0, len(wanted), GROUP):
            group = ",".join(wanted[start : start + GROUP])
            yield from self.every(resource, filters={name: group})

    def candidate(self, candidate_id: str) -> Row:
        """One person, or kit.ApiNotFoundError."""
        return self._one("candidates", candidate_id)

    def case(self, application_id: str) -> Row:
        """One application, or kit.ApiNotFoundError."""
        return self._one("applications", application_id)

    def reasons(self) -> Iterator[Row]:
        """All rejection reasons, the vendor's own included."""
        return self.every("rejection_reasons", filters={"include_defaults": "true"})

    def changed_cases(
        self, *, since: datetime, until: datetime, size: int, cursor: str | None
    ) -> tuple[list[Row], str | None]:
        """One page of applications whose ``updated_at`` lies in the window, both ends included.

        A misspelt or unsupported date filter is ignored with 200, so every date is checked.
        """
        window = f"gte|{since:%Y-%m-%dT%H:%M:%SZ}|lte|{until:%Y-%m-%dT%H:%M:%SZ}"
        filters = {"updated_at": window, "per_page": str(size)}
        rows, following = self.page("applications", filters=filters, cursor=cursor)
        if any(not since <= row["updated_at"] <= until for row in rows):
            self.by.fail_response("list applications", "the updated_at filter applied")
        return rows, following

    def write_fields(self, candidate_id: str, values: Mapping[str, Any]) -> None:
        """Replace ALL custom fields of a candidate by these values (by name_key).

        https://harvestdocs.greenhouse.io/docs/write-endpoint-migration-guide
        """
        fields_ = [{"name_key": key, "value": value} for key, value in values.items()]
        self._call(
            "PATCH",
            f"candidates/{number(candidate_id)}",
            scope="candidates:update",
            json={"custom_fields": fields_},
        )

    def notes(self, candidate_id: str) -> Iterator[Row]:
        """All notes of a person."""
        return self.every("notes", filters={"candidate_ids": candidate_id})

    def add_note(self, *, candidate_id: str, application_id: str, body: str) -> None:
        """A wrong candidate id would make an orphan row with success: check it before."""
        note = {
            "candidate_id": number(candidate_id),
            "application_id": number(application_id),
            "body": body,
            "visibility": self._settings["note_visibility"],
            "note_type": "NOTE",
            "user_id": number(self._settings["acting_user_id"]),
        }
        self._call("POST", "notes", scope="notes:create", json=note)

    def tag_id(self, name: str) -> str:
        """The id of a tag, made if it is new: v3 makes no tags on the fly."""
        found = self._tag(name)
        if found is None:
            try:
                self._call(
                    "POST", "candidate_tags", scope="candidate_tags:create", json={"name": name}
                )
            except kit.ApiRequestError:
                if self._tag(name) is None:  # not merely made by somebody else just now
                    raise
            found = self._tag(name)
        if found is None:
            self.by.fail_response("list candidate_tags", "the tag that was just made")
        return found

    def _tag(self, name: str) -> str | None:
        wanted = name.casefold()
        tags = self.every("candidate_tags")
        return next((tag["id"] for tag in tags if tag["name"].casefold() == wanted), None)

    def applied_tags(self, candidate_id: str) -> set[str]:
        """Tag ids on a person."""
        rows = self.every("applied_candidate_tags", filters={"candidate_ids": candidate_id})
        return {row["candidate_tag_id"] for row in rows}

    def apply_tag(self, *, candidate_id: str, tag_id: str) -> None:
        """Put a known tag on a person."""
        self._call(
            "POST",
            "applied_candidate_tags",
            scope="applied_candidate_tags:create",
            json={"candidate_id": number(candidate_id), "candidate_tag_id": number(tag_id)},
        )

    def probe(self, method: str, path: str, *, scope: str) -> None:
        """A call that can change nothing (no such record, or an empty body), for its 403."""
        try:
            self._call(method, path, scope=scope, json={})
        except (kit.ApiRequestError, kit.ApiNotFoundError):
            return  # refused for its content, so the scope is there

    def _one(self, resource: str, record_id: str) -> Row:
        rows = self.every(resource, filters={"ids": str(number(record_id))})
        row = next((row for row in rows if row["id"] == record_id), None)
        if row is None:
            raise kit.ApiNotFoundError(
                f"Greenhouse has no such record in {resource}, or the acting user may not see it",
                connector=NAME,
                operation=f"list {resource}",
            )
        return row

    def _call(self, method: str, path: str, *, scope: str, **sent: Any) -> kit.HttpResponse:
        resource, verb = scope.split(":")
        what = f"{verb} {resource.replace('_', ' ')}"
        permission = f"harvest:{scope}"
        return self._api.call(
            method, path.split("/"), operation=what, permission=permission, **sent
        )


def next_cursor(response: kit.HttpResponse) -> str | None:
    """The cursor in ``Link: <...>; rel="next"``; the address itself is not followed."""
    link = re.search(r'<([^<>]*)>\s*;\s*rel="?next"?', response.headers.get("link", ""))
    return parse_qs(urlsplit(link[1]).query).get("cursor", [None])[0] if link else None


def number(record_id: str) -> int:
    """Greenhouse's ids are numbers on the wire; anything else cannot be one of its records."""
    if not (record_id.isascii() and record_id.isdigit()):
        raise kit.ApiNotFoundError(
            "Greenhouse ids are numbers, and this is none",
            connector=NAME,
            operation="read an id",
        )
    return int(record_id)
