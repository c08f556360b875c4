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
    wanted = [row for row in rows if matches(row, query) and (below is None or row["id"] < below)]
    wanted.sort(key=lambda row: row["id"], reverse=True)
    shown = wanted[:size]
    more = len(wanted) > size
    return Page(shown, _cursor(shown[-1]["id"], query) if more else None)


def matches(row: Row, query: Mapping[str, str]) -> bool:
    """Whether a row passes every filter v3 knows; others, misspelt ones too, are ignored."""
    return (
        all(_id_matches(row, name, query[name]) for name in ID_FILTERS if name in query)
        and all(_date_matches(row, name, query[name]) for name in DATE_FILTERS if name in query)
        and all(_word_matches(row, name, query[name]) for name in WORD_FILTERS if name in query)
    )


def _id_matches(row: Row, name: str, value: str) -> bool:
    ids = value.split(",")
    if len(ids) > MOST_IDS or not all(one.isdigit() for one in ids):
        raise RefusedQueryError(f"{name} must be at most {MOST_IDS} integers")
    return str(row.get(ID_FILTERS[name])) in ids


def _date_matches(row: Row, name: str, value: str) -> bool:
    words = value.split("|")
    pairs = list(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or not all(word in OPERATORS for word, _ in pairs):
        raise RefusedQueryError(f"{name} is invalid")
    shown = row.get(name)
    return shown is not None and all(
        OPERATORS[word](_moment(shown), _moment(bound)) for word, bound in pairs
    )


def _word_matches(row: Row, name: str, value: str) -> bool:
    return row.get(name) == (STATUS_WORDS.get(value, value) if name == "status" else value)


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
