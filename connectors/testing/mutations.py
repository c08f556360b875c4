"""Every request that differs from a good one in one place: what a vendor might send one day."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode

from ...models.events import WebhookRequest

REPLACEMENTS: tuple[tuple[str, Any], ...] = (
    ("null", None),
    ("text", "x"),
    ("number", 7),
    ("list", []),
    ("object", {}),
)
ALIKE = 3
"""So many items of one shape are changed in a list: what is looked for need not be the first."""


def mutations(request: WebhookRequest) -> Iterator[tuple[str, WebhookRequest]]:
    """(what was changed, request) for each key and list item at every depth of the body.

    A JSON body has each deleted, then made null, a text, a number, a list, an object; a form
    has each parameter deleted, emptied and doubled. Another body yields nothing.
    """
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        yield from _form(request)
        return
    try:
        data = json.loads(request.body)
    except ValueError:
        return
    for label, changed in changes(data):
        yield label, dataclasses.replace(request, body=json.dumps(changed).encode())


def changes(data: Any) -> Iterator[tuple[str, Any]]:
    """(what was changed, data): the same object each time, changed while the caller looks."""
    for parent, key, path in list(_places(data, "")):
        original = parent[key]
        for name, value in REPLACEMENTS:
            parent[key] = value
            yield f"{path} -> {name}", data
        parent[key] = original
        snapshot = dict(parent) if isinstance(parent, dict) else list(parent)
        del parent[key]
        yield f"{path} deleted", data
        parent.clear()
        parent.update(snapshot) if isinstance(parent, dict) else parent.extend(snapshot)


def _places(data: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """(container, key, path) of everything inside, but of a long list only the first items of
    each shape: the hundredth row of a page is read as the first ones are."""
    if isinstance(data, dict):
        keys: list[Any] = list(data)
    else:
        keys = list(_unlike(data)) if isinstance(data, list) else []
    for key in keys:
        yield data, key, f"{path}.{key}"
        yield from _places(data[key], f"{path}.{key}")


def _unlike(items: list[Any]) -> Iterator[int]:
    """The first ALIKE items of each shape, by index."""
    seen: Counter[Any] = Counter()
    for index, item in enumerate(items):
        shape = _shape(item)
        seen[shape] += 1
        if seen[shape] <= ALIKE:
            yield index


def _shape(data: Any) -> Any:
    """Keys and types, without values."""
    if isinstance(data, dict):
        return frozenset((key, _shape(value)) for key, value in data.items())
    if isinstance(data, list):
        return ("list", frozenset(map(_shape, data)))
    return type(data)


def _form(request: WebhookRequest) -> Iterator[tuple[str, WebhookRequest]]:
    pairs = parse_qsl(request.body.decode("utf-8"), keep_blank_values=True)
    for index, (key, value) in enumerate(pairs):
        others = pairs[:index] + pairs[index + 1 :]
        for label, changed in (
            ("deleted", others),
            ("emptied", [*others, (key, "")]),
            ("doubled", [*pairs, (key, value)]),
        ):
            yield f"{key} {label}", dataclasses.replace(request, body=urlencode(changed).encode())
