"""Reading what stands in a connector's test folder.

``settings.json``      the connection's settings for all of it; defaults fill the rest
``fixtures/NAME.http`` one webhook request as the vendor sends it, ``NAME`` being
                       ``<vendor event>`` or ``<vendor event>__<variant>``
``fixtures/NAME.json`` what it must mean: a list of events, or ``{"reply": {"status", "body"}}``
                       for a handshake, or ``{"raises": "PayloadError"}``
``api/*.json``         one capability call each: the requests we must send, the answers we get
``openapi.yml``        the vendor's API as documented, where it is; see ``contract``

In a ``.http`` file the body starts after the first blank line; one line feed at the very end
belongs to the file. Two headers are not sent: ``X-Received-At`` (ISO 8601) says when we got it,
``X-Deviates`` why it is not what the OpenAPI document says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...models.events import WebhookRequest
from ..registry import check_settings
from ..spec import ConnectorSpec

RECEIVED_AT = datetime(2026, 11, 4, 10, 0, tzinfo=UTC)
"""When a fixture without X-Received-At arrived."""

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Fixture:
    """One stored webhook and what it must become."""

    name: str
    request: WebhookRequest = field(repr=False)
    golden: Any = field(repr=False)
    deviates: str = ""
    """Why it is another than the vendor's OpenAPI document says, "" where it is not."""

    @property
    def event(self) -> str:
        """The vendor's event, as far as a file name can spell it."""
        return self.name.partition("__")[0]


@dataclass(frozen=True, slots=True)
class Step:
    """One HTTP exchange: what we must send, what comes back."""

    request: Mapping[str, Any]
    """method, url, query, headers, basic; and json, form or body."""
    response: Mapping[str, Any]
    """status, headers; and json or body."""
    faults: Mapping[str, str]
    """What another answer than ours means: fault -> error class, or "ok" where it is handled."""
    deviates: str = ""
    """Why the answer is another than the vendor's OpenAPI document says, "" where it is not."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of a connector's method and all it says to the vendor."""

    name: str
    source: str
    """The vendor's page that documents it."""
    method: str
    arguments: Mapping[str, Any] = field(repr=False)
    steps: tuple[Step, ...] = field(repr=False)
    returns: Any = field(repr=False)
    raises: str
    now: datetime


def file_stem(event: str) -> str:
    """A vendor's event name as a fixture's file name spells it."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", event)


def read_fixtures(folder: Path) -> list[Fixture]:
    """All of ``fixtures/*.http`` with their goldens, by name. No folder: none."""
    found: list[Fixture] = []
    for path in sorted((folder / "fixtures").glob("*.http")):
        request, deviates = _stored(path)
        found.append(Fixture(path.stem, request, _json(path.with_suffix(".json")), deviates))
    return found


def read_request(path: Path) -> WebhookRequest:
    """A stored request. Raises ValueError where it is not one."""
    return _stored(path)[0]


def _stored(path: Path) -> tuple[WebhookRequest, str]:
    """The request, and why it deviates from the document."""
    head, *rest = re.split(rb"\r?\n\r?\n", path.read_bytes(), maxsplit=1)
    if not rest:
        raise ValueError(f"{path.name}: a blank line must end the headers")
    first, *lines = head.decode("ascii").splitlines()
    method, target, _ = first.split(" ")
    route, _, query = target.partition("?")
    headers = dict(_header(line) for line in lines)
    received, deviates = headers.pop("x-received-at", None), headers.pop("x-deviates", "")
    request = WebhookRequest(
        method=method,
        path=route,
        query=query,
        headers=headers,
        body=rest[0].removesuffix(b"\n"),
        received_at=datetime.fromisoformat(received) if received else RECEIVED_AT,
    )
    return request, deviates


def read_settings(folder: Path, spec: ConnectorSpec) -> dict[str, str]:
    """``settings.json``, checked and with defaults, as a connection would have them."""
    path = folder / "settings.json"
    return check_settings(spec, _json(path) if path.exists() else {}, allow_private=True)


def read_exchanges(folder: Path) -> list[Exchange]:
    """All of ``api/*.json``, by name. No folder: none."""
    return [_exchange(path) for path in sorted((folder / "api").glob("*.json"))]


def filled_in(data: Any, settings: Mapping[str, str]) -> Any:
    """``data`` with every ``{setting}`` in its strings replaced; other braces stay."""
    if isinstance(data, str):
        return _PLACEHOLDER.sub(lambda m: settings.get(m[1], m[0]), data)
    if isinstance(data, dict):
        return {key: filled_in(value, settings) for key, value in data.items()}
    if isinstance(data, list):
        return [filled_in(item, settings) for item in data]
    return data


def _exchange(path: Path) -> Exchange:
    data = _json(path)
    now = data.get("now")
    return Exchange(
        name=path.stem,
        source=data["source"],
        method=data["call"],
        arguments=data.get("arguments", {}),
        steps=tuple(
            Step(
                step["request"],
                step["response"],
                step.get("faults", {}),
                step.get("deviates", ""),
            )
            for step in data["steps"]
        ),
        returns=data.get("returns"),
        raises=data.get("raises", ""),
        now=datetime.fromisoformat(now) if now else RECEIVED_AT,
    )


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
