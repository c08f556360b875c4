"""The only way out to a vendor: the one file that imports ``requests``.

Every call has time and size limits, follows no redirect, sends no cookie, ignores proxy
variables, reaches only addresses the installation allows (``addresses.py``) and ends in a
response or in exactly one kind of ApiError, whose message never quotes what was sent or got.
"""

from __future__ import annotations

import json as jsonlib
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from ..models.errors import (
    ApiAuthenticationError,
    ApiConflictError,
    ApiError,
    ApiNotFoundError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiRequestError,
    ApiResponseError,
    ApiUnavailableError,
    ConfigurationError,
    PayloadError,
)
from .addresses import check_url, pool_classes
from .limits import CallLimiter, Limiter, reset_after, shared_limiter
from .payload import PayloadSchema, without_halves
from .spec import RateLimit

MAX_RESPONSE_BYTES = 10 * 1024 * 1024
MAX_RESPONSE_SECONDS = 60.0
MAX_LIMITER_SECONDS = 5.0
MAX_RETRY_AFTER_SECONDS = 24 * 3600.0

_CODE_KEYS = frozenset(
    ("code", "error", "error_code", "errorCode", "field", "param", "parameter", "type")
)
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.:/\[\]-]{0,63}\Z")

Params = Mapping[str, str | int | Sequence[str | int] | None]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer read whole: at most 10 MiB, decompressed."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    connector: str = ""
    operation: str = ""

    def json(self) -> Any:
        """The body as JSON, half a surrogate pair as a question mark.

        Raises ApiResponseError for HTML, garbage or nothing.
        """
        try:
            data = jsonlib.loads(self.body.decode("utf-8-sig"))
            return without_halves(data) if b"\\ud" in self.body.lower() else data
        except (ValueError, RecursionError):
            raise ApiResponseError(
                f"{self.connector} answered '{self.operation}' with something that is no JSON",
                connector=self.connector,
                operation=self.operation,
                status=self.status,
            ) from None

    def read(self, schema: PayloadSchema, *, under: str = "") -> Any:
        """The body, or its part ``under`` a key, as the schema knows it.

        Raises ApiResponseError naming fields, not values.
        """
        try:
            return schema.read(self.json(), under=under)
        except PayloadError as error:
            raise ApiResponseError(
                f"{self.connector} answered '{self.operation}' {error.message}",
                connector=self.connector,
                operation=self.operation,
                status=self.status,
            ) from None


@dataclass(frozen=True, slots=True)
class Call:
    """What an error message about a call may say: names, never values."""

    connector: str
    operation: str
    permission: str = ""
    setting: str = ""

    def error(
        self, status: int, *, retry_after: float | None = None, codes: Sequence[str] = ()
    ) -> ApiError:
        """The ApiError that a status other than 2xx means."""
        kind, message = _meaning(self, status)
        told = f" ({', '.join(codes)})" if codes else ""
        return kind(
            f"{self.connector} {message}{told}",
            connector=self.connector,
            operation=self.operation,
            status=status,
            retry_after=retry_after,
        )

    def unavailable(self, why: str) -> ApiUnavailableError:
        """Nothing came back that can be called an answer."""
        return ApiUnavailableError(
            f"{self.connector} gave no answer to '{self.operation}': {why}",
            connector=self.connector,
            operation=self.operation,
        )

    def unreadable(self, why: str, *, status: int | None = None) -> ApiResponseError:
        """An answer came, but it is not one we take."""
        return ApiResponseError(
            f"{self.connector} answered '{self.operation}' with {why}",
            connector=self.connector,
            operation=self.operation,
            status=status,
        )


class _GuardedAdapter(HTTPAdapter):
    """requests' transport over our own connection pools."""

    def __init__(self, what: str, *, allow_private: bool, kept: int) -> None:
        self._pool_classes = pool_classes(what, allow_private=allow_private)
        super().__init__(pool_maxsize=kept, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pool_classes


class HttpClient:
    """Calls one vendor's API for one account; safe to share between threads.

    ``account`` names whose limit is used up: clients of the same connector and account share
    one limiter in this process; with "" the client has its own. ``limiter`` replaces both, where
    several processes share an account.
    ``timeout`` is (connect, between two bytes) in seconds; a whole answer may take a minute.
    ``allow_private`` lets calls reach private and loopback addresses, those also in plain http.
    ``threads``: how many call at once; so many connections to a host are kept for their next call.
    """

    def __init__(
        self,
        connector: str,
        *,
        rate_limit: RateLimit | None = None,
        account: str = "",
        limiter: Limiter | None = None,
        timeout: tuple[float, float] = (5.0, 20.0),
        allow_private: bool = False,
        threads: int = 8,
    ) -> None:
        self.connector = connector
        self.timeout = timeout
        self.allow_private = allow_private
        self.calls = 0
        """Calls made so far, refused ones included."""
        self.known: dict[str, tuple[datetime, Any]] = {}
        """What the account's connectors remember, and since when; see ``Connector.recalled``."""
        self._limiter = limiter or _limiter(connector, account, rate_limit)
        self._count = threading.Lock()
        self._headers = requests.utils.default_headers()
        self._headers.update({"User-Agent": "CareerRelay for ATS", "Accept": "application/json"})
        # Without a session: of all it does for each call (cookies, redirects, proxies, .netrc) we
        # want nothing, and it would take a fifth of the call to find that out.
        self._transport = _GuardedAdapter(
            _address_of(connector), allow_private=allow_private, kept=threads
        )

    def request(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        params: Params | None = None,
        json: Any = None,
        data: Mapping[str, str] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        permission: str = "",
        setting: str = "",
        accept: Sequence[int] = (),
    ) -> HttpResponse:
        """One call. Returns on 2xx and on the statuses in ``accept``; else raises an ApiError.

        ``operation`` says for people what is tried ("list applications"), ``permission`` is
        the vendor's name of the scope it needs and ``setting`` the connection's setting(s)
        that a refused credential comes from. A ``url`` the installation does not allow is a
        ConfigurationError.
        """
        call = Call(self.connector, operation, permission, setting)
        sent = self._headers.copy()
        sent.update(headers or {})
        check_url(url, allow_private=self.allow_private, what=_address_of(self.connector))
        self._await_turn(call)
        answer = self._send(
            call,
            method=method,
            url=url,
            params=params,
            json=json,
            data=data,
            headers=sent,
            auth=auth and tuple(part.encode() for part in auth),
        )
        if 200 <= answer.status < 300 or answer.status in accept:
            return answer
        raise self.error_for(answer, permission=permission, setting=setting)

    def error_for(
        self, answer: HttpResponse, *, permission: str = "", setting: str = ""
    ) -> ApiError:
        """The error an answer means, for statuses that were accepted and then found wanting."""
        call = Call(self.connector, answer.operation, permission, setting)
        return call.error(
            answer.status,
            retry_after=retry_after(answer.headers.get("retry-after"))
            or reset_after(answer.headers),
            codes=error_codes(answer.body) if 400 <= answer.status < 500 else (),
        )

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def _await_turn(self, call: Call) -> None:
        with self._count:
            self.calls += 1
        if self._limiter and (delay := self._limiter.wait(at_most=MAX_LIMITER_SECONDS)):
            raise call.error(429, retry_after=delay)

    def _send(self, call: Call, **sent: Any) -> HttpResponse:
        request = requests.PreparedRequest()
        try:
            request.prepare(**sent)
            with self._transport.send(request, timeout=self.timeout, stream=True) as response:
                return self._read(call, response)
        except (OSError, HTTPError, ValueError) as error:
            # requests' own errors are OSErrors; ValueErrors are unsendable headers and hosts.
            _raise_transport(call, error)

    def _read(self, call: Call, response: requests.Response) -> HttpResponse:
        body = bytearray()
        deadline = time.monotonic() + MAX_RESPONSE_SECONDS
        # read1 returns what has arrived: a slow drip is noticed, unlike by read(size).
        while chunk := response.raw.read1(65536, decode_content=True):
            body += chunk
            if len(body) > MAX_RESPONSE_BYTES:
                raise call.unreadable("more than 10 MiB", status=response.status_code)
            if time.monotonic() > deadline:
                raise call.unavailable("the answer took more than a minute")
        if response.raw.length_remaining:
            raise call.unavailable("the answer was cut off")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpResponse(
            response.status_code, headers, bytes(body), self.connector, call.operation
        )


def join_url(base: str, *segments: str) -> str:
    """``base`` with path segments added, each quoted: an id can never reach another path.

    Raises ValueError for a segment that is empty or made of dots, which no record has.
    """
    if not all(segment.strip(".") for segment in segments):
        raise ValueError("a path segment is empty or made of dots")
    return "/".join([base.rstrip("/"), *(quote(segment, safe="") for segment in segments)])


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds from a Retry-After header: a number or an HTTP date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", value.strip(), re.ASCII):
        seconds = float(value)
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError, OverflowError):
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (aware - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def error_codes(body: bytes) -> tuple[str, ...]:
    """Codes and parameter names in a vendor's JSON error, at most five; never free text."""
    try:
        found = list(_codes(jsonlib.loads(body), depth=3))
    except (ValueError, RecursionError):
        return ()
    return tuple(dict.fromkeys(found))[:5]


def _codes(data: Any, *, depth: int) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            if key in _CODE_KEYS and isinstance(value, str) and _CODE.match(value):
                yield value
            elif depth and key in ("error", "errors", "details"):
                yield from _codes(value, depth=depth - 1)
    elif isinstance(data, list) and depth:
        for item in data[:5]:
            yield from _codes(item, depth=depth - 1)


def _meaning(call: Call, status: int) -> tuple[type[ApiError], str]:
    """Error class and message for a status; statuses without their own class by their family."""
    tried = f"'{call.operation}'"
    exact: dict[int, tuple[type[ApiError], str]] = {
        401: (ApiAuthenticationError, f"refuses the credentials for {tried}{_where(call)}"),
        403: (ApiPermissionError, f"does not permit {tried}{_lacking(call)}"),
        404: (ApiNotFoundError, f"has no such record for {tried}"),
        409: (ApiConflictError, f"reports a conflict for {tried}"),
        410: (ApiNotFoundError, f"has no such record for {tried} any more"),
        429: (ApiRateLimitedError, f"takes no more calls for now, {tried} has to wait"),
    }
    if status in exact:
        return exact[status]
    if 400 <= status < 500:
        return ApiRequestError, f"refuses what {tried} sent with status {status}"
    if status >= 500:
        return ApiUnavailableError, f"failed at {tried} with status {status}"
    return ApiResponseError, f"redirects {tried}, which is never followed; check the base URL"


def _where(call: Call) -> str:
    return f"; check the setting {call.setting}" if call.setting else ""


def _lacking(call: Call) -> str:
    if not call.permission:
        return "; the credentials lack a permission"
    return f"; give the credentials the permission {call.permission}"


def _raise_transport(call: Call, error: Exception) -> NoReturn:
    """Turn what requests, urllib3, ssl and sockets raise into one of ours, quoting nothing."""
    if isinstance(error, requests.exceptions.SSLError):
        raise call.unavailable("its TLS certificate or protocol was not accepted") from None
    if isinstance(error, (requests.exceptions.Timeout, ReadTimeoutError, TimeoutError)):
        raise call.unavailable("it took too long") from None
    if isinstance(error, DecodeError):
        raise call.unreadable("a body that cannot be decompressed") from None
    if isinstance(error, (UnicodeError, requests.exceptions.InvalidHeader)):
        named = call.setting or "the connection's credentials"
        raise ConfigurationError(
            f"{call.connector}: a character in {named} cannot be sent; type it in again"
        ) from None
    if isinstance(error, requests.exceptions.InvalidURL):
        raise ConfigurationError(f"{_address_of(call.connector)} is not a URL") from None
    raise call.unavailable("the connection failed") from None


def _limiter(connector: str, account: str, limit: RateLimit | None) -> CallLimiter | None:
    if limit is None:
        return None
    return shared_limiter((connector, account), limit) if account else CallLimiter(limit)


def _address_of(connector: str) -> str:
    return f"The API address of {connector} (a setting ending in _url)"
