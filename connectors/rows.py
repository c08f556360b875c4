"""A list's rows, one by one: one that cannot be read is set aside and stops none of the others.

What is set aside is a hint at its case. So it is stored like any other signal, the ATS is asked
for that case alone, again and again for some days, and if that does not help either, it stays to
be seen and replayed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

from ..models.errors import PayloadError
from ..models.events import ApplicationEvent, unreadable_row
from .base import Connector
from .jsonapi import Record
from .spec import Capability

Row = TypeVar("Row", bound=Mapping[str, Any] | Record)
Found = TypeVar("Found")

FEW = 10
"""So many unreadable rows and not one other: no odd records, but another shape of answer."""


def row_by_row(
    rows: Sequence[Row], read: Callable[[Row], Found | None], *, by: Connector, operation: str
) -> list[Found | ApplicationEvent]:
    """What ``read`` makes of these rows, and a hint at the case of each that it cannot read.

    Each row has its case's id, as ``id`` (RowSchema, Record). Raises ApiResponseError where the
    answer to ``operation`` is not as documented in the whole of it, and where no case can be
    asked for by itself.
    """
    found: list[Found | ApplicationEvent | None] = []
    faults: list[PayloadError] = []
    for row in rows:
        try:
            found.append(read(row))
        except PayloadError as error:
            faults.append(error)
            found.append(_set_aside(row, error, by=by))
    if faults and (FEW < len(faults) == len(rows) or not by.spec.can(Capability.FETCH)):
        with by.reading(operation):
            raise faults[0]
    return [one for one in found if one is not None]


def _set_aside(
    row: Mapping[str, Any] | Record, error: PayloadError, *, by: Connector
) -> ApplicationEvent:
    """The same row is the same hint for a day; a sweep that meets it later looks again."""
    today = by.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    case = row.id if isinstance(row, Record) else row["id"]
    content = json.dumps(row, default=_plain, sort_keys=True)
    version = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
    return unreadable_row(case, at=today, why=error.message, version=version)


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
