"""Plays the ATS: a stored webhook, signed as the vendor signs, posted over real HTTP."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..connectors.base import Connector
from ..connectors.http import HttpClient
from ..connectors.spec import Capability
from ..connectors.testing.fixtures import file_stem, read_request
from ..models.errors import ConfigurationError, NotFoundError, UnsupportedCapabilityError
from ..models.events import WebhookRequest
from ..models.tables import Connection, new_id
from .connections import webhook_path, webhook_url
from .runtime import Runtime

SAMPLES = "samples"
"""A connector folder may hold ``samples/<vendor event>.http``: whole requests to try it with."""
ANY_STATUS = range(100, 600)
_NOT_SENT = frozenset({"host", "content-length", "connection"})
"""The client writes these itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said to one posting."""

    url: str
    status: int
    text: str

    @property
    def taken(self) -> bool:
        """Acknowledged."""
        return 200 <= self.status < 300


def sample_names(connector: Connector) -> list[str]:
    """The events the connector brings samples of.

    Raises UnsupportedCapabilityError where the ATS sends no webhooks.
    """
    _check_webhooks(connector)
    return sorted(path.name.removesuffix(".http") for path in _samples(connector))


def _samples(connector: Connector) -> list[Traversable]:
    package = importlib.import_module(type(connector).__module__).__package__
    folder = files(package).joinpath(SAMPLES) if package else None
    if folder is None or not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.name.endswith(".http")]


def stored_webhook(connector: Connector, name: str) -> WebhookRequest:
    """The request in the file ``name``, or the connector's sample of that event.

    Raises NotFoundError naming the samples there are; ConfigurationError for a file that is no
    HTTP request; UnsupportedCapabilityError where the ATS sends no webhooks.
    """
    _check_webhooks(connector)
    path = Path(name)
    if path.is_file():
        return _read(path)
    wanted = f"{file_stem(name)}.http"
    for sample in _samples(connector):
        if sample.name == wanted and isinstance(sample, Path):
            return _read(sample)
    known = ", ".join(sample_names(connector)) or "none"
    raise NotFoundError(
        f"there is no file {name}, and {connector.spec.title} brings no sample of that name; "
        f"samples: {known}"
    )


def _check_webhooks(connector: Connector) -> None:
    if not connector.spec.can(Capability.WEBHOOK):
        raise UnsupportedCapabilityError(
            f"{connector.spec.title} sends no webhooks, so there is nothing to simulate; "
            "its connection polls instead"
        )


def _read(path: Path) -> WebhookRequest:
    try:
        return read_request(path)
    except (OSError, ValueError):
        raise ConfigurationError(
            f"{path} is no stored request: a request line, headers, a blank line, the body"
        ) from None


def send(
    runtime: Runtime,
    connection: Connection,
    request: WebhookRequest,
    *,
    changes: Mapping[str, str] | None = None,
    to: str = "",
    times: int = 1,
    tamper: bool = False,
) -> list[Answer]:
    """Sign and post ``request``, ``times`` times the same; returns every answer.

    ``changes`` replaces values in the JSON body (path.to.key, or list.0) before signing.
    ``to`` is another server (https://host) or another address altogether. ``tamper`` changes
    one byte after signing: the server must refuse it. Raises ConfigurationError for a path the
    body does not have, ApiUnavailableError when nothing answers.
    """
    connector = runtime.connector(connection)
    base, path = _target(runtime, connection, to)
    body = changed_body(request.body, changes or {}) if changes else request.body
    # Some sign the address that they send to as well.
    headers = {**request.headers, "host": urlsplit(base).netloc}
    fresh = replace(request, method="POST", path=path, query="", body=body, headers=headers)
    signed = connector.sign_webhook(replace(fresh, received_at=runtime.clock()))
    if tamper:
        signed = replace(signed, body=tampered(signed.body))
    url = f"{base}{signed.path}{'?' if signed.query else ''}{signed.query}"
    return [_post(url, signed) for _ in range(times)]


def _target(runtime: Runtime, connection: Connection, to: str) -> tuple[str, str]:
    parts = urlsplit(to or webhook_url(runtime, connection.id))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConfigurationError("--to must be an absolute http:// or https:// URL")
    path = parts.path if parts.path not in ("", "/") else webhook_path(connection.id)
    return f"{parts.scheme}://{parts.netloc}", path


def _post(url: str, request: WebhookRequest) -> Answer:
    # The server under test is our own, so a private address is what one expects.
    client = HttpClient("the webhook server", allow_private=True)
    try:
        answer = client.request(
            request.method,
            url,
            operation="post a webhook",
            data=request.body,
            headers={k: v for k, v in request.headers.items() if k not in _NOT_SENT},
            accept=ANY_STATUS,
        )
    finally:
        client.close()
    return Answer(url, answer.status, answer.body[:200].decode("utf-8", "replace"))


def tampered(body: bytes) -> bytes:
    """The body with one byte changed, as somebody on the way might have."""
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else b"x"


def changed_body(body: bytes, changes: Mapping[str, str]) -> bytes:
    """The JSON body with values replaced.

    A value that is JSON counts as such (``7``, ``true``, ``"7"``), anything else as text;
    ``{new}`` in it becomes a fresh id. Raises ConfigurationError.
    """
    try:
        data = json.loads(body)
    except ValueError:
        raise ConfigurationError("--set changes JSON bodies only, and this body is none") from None
    for path, value in changes.items():
        _set(data, path.split("."), _value(value), path)
    return json.dumps(data, ensure_ascii=False, indent=2).encode()


def _value(text: str) -> Any:
    try:
        return json.loads(text.replace("{new}", new_id()))
    except ValueError:
        return text.replace("{new}", new_id())


def _set(data: Any, keys: Sequence[str], value: Any, path: str) -> None:
    *way, last = keys
    for key in way:
        data = _inside(data, key, path)
    if isinstance(data, list):
        _inside(data, last, path)
        data[int(last)] = value
    elif isinstance(data, dict):
        data[last] = value
    else:
        raise ConfigurationError(f"--set {path}: the body has no such place")


def _inside(data: Any, key: str, path: str) -> Any:
    if isinstance(data, dict) and key in data:
        return data[key]
    if isinstance(data, list) and key.isdecimal() and int(key) < len(data):
        return data[int(key)]
    raise ConfigurationError(f"--set {path}: the body has no such place")
