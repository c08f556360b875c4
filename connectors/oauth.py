"""Short-lived OAuth tokens, one live token per credential, shared by whoever uses it.

Some vendors keep one live token per client: asking for another kills the first. So a token is
replaced under a lock, and only by whoever still holds the one that died (``seen``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from ..models.errors import ApiAuthenticationError, ApiError, ApiPermissionError, ApiResponseError
from .http import HttpClient, HttpResponse

MARGIN = timedelta(seconds=60)
"""A token is given up this long before it expires, so that none dies on the way."""

_REFUSED = ("invalid_client", "invalid_grant", "unauthorized_client")


def utcnow() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token and when it stops working (aware)."""

    value: str = field(repr=False)
    expires_at: datetime

    def alive(self, now: datetime) -> bool:
        """Good for at least another minute."""
        return now < self.expires_at - MARGIN


class TokenStore(Protocol):
    """Keeps tokens by a key that names the credential and holds no secret."""

    def get(self, key: str) -> AccessToken | None:
        """The stored token, alive or not."""
        ...

    def replace(
        self, key: str, fetch: Callable[[], AccessToken], *, seen: str | None
    ) -> AccessToken:
        """Under a lock shared by all processes: a living token other than ``seen``.

        The stored one if it differs from ``seen`` and is alive, otherwise ``fetch()``, stored.
        """
        ...


class MemoryTokens:
    """A TokenStore for one process (tests, ``doctor``, scripts)."""

    def __init__(self, *, clock: Callable[[], datetime] = utcnow) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, AccessToken] = {}

    def get(self, key: str) -> AccessToken | None:
        return self._tokens.get(key)

    def replace(
        self, key: str, fetch: Callable[[], AccessToken], *, seen: str | None
    ) -> AccessToken:
        with self._lock:
            stored = self._tokens.get(key)
            if stored is None or stored.value == seen or not stored.alive(self._clock()):
                stored = self._tokens[key] = fetch()
            return stored


def client_credentials_token(
    http: HttpClient,
    *,
    token_url: str,
    client_id: str,
    client_secret: str,
    extra: Mapping[str, str] | None = None,
    secret_in_body: bool = False,
    setting: str = "client_id and client_secret",
    permission: str = "",
    lifetime: timedelta | None = None,
    clock: Callable[[], datetime] = utcnow,
) -> AccessToken:
    """Ask for a token with the client credentials grant (RFC 6749, 4.4).

    ``extra`` form fields ("scope", "sub") go with it. The answer may hold ``expires_in``
    (seconds) or ``expires_at`` (ISO 8601 with offset); ``lifetime`` is what the vendor
    documents for answers with neither. Raises ApiAuthenticationError naming ``setting``.
    """
    form = {"grant_type": "client_credentials", **(extra or {})}
    if secret_in_body:
        form |= {"client_id": client_id, "client_secret": client_secret}
    answer = http.request(
        "POST",
        token_url,
        operation="get an access token",
        data=form,
        auth=None if secret_in_body else (client_id, client_secret),
        setting=setting,
        permission=permission,
        accept=(400,),
    )
    if answer.status == 400:
        raise _refusal(http, answer, setting=setting, permission=permission)
    return _token(answer, lifetime=lifetime, now=clock())


def refreshed_token(
    http: HttpClient,
    *,
    refresh_token: str,
    token_url: str,
    client_id: str,
    client_secret: str,
    setting: str = "client_id, client_secret and refresh_token",
    permission: str = "",
    clock: Callable[[], datetime] = utcnow,
) -> AccessToken:
    """Ask for a token with a refresh token that stays good (RFC 6749, 6); the client in the body.

    Not for vendors whose refresh tokens work once: the next one would be lost.
    """
    return client_credentials_token(
        http,
        token_url=token_url,
        client_id=client_id,
        client_secret=client_secret,
        extra={"grant_type": "refresh_token", "refresh_token": refresh_token},
        secret_in_body=True,
        setting=setting,
        permission=permission,
        clock=clock,
    )


class BearerSession:
    """An HttpClient whose calls carry a token; a refused token is replaced once.

    ``key`` names the credential among all tokens ("acme:<client id>"), without a secret.
    ``fetch`` gets a new token from the vendor. ``header`` is for vendors with one of their own,
    which then holds the bare token; ``scheme`` for those that call it otherwise than Bearer.
    """

    def __init__(
        self,
        http: HttpClient,
        tokens: TokenStore,
        *,
        key: str,
        fetch: Callable[[], AccessToken],
        clock: Callable[[], datetime] = utcnow,
        header: str = "",
        scheme: str = "Bearer",
    ) -> None:
        self.http = http
        self.connector = http.connector
        self._header, self._scheme = header, scheme
        self._tokens = tokens
        self._key = key
        self._fetch = fetch
        self._clock = clock

    def request(self, method: str, url: str, **call: Any) -> HttpResponse:
        """As ``HttpClient.request``, with the token's header added."""
        token = self._living()
        try:
            return self._send(method, url, token, call)
        except ApiAuthenticationError:
            fresh = self._tokens.replace(self._key, self._fetch, seen=token.value)
            return self._send(method, url, fresh, call)

    def _living(self) -> AccessToken:
        token = self._tokens.get(self._key)
        if token is not None and token.alive(self._clock()):
            return token
        return self._tokens.replace(
            self._key, self._fetch, seen=token.value if token is not None else None
        )

    def _send(
        self, method: str, url: str, token: AccessToken, call: Mapping[str, Any]
    ) -> HttpResponse:
        mine = {"Authorization": f"{self._scheme} {token.value}"}
        headers = {
            **call.get("headers", {}),
            **({self._header: token.value} if self._header else mine),
        }
        return self.http.request(method, url, **{**call, "headers": headers})


def _refusal(http: HttpClient, answer: HttpResponse, *, setting: str, permission: str) -> ApiError:
    """A 400 of a token endpoint is a refused credential or scope (RFC 6749, 5.2)."""
    body = answer.json()
    code = body.get("error") if isinstance(body, dict) else None
    if code in _REFUSED:
        return ApiAuthenticationError(
            f"{http.connector} refuses the credentials; check the setting {setting}",
            connector=http.connector,
            operation=answer.operation,
            status=400,
        )
    if code == "invalid_scope":
        return ApiPermissionError(
            f"{http.connector} does not give the credentials the permission "
            f"{permission or 'asked for'}",
            connector=http.connector,
            operation=answer.operation,
            status=400,
        )
    return http.error_for(answer)


def _token(answer: HttpResponse, *, lifetime: timedelta | None, now: datetime) -> AccessToken:
    body = answer.json()
    value = body.get("access_token") if isinstance(body, dict) else None
    if not isinstance(value, str) or not value:
        raise _incomplete(answer, "access_token")
    expires_at = _expiry(body, now=now)
    if expires_at is None and lifetime is not None:
        expires_at = now + lifetime
    if expires_at is None:
        raise _incomplete(answer, "expires_in or expires_at")
    return AccessToken(value, expires_at)


def _expiry(body: Mapping[str, Any], *, now: datetime) -> datetime | None:
    """The end of a token's life from either of the two ways vendors tell it; None: neither."""
    seconds, moment = body.get("expires_in"), body.get("expires_at")
    try:
        if seconds is not None:
            return now + timedelta(seconds=float(seconds))
        told = datetime.fromisoformat(moment) if isinstance(moment, str) else None
    except (ValueError, TypeError, OverflowError):
        return None
    return told if told is not None and told.tzinfo is not None else None


def _incomplete(answer: HttpResponse, what: str) -> ApiResponseError:
    return ApiResponseError(
        f"{answer.connector} answered '{answer.operation}' without {what}",
        connector=answer.connector,
        operation=answer.operation,
        status=answer.status,
    )
