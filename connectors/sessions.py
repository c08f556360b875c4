"""Sessions of a connector whose settings hold an OAuth client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import Connector
from .oauth import AccessToken, BearerSession, client_credentials_token, refreshed_token


def token_session(
    by: Connector, fetch: Callable[[], AccessToken], *, header: str = "", scheme: str = "Bearer"
) -> BearerSession:
    """Calls with the token that ``fetch`` gets for the setting client_id.

    The token is kept under connector, address and client, and so shared by all that use it.
    """
    given = by.settings
    key = f"{by.spec.name}:{given.get('token_url') or given['api_url']}:{given['client_id']}"
    return BearerSession(
        by.http, by.tokens, key=key, fetch=fetch, clock=by.clock, header=header, scheme=scheme
    )


def client_session(
    by: Connector, *, token_url: str, permission: str, scheme: str = "Bearer", **grant: Any
) -> BearerSession:
    """The same for the usual grants: by the setting refresh_token where there is one, else by the
    client's own credentials. ``grant`` is what these functions of ``oauth`` take beside."""

    def fetch() -> AccessToken:
        given = by.settings
        client = {name: given[name] for name in ("client_id", "client_secret")}
        asked: dict[str, Any] = {
            **client,
            "token_url": token_url,
            "permission": permission,
            **grant,
        }
        if refresh_token := given.get("refresh_token"):
            return refreshed_token(by.http, refresh_token=refresh_token, clock=by.clock, **asked)
        return client_credentials_token(by.http, clock=by.clock, **asked)

    return token_session(by, fetch, scheme=scheme)
