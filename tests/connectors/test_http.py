"""The way out to vendors, against a real HTTP server and against every kind of wrong address."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from careerrelay.connectors import (
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
    HttpClient,
    RateLimit,
    join_url,
)
from careerrelay.connectors import http as http_module
from careerrelay.connectors.http import HttpResponse
from careerrelay.connectors.limits import CallLimiter
from careerrelay.connectors.testing import Request, Response, StandIn, route

from .servers import answering, dripping, keeping, tls_server


class Echo(StandIn):
    """Answers with what it got."""

    @route("GET", "/echo")
    @route("POST", "/echo")
    def echo(self, request: Request) -> tuple[int, Any]:
        return 200, {
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "query": request.args.to_dict(flat=False),
            "body": request.get_data(as_text=True),
        }

    @route("GET", "/big")
    def big(self, request: Request) -> Response:
        return Response(b"x" * (10 * 1024 * 1024 + 1))

    @route("GET", "/bomb")
    def bomb(self, request: Request) -> Response:
        packed = gzip.compress(b"\0" * (11 * 1024 * 1024))
        return Response(packed, headers={"Content-Encoding": "gzip"})

    @route("GET", "/cookie")
    def cookie(self, request: Request) -> Response:
        return Response("{}", headers={"Set-Cookie": "session=1; Path=/"})


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Echo, str]]:
    echo = Echo()
    with echo.serve() as url:
        yield echo, url


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient("acme", timeout=(1.0, 0.3), allow_private=True)
    yield client
    client.close()


def failed(client: HttpClient, server: tuple[Echo, str], path: str = "/echo", **fault: Any) -> Any:
    """The error of a call that is answered by ``fault``."""
    echo, url = server
    if fault:
        echo.fail_next(**fault)
    with pytest.raises(ApiError) as caught:
        client.request("GET", url + path, operation="list people", setting="api_key")
    return caught.value


def test_call_carries_parameters_json_and_headers(
    client: HttpClient, server: tuple[Echo, str]
) -> None:
    answer = client.request(
        "POST",
        f"{server[1]}/echo",
        operation="try",
        params={"page": 2, "ids": ["a", "b"], "none": None},
        json={"name": "見本"},
        headers={"X-Api": "1"},
    )
    got = answer.json()
    assert got["query"] == {"page": ["2"], "ids": ["a", "b"]}
    assert got["headers"]["x-api"] == "1"
    assert answer.headers["content-type"] == "application/json"


def test_basic_credentials_may_be_any_text(client: HttpClient, server: tuple[Echo, str]) -> None:
    answer = client.request("GET", f"{server[1]}/echo", operation="try", auth=("鍵", "a:b"))
    assert answer.json()["headers"]["authorization"] == "Basic 6Y21OmE6Yg=="


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ApiRequestError),
        (401, ApiAuthenticationError),
        (403, ApiPermissionError),
        (404, ApiNotFoundError),
        (409, ApiConflictError),
        (410, ApiNotFoundError),
        (422, ApiRequestError),
        (429, ApiRateLimitedError),
        (500, ApiUnavailableError),
        (503, ApiUnavailableError),
        (302, ApiResponseError),
        (304, ApiResponseError),
    ],
)
def test_each_status_becomes_its_error(
    client: HttpClient, server: tuple[Echo, str], status: int, kind: type[ApiError]
) -> None:
    error = failed(client, server, status=status, body=b"<p>private@example.com</p>")
    assert type(error) is kind
    assert (error.connector, error.operation, error.status) == ("acme", "list people", status)
    assert "example.com" not in error.message


def test_refused_credentials_name_the_setting(client: HttpClient, server: tuple[Echo, str]) -> None:
    assert "setting api_key" in failed(client, server, status=401).message


def test_missing_permission_is_named(client: HttpClient, server: tuple[Echo, str]) -> None:
    server[0].fail_next(status=403)
    with pytest.raises(ApiPermissionError, match="the permission people:read"):
        client.request("GET", f"{server[1]}/echo", operation="list", permission="people:read")


def test_accepted_status_returns(client: HttpClient, server: tuple[Echo, str]) -> None:
    server[0].fail_next(status=404, body=b"{}")
    answer = client.request("GET", f"{server[1]}/echo", operation="look", accept=(404,))
    assert answer.status == 404


def test_refused_request_tells_codes_and_parameter_names_but_no_values(
    client: HttpClient, server: tuple[Echo, str]
) -> None:
    body = (
        b'{"errors": [{"code": "invalid_email", "field": "emails[0].value",'
        b' "message": "taro@example.jp is taken", "value": "taro@example.jp"}],'
        b' "error": "Taro Mihon is unknown"}'
    )
    message = failed(client, server, status=422, body=body).message
    assert message.endswith("(invalid_email, emails[0].value)")


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff", b"null", b'["a"]', b'{"errors": 3}'])
def test_odd_error_bodies_are_no_surprise(
    client: HttpClient, server: tuple[Echo, str], body: bytes
) -> None:
    assert isinstance(failed(client, server, status=400, body=body), ApiRequestError)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\x00{", b"[" * 100_000])
def test_success_that_is_no_json_is_a_response_error(
    client: HttpClient, server: tuple[Echo, str], body: bytes
) -> None:
    server[0].fail_next(status=200, body=body)
    answer = client.request("GET", f"{server[1]}/echo", operation="look")
    with pytest.raises(ApiResponseError, match="no JSON"):
        answer.json()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("1.5", 1.5), ("-3", None), ("soon", None), ("9999999", 86400.0), ("٣", None)],
)
def test_retry_after_in_seconds(
    client: HttpClient, server: tuple[Echo, str], header: str, seconds: float | None
) -> None:
    assert http_module.retry_after(header) == seconds


def test_retry_after_of_the_vendor_is_passed_on(
    client: HttpClient, server: tuple[Echo, str]
) -> None:
    for status in (429, 503):
        error = failed(client, server, status=status, headers={"Retry-After": "12"})
        assert error.retry_after == 12.0


def test_retry_after_as_a_date_is_the_time_until_then() -> None:
    now = datetime(2026, 11, 4, 9, 0, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=90), usegmt=True)
    assert http_module.retry_after(later, now=now) == 90.0
    assert http_module.retry_after(later, now=now + timedelta(hours=1)) == 0.0
    assert http_module.retry_after("Wed, 04 Nov 2026 09:01:00 -0000", now=now) == 60.0


def test_silent_server_is_unavailable(client: HttpClient, server: tuple[Echo, str]) -> None:
    error = failed(client, server, hang=True)
    assert isinstance(error, ApiUnavailableError)
    assert "too long" in error.message


def test_nobody_listening_is_unavailable(client: HttpClient) -> None:
    with pytest.raises(ApiUnavailableError, match="connection failed"):
        client.request("GET", "http://127.0.0.1:9/", operation="look")


def test_unknown_host_is_unavailable(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ApiUnavailableError):
        client.request("GET", "http://no-such-host.invalid/", operation="look")


def test_huge_answer_is_cut_off(client: HttpClient, server: tuple[Echo, str]) -> None:
    assert "more than 10 MiB" in failed(client, server, "/big").message


def test_small_answer_that_unpacks_to_a_huge_one_is_cut_off(server: tuple[Echo, str]) -> None:
    patient = HttpClient("acme", timeout=(10.0, 60.0), allow_private=True)
    assert "more than 10 MiB" in failed(patient, server, "/bomb").message
    patient.close()


def test_answer_that_cannot_be_unpacked_is_a_response_error(
    client: HttpClient, server: tuple[Echo, str]
) -> None:
    error = failed(
        client, server, status=200, body=b"no gzip", headers={"Content-Encoding": "gzip"}
    )
    assert isinstance(error, ApiResponseError)


def test_dripping_answer_is_given_up(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "MAX_RESPONSE_SECONDS", 0.2)
    with dripping() as url, pytest.raises(ApiUnavailableError, match="more than a minute"):
        client.request("GET", url, operation="look")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[1]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
def test_answer_that_is_cut_off_or_no_http_is_unavailable(client: HttpClient, raw: bytes) -> None:
    with answering(raw) as url, pytest.raises(ApiUnavailableError):
        client.request("GET", url, operation="look")


def test_redirect_is_not_followed(client: HttpClient, server: tuple[Echo, str]) -> None:
    echo, url = server
    echo.calls.clear()
    error = failed(client, server, status=302, headers={"Location": f"{url}/echo"})
    assert "never followed" in error.message
    assert len(echo.calls) == 1


def test_redirect_with_a_huge_body_is_cut_off(server: tuple[Echo, str]) -> None:
    patient = HttpClient("acme", timeout=(10.0, 60.0), allow_private=True)
    packed = {"Location": server[1], "Content-Encoding": "gzip"}
    body = gzip.compress(bytes(50_000_000))
    error = failed(patient, server, status=302, headers=packed, body=body)
    assert "more than 10 MiB" in error.message
    patient.close()


def test_redirect_to_an_address_of_odd_bytes_blames_no_setting_of_ours(client: HttpClient) -> None:
    """Where something was sent, a ConfigurationError would say that nothing was."""
    raw = b"HTTP/1.1 302 Found\r\nLocation: https://\xff\r\nContent-Length: 0\r\n\r\n"
    with answering(raw) as url, pytest.raises(ApiResponseError):
        client.request("POST", url, operation="send a message")


def test_cookies_are_not_kept(client: HttpClient, server: tuple[Echo, str]) -> None:
    client.request("GET", f"{server[1]}/cookie", operation="look")
    answer = client.request("GET", f"{server[1]}/echo", operation="look")
    assert "cookie" not in answer.json()["headers"]


def test_proxy_variables_are_ignored(
    server: tuple[Echo, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    client = HttpClient("acme", allow_private=True)
    assert client.request("GET", f"{server[1]}/echo", operation="look").status == 200
    client.close()


def test_connections_of_all_threads_are_kept_for_their_next_call() -> None:
    client = HttpClient("acme", allow_private=True, threads=12)
    with keeping(12) as (url, callers), ThreadPoolExecutor(12) as pool:
        for _ in range(2):
            calls = [pool.submit(client.request, "GET", url, operation="look") for _ in range(12)]
            assert [call.result().status for call in calls] == [200] * 12
        client.close()
    assert len(callers) == 24
    assert len(set(callers)) == 12


@pytest.mark.parametrize("value", ["key\r\nX-Evil: 1", "ｋｅｙ"])
def test_credential_that_cannot_be_a_header_names_its_setting(
    client: HttpClient, server: tuple[Echo, str], value: str
) -> None:
    with pytest.raises(ConfigurationError, match="api_key") as caught:
        client.request(
            "GET",
            f"{server[1]}/echo",
            operation="look",
            headers={"Authorization": f"Bearer {value}"},
            setting="api_key",
        )
    assert value not in str(caught.value)


def test_untrusted_certificate_is_unavailable(client: HttpClient) -> None:
    with tls_server() as (port, _), pytest.raises(ApiUnavailableError, match="TLS"):
        client.request("GET", f"https://127.0.0.1:{port}/", operation="look")


def test_calls_beyond_the_limit_wait_or_say_how_long(server: tuple[Echo, str]) -> None:
    limit = RateLimit(calls=2, seconds=60)
    client = HttpClient("acme", rate_limit=limit, allow_private=True)
    for _ in range(2):
        client.request("GET", f"{server[1]}/echo", operation="look")
    with pytest.raises(ApiRateLimitedError) as caught:
        client.request("GET", f"{server[1]}/echo", operation="look")
    assert 55 < (caught.value.retry_after or 0) <= 61
    assert client.calls == 3
    client.close()


def test_short_wait_is_waited() -> None:
    limiter = CallLimiter(RateLimit(calls=1, seconds=0.05))
    assert [limiter.wait(at_most=1.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_clients_of_one_account_share_its_limit(server: tuple[Echo, str]) -> None:
    limit = RateLimit(calls=1, seconds=60)
    clients = [
        HttpClient("acme", rate_limit=limit, account=account, allow_private=True)
        for account in ("tokyo", "tokyo", "osaka")
    ]
    clients[0].request("GET", f"{server[1]}/echo", operation="look")
    with pytest.raises(ApiRateLimitedError):
        clients[1].request("GET", f"{server[1]}/echo", operation="look")
    assert clients[2].request("GET", f"{server[1]}/echo", operation="look").status == 200
    for client in clients:
        client.close()


def test_ids_in_a_url_stay_in_their_segment() -> None:
    assert join_url("https://a.example/v1/", "people", "a/b?c#d é") == (
        "https://a.example/v1/people/a%2Fb%3Fc%23d%20%C3%A9"
    )


@pytest.mark.parametrize("segment", ["", ".", "..", "..."])
def test_segment_that_climbs_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="segment"):
        join_url("https://a.example", "people", segment)


def test_a_name_that_the_vendor_cut_inside_an_emoji_keeps_no_list_from_being_read() -> None:
    body = rb'[{"name": "Hanako \ud83d"}, {"name": "\ud83d\ude00 \u5fdc", "n": 1.5}]'
    first, second = HttpResponse(200, {}, body).json()
    assert first == {"name": "Hanako ?"}
    assert second == {"name": "\U0001f600 応", "n": 1.5}
