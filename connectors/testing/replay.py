"""Playing the vendor from a stored exchange: what is sent must be exactly what stands there."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from .fixtures import Exchange, Step, filled_in
from .golden import same

_TRANSPORT = frozenset(
    (
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "host",
        "user-agent",
    )
)
"""Headers that need not be listed in an exchange."""

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """What the vendor answers instead, and what that must become."""

    name: str
    error: str
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    hang: bool = False

    def reply(self) -> Reply:
        """The answer; raises TimeoutError where there is none."""
        if self.hang:
            raise TimeoutError
        headers = {"Content-Type": self.content_type}
        if self.status == 429:
            headers["Retry-After"] = "7"
        return self.status, headers, self.body


FAULTS = (
    Fault("401", "ApiAuthenticationError", 401, b'{"error": "unauthorized"}'),
    Fault("403", "ApiPermissionError", 403, b'{"error": "forbidden"}'),
    Fault("404", "ApiNotFoundError", 404, b'{"error": "not_found"}'),
    Fault("409", "ApiConflictError", 409, b'{"error": "conflict"}'),
    Fault("429", "ApiRateLimitedError", 429, b'{"error": "slow_down"}'),
    Fault("500", "ApiUnavailableError", 500, b"<h1>Oops</h1>", "text/html"),
    Fault("html", "ApiResponseError", 200, b"<html><h1>Sign in</h1></html>", "text/html"),
    Fault("garbage", "ApiResponseError", 200, b"\x00\xff{"),
    Fault("null", "ApiResponseError", 200, b"null"),
    Fault("timeout", "ApiUnavailableError", hang=True),
)
"""Everything an ATS is known to answer when it should not."""


@dataclass
class Replay:
    """Answers the requests of one exchange, in order; with a fault, any of them, any time."""

    exchange: Exchange
    settings: Mapping[str, str]
    fault: Fault | None = None
    at: int = -1
    """The step that the fault replaces."""
    seen: list[int] = field(default_factory=list)
    """Steps answered so far."""

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Inside, every HTTP request is answered from the exchange and none goes out."""
        import responses

        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            for method in ("DELETE", "GET", "PATCH", "POST", "PUT"):
                mock.add_callback(method, re.compile(".*"), self.answer, content_type=None)
            yield

    def start_over(self, fault: Fault) -> None:
        """From the first request again, with another fault at the same step."""
        self.fault = fault
        self.seen.clear()

    def finished(self) -> None:
        """Raise AssertionError unless every step was asked for, once."""
        same(self.seen, list(range(len(self.exchange.steps))), what="the requests sent")

    def answer(self, request: Any) -> Reply:
        """The answer to one prepared request."""
        index = self._next(request)
        if index is None:
            return 404, {"Content-Type": "application/json"}, b"{}"
        self.seen.append(index)
        step = self.exchange.steps[index]
        if self.fault is None:
            self._compare(request, step)
        elif index == self.at:
            return self.fault.reply()
        return self._documented(step)

    @cached_property
    def _keys(self) -> list[tuple[Any, ...]]:
        """What tells the steps' requests apart: method, URL, query."""
        wanted = [filled_in(dict(step.request), self.settings) for step in self.exchange.steps]
        return [(w["method"], w["url"], _wanted_query(w)) for w in wanted]

    def _next(self, request: Any) -> int | None:
        if self.fault is None:
            index = len(self.seen)
            if index >= len(self.exchange.steps):
                raise AssertionError(f"one request too many: {request.method} {request.url}")
            return index
        url = urlsplit(request.url)
        key = (request.method, url._replace(query="").geturl(), _query(url.query))
        alike = [index for index, wanted in enumerate(self._keys) if wanted == key]
        fresh = [i for i in alike if i not in self.seen]
        return next(iter(fresh or alike[-1:]), None)

    def _documented(self, step: Step) -> Reply:
        response = filled_in(dict(step.response), self.settings)
        headers = {name: str(value) for name, value in response.get("headers", {}).items()}
        if "json" not in response:
            return response["status"], headers, response.get("body", "").encode()
        body = json.dumps(response["json"], ensure_ascii=False).encode()
        return response["status"], {"Content-Type": "application/json", **headers}, body

    def _compare(self, request: Any, step: Step) -> None:
        wanted = filled_in(dict(step.request), self.settings)
        number = f"of request {len(self.seen)}"
        url = urlsplit(request.url)
        same(request.method, wanted["method"], what=f"the method {number}")
        same(url._replace(query="").geturl(), wanted["url"], what=f"the URL {number}")
        same(_query(url.query), _wanted_query(wanted), what=f"the query {number}")
        same(_headers(request, wanted), _wanted_headers(wanted), what=f"the headers {number}")
        same(_body(request, wanted), _wanted_body(wanted), what=f"the body {number}")


def _query(text: str) -> dict[str, list[str]]:
    return parse_qs(text, keep_blank_values=True)


def _wanted_query(wanted: Mapping[str, Any]) -> dict[str, list[str]]:
    items = wanted.get("query", {}).items()
    return {k: [str(i) for i in v] if isinstance(v, list) else [str(v)] for k, v in items}


def _headers(request: Any, wanted: Mapping[str, Any]) -> dict[str, str]:
    """What was sent, without what every HTTP client sends and the exchange does not name."""
    named = {name.lower() for name in wanted.get("headers", {})}
    sent = {name.lower(): _text(value) for name, value in request.headers.items()}
    return {k: v for k, v in sent.items() if k in named or k not in _TRANSPORT}


def _wanted_headers(wanted: Mapping[str, Any]) -> dict[str, str]:
    headers = {name.lower(): value for name, value in wanted.get("headers", {}).items()}
    if "basic" in wanted:
        pair = ":".join(wanted["basic"]).encode()
        headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
    return headers


def _body(request: Any, wanted: Mapping[str, Any]) -> Any:
    """What was sent, read as what the exchange says it is."""
    raw = request.body or b""
    text = _text(raw)
    kind = request.headers.get("Content-Type", "")
    if "json" in wanted:
        is_json = kind.startswith("application/json") or kind.endswith("+json")
        return json.loads(text) if is_json else (kind, text)
    if "form" in wanted:
        form = kind.startswith("application/x-www-form-urlencoded")
        return dict(parse_qsl(text, keep_blank_values=True)) if form else (kind, text)
    return text


def _wanted_body(wanted: Mapping[str, Any]) -> Any:
    kinds = [kind for kind in ("json", "form", "body") if kind in wanted]
    return wanted[kinds[0]] if kinds else ""


def _text(value: bytes | str) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value
