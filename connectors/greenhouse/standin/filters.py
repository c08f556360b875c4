"""How v3's lists filter, order and page; what it refuses and what it silently ignores.

https://harvestdocs.greenhouse.io/docs/list-endpoints
https://harvestdocs.greenhouse.io/docs/pagination
"""

from __future__ import annotations

import base64
import binascii
import json
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .records import Row

MOST_IDS = 50
MOST_ROWS = 500
USUAL_ROWS = 100

ID_FILTERS = {
    "ids": "id",
    "candidate_ids": "candidate_id",
    "application_ids": "application_id",
    "candidate_tag_ids": "candidate_tag_id",
    "job_ids": "job_id",
    "user_ids": "user_id",
}
DATE_FILTERS = ("created_at", "updated_at", "last_activity_at")
WORD_FILTERS = ("status", "field_type", "name_key", "type", "visibility")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gte": operator.ge,
    "lte": operator.le,
    "gt": operator.gt,
    "lt": operator.lt,
}
# Asked with one word, answered with another.
STATUS_WORDS = {"active": "in_process"}
ALONE = "When passing a cursor, do not include other query params."


Check = Callable[[Row], bool]


class RefusedQueryError(ValueError):
    """422 with this text in ``errors``."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows to show, and the cursor of the next page if there is one."""

    rows: list[Row]
    cursor: str | None


def page(rows: Iterable[Row], query: Mapping[str, str]) -> Page:
    """Newest id first. A query with a cursor holds nothing else: the cursor knows the rest."""
    below: int | None = None
    if "cursor" in query:
        if len(query) > 1:
            raise RefusedQueryError(ALONE)
        below, query = _open_cursor(query["cursor"])
    size = _size(query)
    checks = filters(query)
    if below is not None:
        rows = (row for row in rows if row["id"] < below)
    wanted = [row for row in rows if all(check(row) for check in checks)]
    wanted.sort(key=lambda row: row["id"], reverse=True)
    shown = wanted[:size]
    more = len(wanted) > size
    return Page(shown, _cursor(shown[-1]["id"], query) if more else None)


def filters(query: Mapping[str, str]) -> list[Check]:
    """Every filter v3 knows, read once for all rows; others, misspelt ones too, are ignored."""
    return [
        kind(name, query[name])
        for kind, names in (
            (_by_id, ID_FILTERS),
            (_by_date, DATE_FILTERS),
            (_by_word, WORD_FILTERS),
        )
        for name in names
        if name in query
    ]


def ids_in(name: str, value: str) -> frozenset[int]:
    """The ids that a query asks for. Raises RefusedQueryError."""
    ids = value.split(",")
    if len(ids) > MOST_IDS or not all(one.isdigit() for one in ids):
        raise RefusedQueryError(f"{name} must be at most {MOST_IDS} integers")
    return frozenset(map(int, ids))


def _by_id(name: str, value: str) -> Check:
    ids, key = ids_in(name, value), ID_FILTERS[name]
    return lambda row: row.get(key) in ids


def _by_date(name: str, value: str) -> Check:
    words = value.split("|")
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or not all(word in OPERATORS for word, _ in pairs):
        raise RefusedQueryError(f"{name} is invalid")
    bounds = [(OPERATORS[word], _moment(bound)) for word, bound in pairs]

    def check(row: Row) -> bool:
        shown = row.get(name)
        if shown is None:
            return False
        at = _moment(shown)
        return all(compare(at, bound) for compare, bound in bounds)

    return check


def _by_word(name: str, value: str) -> Check:
    word = STATUS_WORDS.get(value, value) if name == "status" else value
    return lambda row: row.get(name) == word


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedQueryError("a date filter needs ISO date-times") from None
    if moment.tzinfo is None:
        raise RefusedQueryError("a date filter needs ISO date-times")
    return moment


def _size(query: Mapping[str, str]) -> int:
    text = query.get("per_page", str(USUAL_ROWS))
    if not text.isdigit() or not 1 <= int(text) <= MOST_ROWS:
        raise RefusedQueryError(f"per_page must be between 1 and {MOST_ROWS}")
    return int(text)


def _cursor(last_id: int, query: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([last_id, dict(query)]).encode()).decode()


def _open_cursor(cursor: str) -> tuple[int, dict[str, str]]:
    try:
        below, query = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return int(below), dict(query)
    except (binascii.Error, ValueError, TypeError):
        raise RefusedQueryError("cursor is invalid") from None
