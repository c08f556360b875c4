"""Rows of a report, by the company's own column names, as cases. No I/O."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields

from careerrelay import connectors as kit

_ODATA_TIME = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-][0-9]{4})?\)/")
_IDS = ("application_id", "candidate_id")
"""All that is kept of somebody who was erased."""
_SPLIT = re.compile(r"[,;\r\n]")


class RowSchema(kit.PayloadSchema):
    application_id = kit.ExternalId(required=True)
    candidate_id = kit.OptionalId()
    email = kit.Addresses()
    given_name = kit.OptionalText()
    family_name = kit.OptionalText()
    full_name = kit.OptionalText()
    job_id = kit.OptionalId()
    job_title = kit.OptionalText()
    status = kit.OptionalText()
    reason = kit.OptionalText()
    stage = kit.OptionalText()
    source = kit.OptionalText()
    tags = kit.OptionalText()
    changed_at = fields.Raw(load_default=None, allow_none=True)


@dataclass(frozen=True, slots=True)
class Layout:
    """How one company's report is to be read."""

    rows_at: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    zone: tzinfo | None
    statuses: kit.Statuses
    erased: frozenset[str]
    policy: kit.Policy

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Layout:
        """Raises ConfigurationError naming the setting."""
        return cls(
            tuple(part for part in settings["rows_at"].split(".") if part),
            _columns(settings["columns"]),
            _zone(settings["time_zone"]),
            kit.Statuses.read(settings),
            kit.listed(settings, name="erased_statuses"),
            kit.Policy.read(settings),
        )

    def cases(self, body: bytes, *, content_type: str) -> list[kit.Application]:
        """All that say something. Raises PayloadError naming row and column, never a value."""
        kind = content_type.partition(";")[0].strip().lower()
        if kind.endswith("xml"):
            raise kit.PayloadError("the report is XML; have it sent as JSON or CSV")
        rows = _csv_rows(body) if kind == "text/csv" else self._json_rows(body)
        found = (self._case(row, number) for number, row in enumerate(rows, start=1))
        return [case for case in found if case is not None]

    def _json_rows(self, body: bytes) -> list[Any]:
        rows = _dig(kit.read_json(body), self.rows_at)
        if not isinstance(rows, list):
            raise kit.PayloadError("the report has no list where the setting rows_at points")
        return rows

    def _case(self, row: Any, number: int) -> kit.Application | None:
        """None for a row that says of no moment: nothing was decided yet."""
        if not isinstance(row, dict):
            raise kit.PayloadError(f"row {number} of the report is no row")
        named = {ours: _plain(_dig(row, path)) for ours, path in self.columns.items()}
        try:
            record = RowSchema().read(named)
        except kit.PayloadError as error:
            raise kit.PayloadError(f"row {number} of the report: {error.message}") from None
        state = self.statuses.state(record["status"], record["reason"])
        if record["status"].casefold() in self.erased:
            state = kit.ApplicationState.ERASED
            record = RowSchema().read({n: named.get(n) for n in (*_IDS, "changed_at")})
        if record["changed_at"] is None and state is kit.ApplicationState.ACTIVE:
            return None
        return self._application(record, state, self._moment(record["changed_at"], number))

    def _moment(self, value: Any, number: int) -> datetime:
        try:
            odata = _ODATA_TIME.fullmatch(value) if isinstance(value, str) else None
            if odata:
                return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(odata[1]))
            moment: datetime = kit.IsoDateTime(naive_in=self.zone).deserialize(value)
        except (ValidationError, OverflowError):
            raise kit.PayloadError(
                f"row {number} of the report: changed_at is no time, or one without offset while "
                "the setting time_zone is empty"
            ) from None
        return moment

    def _application(
        self, record: Mapping[str, Any], state: kit.ApplicationState, changed_at: datetime
    ) -> kit.Application:
        text = record["reason"] or record["status"]
        return kit.Application(
            external_id=record["application_id"],
            candidate=kit.Candidate(
                record["candidate_id"] or record["application_id"],
                emails=record["email"],
                given_name=record["given_name"],
                family_name=record["family_name"],
                full_name=record["full_name"],
            ),
            state=state,
            changed_at=changed_at,
            job=kit.Job(record["job_id"], record["job_title"]) if record["job_id"] else None,
            reason=self.statuses.reason(state, text),
            stage_text=record["stage"],
            channel=self.policy.channel(record["source"]),
            flags=self.policy.flags(_SPLIT.split(record["tags"])),
            notice_after=self.policy.notice_after(changed_at, state),
        )


def _csv_rows(body: bytes) -> Iterator[dict[str, Any]]:
    try:
        rows = csv.DictReader(StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        yield from rows
    except UnicodeDecodeError:
        raise kit.PayloadError("the report is not UTF-8") from None
    except csv.Error:
        raise kit.PayloadError("the report is not CSV") from None


def _dig(data: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _plain(value: Any) -> Any:
    """An empty cell is none; a number is its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None if value == "" else value


def _columns(text: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(str.strip, text.replace("\n", ",").split(",")):
        ours, _, theirs = (piece.strip() for piece in part.partition("="))
        if ours not in RowSchema().fields or not theirs.strip("."):
            known = ", ".join(RowSchema().fields)
            raise kit.ConfigurationError(
                f"columns must look like 'email=Email', with one of {known}"
            )
        found[ours] = tuple(theirs.split("."))
    missing = [name for name in ("application_id", "status", "changed_at") if name not in found]
    if missing:
        raise kit.ConfigurationError(f"columns must name {' and '.join(missing)}")
    return found


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        raise kit.ConfigurationError("time_zone must be a name such as Asia/Tokyo") from None
