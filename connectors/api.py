"""What all calls of a connector to one vendor's JSON API have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .http import HttpClient, HttpResponse, Params, join_url
from .payload import PayloadSchema


class VendorApi:
    """One address and one credential; every answer is read by a schema.

    ``headers`` carry the credential and ``setting`` is where a company typed it in. ``path`` is
    a list of segments, each quoted, so an id cannot reach another path. Raises ApiError kinds.
    """

    def __init__(
        self, http: HttpClient, *, url: str, headers: Mapping[str, str], setting: str
    ) -> None:
        self._http = http
        self._url = url
        self._headers = dict(headers)
        self._setting = setting

    def get(
        self,
        path: Sequence[str],
        *,
        schema: PayloadSchema,
        operation: str,
        permission: str = "",
        params: Params | None = None,
    ) -> Any:
        """Read a record or a list, as ``schema`` knows it."""
        call = self.call("GET", path, operation=operation, permission=permission, params=params)
        return call.read(schema)

    def call(
        self,
        method: str,
        path: Sequence[str],
        *,
        operation: str,
        permission: str = "",
        params: Params | None = None,
        json: Any = None,
    ) -> HttpResponse:
        """Any call; the answer is the caller's to read, or to leave."""
        return self._http.request(
            method,
            join_url(self._url, *path),
            operation=operation,
            permission=permission,
            params=params,
            json=json,
            headers=self._headers,
            setting=self._setting,
        )
