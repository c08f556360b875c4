"""Reading and writing records of an API in the JSON:API style (https://jsonapi.org/format/)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields

from .api import VendorApi
from .http import HttpResponse, Params
from .payload import ExternalId, OptionalList, PayloadSchema


class RecordSchema(PayloadSchema):
    """Any record; what is inside is read by its kind."""

    id = ExternalId(required=True)
    type = fields.String(required=True)
    attributes = fields.Dict(load_default=dict, allow_none=True)
    relationships = fields.Dict(load_default=dict, allow_none=True)


IncludedSchema = PayloadSchema.of(included=OptionalList(fields.Nested(RecordSchema)))


@dataclass(frozen=True, slots=True)
class Record:
    """One record, and those that came with it."""

    id: str
    type: str
    attributes: Mapping[str, Any] = field(repr=False)
    relationships: Mapping[str, Any] = field(repr=False)
    included: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @classmethod
    def of(cls, row: Mapping[str, Any], included: Sequence[Mapping[str, Any]] = ()) -> Record:
        """From what RecordSchema has read."""
        attributes, relationships = row["attributes"] or {}, row["relationships"] or {}
        return cls(row["id"], row["type"], attributes, relationships, included)

    def read(self, schema: type[PayloadSchema]) -> dict[str, Any]:
        """Its attributes. Raises PayloadError."""
        return schema().read(self.attributes)

    def id_of(self, name: str) -> str:
        """The id of a related record; "" where there is none, or where it was not asked for."""
        part = self.relationships.get(name)
        data = part.get("data") if isinstance(part, dict) else None
        return str(data.get("id", "")) if isinstance(data, dict) else ""

    def related(self, name: str, kind: str) -> Record | None:
        """The related record itself, where it came with this one."""
        wanted = self.id_of(name)
        return next((other for other in self.others(kind) if other.id == wanted), None)

    def others(self, kind: str) -> Iterator[Record]:
        """All of a kind that came with this one, or with its page."""
        return (Record.of(row, self.included) for row in self.included if row["type"] == kind)


class JsonApi:
    """Records one by one and in pages, over a VendorApi."""

    def __init__(self, api: VendorApi) -> None:
        self._api = api

    def one(self, kind: str, id_: str, *, params: Params | None = None) -> Record:
        """A record by its id."""
        answer = self._api.call("GET", (kind, id_), operation=f"get {kind}", params=params)
        included = answer.read(IncludedSchema())["included"]
        return Record.of(answer.read(RecordSchema(), under="data"), included)

    def list(
        self, path: Sequence[str], *, params: Params | None = None
    ) -> tuple[list[Record], HttpResponse]:
        """A page of records, and the whole answer for what it says of other pages."""
        answer = self._api.call("GET", path, operation=f"list {path[-1]}", params=params)
        included = answer.read(IncludedSchema())["included"]
        rows = answer.read(RecordSchema(many=True), under="data")
        return [Record.of(row, included) for row in rows], answer

    def page(
        self, kind: str, *, number: int, size: int, params: Params | None = None
    ) -> tuple[list[Record], HttpResponse]:
        """The same for a kind whose pages have numbers."""
        paging = {"page[number]": str(number), "page[size]": str(size)}
        return self.list((kind,), params={**paging, **(params or {})})

    def write(
        self,
        kind: str,
        attributes: Mapping[str, Any],
        *,
        id_: str = "",
        method: str = "PATCH",
        related: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        """Make a record or, with an id, change one. ``related``: (kind, id) by name."""
        data: dict[str, Any] = {"type": kind, "attributes": attributes}
        data |= {"id": id_} if id_ else {}
        if related:
            links = {name: {"data": {"type": k, "id": i}} for name, (k, i) in related.items()}
            data["relationships"] = links
        path = (kind, id_) if id_ else (kind,)
        answer = self._api.call(
            method if id_ else "POST", path, operation=f"write {kind}", json={"data": data}
        )
        answer.read(RecordSchema(), under="data")
