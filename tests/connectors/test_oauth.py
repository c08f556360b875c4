"""Tokens: asked for as RFC 6749 says, shared, and replaced only by whoever holds the dead one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from careerrelay.connectors import (
    AccessToken,
    ApiAuthenticationError,
    ApiPermissionError,
    ApiRequestError,
    ApiResponseError,
    ApiUnavailableError,
    BearerSession,
    HttpClient,
    MemoryTokens,
    client_credentials_token,
)
from careerrelay.connectors.testing import Request, StandIn, route

NOW = datetime(2026, 11, 4, 9, 0, tzinfo=UTC)


class Issuer(StandIn):
    """Keeps one live token, as Greenhouse is reported to do."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: tuple[int, Any] | None = None
        self.forms: list[dict[str, str]] = []
        self.issued = 0

    @route("POST", "/token")
    def token(self, request: Request) -> tuple[int, Any]:
        self.forms.append(request.form.to_dict())
        if self.answer is not None:
            return self.answer
        with self.lock:
            self.issued += 1
            return 200, {"access_token": f"token-{self.issued}", "expires_in": 3600}

    @route("GET", "/people")
    def people(self, request: Request) -> tuple[int, Any]:
        if request.headers.get("Authorization") != f"Bearer token-{self.issued}":
            return 401, {"error": "invalid_token"}
        return 200, {"x": request.headers.get("X-Extra", "")}


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def url(issuer: Issuer) -> Iterator[str]:
    with issuer.serve() as url:
        yield url


@pytest.fixture
def http() -> Iterator[HttpClient]:
    http = HttpClient("acme", allow_private=True)
    yield http
    http.close()


def ask(http: HttpClient, url: str, **more: Any) -> AccessToken:
    return client_credentials_token(
        http,
        token_url=f"{url}/token",
        client_id="id",
        client_secret="secret",
        clock=lambda: NOW,
        **more,
    )


def test_token_is_asked_for_with_basic_credentials_and_extra_fields(
    http: HttpClient, issuer: Issuer, url: str
) -> None:
    token = ask(http, url, extra={"sub": "4080"})
    assert token == AccessToken("token-1", NOW + timedelta(hours=1))
    assert issuer.forms == [{"grant_type": "client_credentials", "sub": "4080"}]


def test_credentials_can_go_into_the_body(http: HttpClient, issuer: Issuer, url: str) -> None:
    ask(http, url, secret_in_body=True)
    assert issuer.forms[0]["client_id"] == "id"
    assert issuer.forms[0]["client_secret"] == "secret"


@pytest.mark.parametrize(
    ("told", "expires_at"),
    [
        ({"expires_in": 60}, NOW + timedelta(minutes=1)),
        ({"expires_in": "60"}, NOW + timedelta(minutes=1)),
        ({"expires_at": "2026-11-04T19:00:00+09:00"}, NOW + timedelta(hours=1)),
        ({}, NOW + timedelta(minutes=5)),
    ],
)
def test_end_of_life_is_read_in_every_form_vendors_tell_it(
    http: HttpClient, issuer: Issuer, url: str, told: dict[str, Any], expires_at: datetime
) -> None:
    issuer.answer = (200, {"access_token": "t", **told})
    assert ask(http, url, lifetime=timedelta(minutes=5)).expires_at == expires_at


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"access_token": ""},
        {"access_token": 7, "expires_in": 60},
        {"access_token": "t"},
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "t", "expires_in": 1e300},
        {"access_token": "t", "expires_at": "tomorrow"},
        {"access_token": "t", "expires_at": "2026-11-04T19:00:00"},
        {"access_token": "t", "expires_at": 7},
    ],
)
def test_incomplete_token_answer_is_a_response_error(
    http: HttpClient, issuer: Issuer, url: str, answer: Any
) -> None:
    issuer.answer = (200, answer)
    with pytest.raises(ApiResponseError, match=r"without (access_token|expires_in)"):
        ask(http, url)


@pytest.mark.parametrize("code", ["invalid_client", "invalid_grant", "unauthorized_client"])
def test_refused_client_names_the_settings(
    http: HttpClient, issuer: Issuer, url: str, code: str
) -> None:
    issuer.answer = (400, {"error": code})
    with pytest.raises(ApiAuthenticationError, match="setting client_id and client_secret"):
        ask(http, url)


def test_refused_scope_names_the_permission(http: HttpClient, issuer: Issuer, url: str) -> None:
    issuer.answer = (400, {"error": "invalid_scope"})
    with pytest.raises(ApiPermissionError, match="people:read"):
        ask(http, url, permission="people:read")


@pytest.mark.parametrize("answer", [{"error": "invalid_request"}, [], {}])
def test_other_refusals_are_request_errors(
    http: HttpClient, issuer: Issuer, url: str, answer: Any
) -> None:
    issuer.answer = (400, answer)
    with pytest.raises(ApiRequestError):
        ask(http, url)


def test_token_never_shows_in_a_repr() -> None:
    assert "hidden" not in repr(AccessToken("hidden", NOW))


def test_token_about_to_expire_counts_as_dead() -> None:
    token = AccessToken("t", NOW + timedelta(seconds=61))
    assert token.alive(NOW)
    assert not token.alive(NOW + timedelta(seconds=1))


# The store


def fetching(*values: str, expires_at: datetime = NOW + timedelta(hours=1)) -> Any:
    remaining = iter(values)
    return lambda: AccessToken(next(remaining), expires_at)


def test_first_token_is_fetched_and_kept() -> None:
    tokens = MemoryTokens(clock=lambda: NOW)
    assert tokens.get("k") is None
    assert tokens.replace("k", fetching("a"), seen=None).value == "a"
    assert tokens.get("k") == AccessToken("a", NOW + timedelta(hours=1))


def test_token_somebody_else_renewed_is_taken_without_asking_again() -> None:
    tokens = MemoryTokens(clock=lambda: NOW)
    tokens.replace("k", fetching("new"), seen="old")
    assert tokens.replace("k", fetching(), seen="old").value == "new"


def test_token_that_failed_is_replaced() -> None:
    tokens = MemoryTokens(clock=lambda: NOW)
    tokens.replace("k", fetching("a"), seen=None)
    assert tokens.replace("k", fetching("b"), seen="a").value == "b"


def test_expired_token_is_replaced_even_if_it_was_never_seen() -> None:
    tokens = MemoryTokens(clock=lambda: NOW)
    tokens.replace("k", fetching("a", expires_at=NOW), seen=None)
    assert tokens.replace("k", fetching("b"), seen=None).value == "b"


def test_many_threads_with_one_dead_token_ask_once() -> None:
    tokens, asked = MemoryTokens(clock=lambda: NOW), []

    def fetch() -> AccessToken:
        asked.append(1)
        time.sleep(0.02)
        return AccessToken("new", NOW + timedelta(hours=1))

    threads = [
        threading.Thread(target=tokens.replace, args=("k", fetch), kwargs={"seen": "old"})
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


# The session


def session(http: HttpClient, url: str, tokens: MemoryTokens) -> BearerSession:
    return BearerSession(
        http, tokens, key="acme:id", fetch=lambda: ask(http, url), clock=lambda: NOW
    )


def test_calls_share_one_token(http: HttpClient, issuer: Issuer, url: str) -> None:
    tokens = MemoryTokens(clock=lambda: NOW)
    for bearer in (session(http, url, tokens), session(http, url, tokens)):
        got = bearer.request(
            "GET", f"{url}/people", operation="list people", headers={"X-Extra": "1"}
        )
        assert got.json() == {"x": "1"}
    assert issuer.issued == 1


def test_refused_token_is_replaced_once_and_the_call_repeated(
    http: HttpClient, issuer: Issuer, url: str
) -> None:
    bearer = session(http, url, MemoryTokens(clock=lambda: NOW))
    bearer.request("GET", f"{url}/people", operation="list people")
    issuer.issued += 1
    bearer.request("GET", f"{url}/people", operation="list people")
    assert issuer.issued == 3


def test_fresh_token_that_is_refused_too_is_an_authentication_error(
    http: HttpClient, issuer: Issuer, url: str
) -> None:
    issuer.answer = (200, {"access_token": "good for nothing", "expires_in": 600})
    bearer = session(http, url, MemoryTokens(clock=lambda: NOW))
    with pytest.raises(ApiAuthenticationError):
        bearer.request("GET", f"{url}/people", operation="list people")
    assert len(issuer.forms) == 2


def test_expired_token_is_renewed_before_the_call(
    http: HttpClient, issuer: Issuer, url: str
) -> None:
    tokens = MemoryTokens(clock=lambda: NOW)
    tokens.replace("acme:id", fetching("old", expires_at=NOW), seen=None)
    session(http, url, tokens).request("GET", f"{url}/people", operation="list people")
    assert [path for _, path, _ in issuer.calls] == ["/token", "/people"]


def test_other_errors_do_not_cost_the_token(http: HttpClient, issuer: Issuer, url: str) -> None:
    bearer = session(http, url, MemoryTokens(clock=lambda: NOW))
    issuer.fail_next(status=500, path="/people")
    with pytest.raises(ApiUnavailableError):
        bearer.request("GET", f"{url}/people", operation="list people")
    assert issuer.issued == 1
