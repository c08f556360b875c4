"""A vendor's OpenAPI document, and requests and answers held against it.

openapi-core does the comparing; it is imported only where a document is found. What the document
does not know of a request - a path, a query parameter, a key of the body - is an error; answers
may hold more than it says. An error answer is compared where the document describes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from ...models.events import WebhookRequest
from .subject import require


@dataclass(frozen=True, slots=True)
class Sent:
    """One HTTP request, whoever made it. Header names in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Pair = tuple[Sent, Answered]


@dataclass(frozen=True)
class Contract:
    """A vendor's OpenAPI document, and where a connector's addresses stand in it."""

    path: Path
    bases: Sequence[tuple[str, str]] = ()
    """Each address setting as it is used, and the vendor's own that the document names."""

    def compare(self, pairs: Iterable[Pair]) -> None:
        """Raise AssertionError for the first request or answer that does not fit."""
        for sent, answered in pairs:
            self.sent(sent)
            self.answered(sent, answered)

    def sent(self, sent: Sent) -> None:
        """Raise AssertionError unless the document knows such a request, to the last key."""
        request = self._request(sent)
        for error in self._strict.iter_apicall_request_errors(request):
            raise AssertionError(f"{_told(sent)}: {_reason(error)}")
        found = self._found(request)
        unknown = set(request.parameters.query) - _parameters(found)
        require(not unknown, f"{_told(sent)}: undocumented parameters {sorted(unknown)}")
        bodied = not sent.body or "requestBody" in found.operation
        require(bodied, f"{_told(sent)}: no body is documented")

    def answered(self, sent: Sent, answered: Answered) -> None:
        """Raise AssertionError unless the document describes such an answer."""
        from openapi_core.templating.responses.exceptions import ResponseFinderError

        request, response = self._request(sent), _Response(answered)
        for error in self._lax.iter_apicall_response_errors(request, response):
            if isinstance(error, ResponseFinderError) and answered.status >= 400:
                return
            raise AssertionError(f"{_told(sent)} -> {answered.status}: {_reason(error)}")

    def hooked(self, name: str, request: WebhookRequest) -> None:
        """Raise AssertionError unless a web hook is what the document says of its name."""
        for error in self._lax.iter_webhook_request_errors(_Hook(name, request)):
            raise AssertionError(f"the web hook {name}: {_reason(error)}")

    @cached_property
    def names_of_webhooks(self) -> frozenset[str]:
        """The web hooks that the document describes (OpenAPI 3.1)."""
        hooks = self._lax.spec / "webhooks"
        return frozenset(hooks.str_keys()) if hooks.exists() else frozenset()

    @cached_property
    def source(self) -> str:
        """Whose document it is, or was taken from: ``externalDocs.url``."""
        return (self._lax.spec / "externalDocs" / "url").read_str(default="")

    @property
    def _lax(self) -> Any:
        return _document(self.path, keys="allow")

    @property
    def _strict(self) -> Any:
        return _document(self.path, keys="forbid")

    def _request(self, sent: Sent) -> Any:
        """The request at the vendor's address: the first way to say it that the document knows."""
        ways = [_Request(sent, url) for url in self._public(sent.url)]
        known = [way for way in ways if self._found(way) is not None]
        return known[0] if known else ways[0]

    def _found(self, request: Any) -> Any:
        from openapi_core.templating.paths.exceptions import PathError

        try:
            validator = self._lax.request_validator
            return validator.path_finder.find(request.method, request.host_url + request.path)
        except PathError:
            return None

    def _public(self, url: str) -> list[str]:
        """The vendor's address of a call; several where settings share one address."""
        fitting = [pair for pair in self.bases if (url + "/").startswith(pair[0] + "/")]
        longest = sorted(fitting, key=lambda pair: len(pair[0]), reverse=True)
        return [public + url.removeprefix(used) for used, public in longest] or [url]


class _Request:
    """As openapi-core wants to see a request."""

    def __init__(self, sent: Sent, url: str) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers, ImmutableMultiDict

        parts = urlsplit(url)
        self.host_url = f"{parts.scheme}://{parts.netloc}"
        self.path = parts.path
        self.method = sent.method.lower()
        self.body = sent.body
        self.content_type = sent.headers.get("content-type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(parse_qsl(parts.query, keep_blank_values=True)),
            header=Headers(list(sent.headers.items())),
        )


class _Response:
    """As openapi-core wants to see an answer."""

    def __init__(self, answered: Answered) -> None:
        from werkzeug.datastructures import Headers

        self.status_code = answered.status
        self.headers = Headers(list(answered.headers.items()))
        self.content_type = answered.headers.get("content-type", "")
        self.data = answered.body


class _Hook:
    """As openapi-core wants to see a web hook."""

    def __init__(self, name: str, request: WebhookRequest) -> None:
        from openapi_core.datatypes import RequestParameters
        from werkzeug.datastructures import Headers

        self.name = name
        self.method = request.method.lower()
        self.body = request.body
        self.content_type = request.headers.get("content-type", "")
        self.parameters = RequestParameters(header=Headers(list(request.headers.items())))


def _parameters(found: Any) -> set[str]:
    """The query parameters of an operation and of its path."""
    places = (place / "parameters" for place in (found.path, found.operation))
    named = [item for place in places if place.exists() for item in place]
    return {(p / "name").read_str() for p in named if (p / "in").read_str() == "query"}


@lru_cache
def _document(path: Path, *, keys: Literal["allow", "forbid"]) -> Any:
    """The document, checked; ``keys`` that a schema does not name are allowed or forbidden."""
    from openapi_core import Config, OpenAPI

    return OpenAPI.from_path(
        path.absolute(), config=Config(additional_properties_default_policy=keys)
    )


def _told(sent: Sent) -> str:
    return f"{sent.method} {urlsplit(sent.url).path}"


def _reason(error: BaseException) -> str:
    """What openapi-core found, down to the place in the body."""
    causes = list(_causes(error))
    found = [e for cause in causes for e in getattr(cause, "schema_errors", ())]
    if found:
        return "; ".join(
            f"{'.'.join(str(p) for p in e.path) or 'body'}: {e.message}" for e in found
        )
    return " - ".join(dict.fromkeys(str(cause) for cause in causes))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
