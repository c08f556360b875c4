"""What all calls of a connector to one vendor's JSON API have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from ..models.errors import PayloadError
from .base import Connector
from .http import Call, HttpClient, HttpResponse, Params, join_url
from .oauth import BearerSession
from .payload import PayloadSchema
from .signatures import current_secret

T = TypeVar("T")


class VendorApi:
    """One address and one credential; every answer is read by a schema.

    ``headers`` or ``auth`` carry the credential, or ``http`` is a BearerSession; ``setting`` is
    where a company typed it in. ``reads`` and ``writes`` name the permissions that a GET and any
    other call need, where the call itself names none. ``path`` is a list of segments, each
    quoted, so an id cannot reach another path. Raises ApiError kinds.
    """

    def __init__(
        self,
        http: HttpClient | BearerSession,
        *,
        url: str,
        setting: str,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        reads: str = "",
        writes: str = "",
    ) -> None:
        self._http = http
        self._url = url
        self._same: dict[str, Any] = {"headers": dict(headers or {}), "setting": setting}
        if auth is not None:
            self._same["auth"] = auth
        self._reads, self._writes = reads, writes or reads

    @classmethod
    def bearer(
        cls, connector: Connector, setting: str, *, url: str = "", reads: str = "", writes: str = ""
    ) -> Self:
        """A token sent as Bearer, to ``api_url``: what most vendors want.

        No such token holds a comma (RFC 6750, 2.1); where the setting holds two, because it
        signs web hooks as well, the current one is sent.
        """
        settings = connector.settings
        token = current_secret(settings[setting])
        return cls(
            connector.http,
            url=url or settings["api_url"],
            setting=setting,
            headers={"Authorization": f"Bearer {token}"},
            reads=reads,
            writes=writes,
        )

    def get(
        self,
        path: Sequence[str],
        *,
        schema: PayloadSchema,
        operation: str,
        under: str = "",
        permission: str = "",
        params: Params | None = None,
    ) -> Any:
        """Read a record or a list, as ``schema`` knows it; ``under`` is the key it stands under."""
        call = self.call("GET", path, operation=operation, permission=permission, params=params)
        return call.read(schema, under=under)

    def rows(
        self,
        path: Sequence[str],
        schema: type[PayloadSchema],
        *,
        operation: str,
        under: str = "",
        permission: str = "",
        **params: str,
    ) -> list[dict[str, Any]]:
        """Read a list, or the page of one that ``params`` ask for."""
        asked = {"operation": operation, "permission": permission, "params": params or None}
        return self.get(path, schema=schema(many=True), under=under, **asked)

    def call(
        self,
        method: str,
        path: Sequence[str],
        *,
        operation: str,
        permission: str = "",
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        **sent: Any,
    ) -> HttpResponse:
        """Any call; the answer is the caller's to read, or to leave. ``sent``: json or data.

        ``headers`` are what this call needs beside the credential.
        """
        same = {**self._same, "headers": {**self._same["headers"], **(headers or {})}}
        return self._http.request(
            method,
            join_url(self._url, *path),
            operation=operation,
            permission=permission or (self._reads if method == "GET" else self._writes),
            params=params,
            **same,
            **sent,
        )

    def all_pages(
        self, turn: Callable[[str], tuple[Iterable[T], str]], *, operation: str
    ) -> Iterator[T]:
        """What stands on all pages. ``turn`` gets the name of a page, "" for the first, and
        returns what is on it and the name of the next, "" after the last."""
        page, seen = "", {""}
        while True:
            found, page = turn(page)
            yield from found
            if not page:
                return
            if page in seen:
                name = self._http.connector
                raise Call(name, operation).unreadable("a page that was there before")
            seen.add(page)


def query_of(link: str) -> str:
    """The query of a link to the next page, which is all of it that may be followed: asked for
    at the address of the setting, whatever host and path the answer names. "" for no link.

    Raises PayloadError for a link that has none.
    """
    query = urlencode(parse_qsl(urlsplit(link).query))
    if link and not query:
        raise PayloadError("with a next page that does not say which")
    return query


def asked_of(query: str, *, first: Mapping[str, str]) -> Mapping[str, str]:
    """What to ask for where such a link led, or ``first`` where there was none yet."""
    return dict(parse_qsl(query)) or first
