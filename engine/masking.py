"""Shows the shape of stored data without the people in it."""

from __future__ import annotations

import json
from typing import Any

HIDDEN = "•••"
_PLAIN = frozenset(
    {
        "action",
        "ats_event",
        "channel",
        "createdAt",
        "event",
        "flags",
        "id",
        "kind",
        "merged_into",
        "occurred_at",
        "side",
        "stage",
        "state",
        "status",
        "triggeredAt",
        "type",
        "updatedAt",
        "value_type",
    }
)
"""Keys whose values are codes of ours or the vendor's, ids or times."""
_PLAIN_ENDINGS = ("_id", "_ids", "Id", "Ids", "_at")
MAX_CODE = 64


def masked_body(body: bytes) -> str:
    """The body as JSON with every free value hidden; what is no JSON is told by size alone."""
    try:
        return _written(masked(json.loads(body)))
    except (ValueError, RecursionError):
        return f"({len(body)} bytes, no JSON)"


def shown_body(body: bytes) -> str:
    """The body as it came, JSON indented."""
    try:
        return _written(json.loads(body))
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _written(data: Any) -> str:
    """Halves of signs, which no terminal takes, are question marks."""
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "replace").decode()


def masked(data: Any, *, key: str = "") -> Any:
    """The same shape; texts and numbers hidden unless their key holds codes, ids or times."""
    if isinstance(data, dict):
        return {name: masked(value, key=name) for name, value in data.items()}
    if isinstance(data, list):
        return [masked(value, key=key) for value in data]
    if data is None or isinstance(data, bool):
        return data
    return data if _is_plain(key, data) else HIDDEN


def _is_plain(key: str, value: Any) -> bool:
    if key not in _PLAIN and not key.endswith(_PLAIN_ENDINGS):
        return False
    text = str(value)
    return len(text) <= MAX_CODE and "@" not in text and " " not in text
