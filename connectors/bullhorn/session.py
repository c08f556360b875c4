"""A REST session of one Bullhorn account, shared by all processes.

https://bullhorn.github.io/Getting-Started-with-REST and #login of the reference. Bullhorn knows
refresh tokens too, but each is spent by its use: one lost answer, and a person has to sign in. A
session lives two days, so the API user signs in every other day instead, and nothing that could
get lost is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from marshmallow import fields

from careerrelay import connectors as kit

TTL = timedelta(minutes=2880)
"""The longest the server allows (https://github.com/bullhorn/sdk-rest/issues/218)."""
CLIENT = "client_id and client_secret"
USER = "api_username and api_password"
SIGN_IN = "sign in"


class AddressField(fields.URL):
    """Where to go on; a stand-in's address has no dot."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(schemes={"https", "http"}, require_tld=False, required=True, **kwargs)


class LoginInfoSchema(kit.CamelCaseSchema):
    oauth_url = AddressField()
    rest_url = AddressField()


class TokenSchema(kit.PayloadSchema):
    access_token = kit.Text(required=True)


class LoginSchema(kit.PayloadSchema):
    token = kit.Text(required=True, data_key="BhRestToken")
    url = AddressField(data_key="restUrl")


class RestSession:
    """Calls carry the session's token and go to the session's own address."""

    def __init__(
        self,
        http: kit.HttpClient,
        tokens: kit.TokenStore,
        settings: Mapping[str, str],
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._tokens = tokens
        self._settings = settings
        self._clock = clock
        self._key = f"bullhorn:{settings['client_id']}:{settings['api_username']}"

    def call(self, method: str, *path: str, operation: str, **sent: Any) -> kit.HttpResponse:
        """One call. A session that has ended, or moved to another data centre, is renewed once."""
        session = self._tokens.get(self._key)
        if session is None or not session.alive(self._clock()):
            session = self._renewed(session)
        try:
            return self._send(session, method, path, operation, sent)
        except (kit.ApiAuthenticationError, kit.ApiResponseError) as error:
            if error.status not in (401, 307):
                raise
            return self._send(self._renewed(session), method, path, operation, sent)

    def _send(
        self,
        session: kit.AccessToken,
        method: str,
        path: tuple[str, ...],
        operation: str,
        sent: Mapping[str, Any],
    ) -> kit.HttpResponse:
        url, _, token = session.value.partition(" ")
        return self._http.request(
            method,
            kit.join_url(url, *path),
            operation=operation,
            headers={"BhRestToken": token},
            setting=USER,
            **sent,
        )

    def _renewed(self, seen: kit.AccessToken | None) -> kit.AccessToken:
        """Under a lock of all processes: the account may have 50 sessions at most."""
        was = seen.value if seen is not None else None
        return self._tokens.replace(self._key, self._sign_in, seen=was)

    def _sign_in(self) -> kit.AccessToken:
        """Data centre, code, access token, session: four calls, every other day."""
        began = self._clock()
        user = {"username": self._settings["api_username"]}
        info = self._ask("GET", self._settings["login_url"], "loginInfo", user).read(
            LoginInfoSchema()
        )
        client = {
            "client_id": self._settings["client_id"],
            "client_secret": self._settings["client_secret"],
        }
        grant = {"grant_type": "authorization_code", "code": self._code(info["oauth_url"])}
        token = self._ask("POST", info["oauth_url"], "token", grant | client).read(TokenSchema())
        login = {
            "version": "*",
            "access_token": token["access_token"],
            "ttl": str(TTL // timedelta(minutes=1)),
        }
        session = self._ask("POST", info["rest_url"], "login", login).read(LoginSchema())
        return kit.AccessToken(f"{session['url']} {session['token']}", began + TTL)

    def _code(self, oauth_url: str) -> str:
        """As Bullhorn's own SDK asks without a browser: a redirect holds the code. A page is the
        login form once more, so name or password were wrong."""
        asked = {
            "client_id": self._settings["client_id"],
            "response_type": "code",
            "action": "Login",
            "username": self._settings["api_username"],
            "password": self._settings["api_password"],
        }
        answer = self._ask("POST", oauth_url, "authorize", asked, accept=(302, 303))
        query = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        if not query.get("code"):
            raise kit.ApiAuthenticationError(
                f"bullhorn lets the API user not in; check the settings {USER}, and client_id",
                connector=self._http.connector,
                operation=SIGN_IN,
                status=answer.status,
            )
        return query["code"][0]

    def _ask(
        self,
        method: str,
        url: str,
        what: str,
        params: Mapping[str, str],
        *,
        accept: tuple[int, ...] = (),
    ) -> kit.HttpResponse:
        return self._http.request(
            method,
            kit.join_url(url, what),
            operation=f"{SIGN_IN} ({what})",
            params=params,
            setting=CLIENT if what == "token" else USER,
            permission="API access for the API user, which Bullhorn Support gives",
            accept=accept,
        )
