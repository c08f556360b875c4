"""Where calls may go: the internet, looked up once; nothing private unless it is allowed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from careerrelay.connectors import ApiUnavailableError, ConfigurationError, HttpClient
from careerrelay.connectors import addresses as addresses_module
from careerrelay.connectors.addresses import is_public
from careerrelay.connectors.testing import Request, StandIn, route

from .servers import tls_server


class Echo(StandIn):
    """Answers with the Host it was asked for."""

    @route("GET", "/echo")
    def echo(self, request: Request) -> tuple[int, Any]:
        return 200, {"host": request.host}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Echo().serve() as url:
        yield url


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient("acme", timeout=(1.0, 1.0), allow_private=True)
    yield client
    client.close()


PRIVATE = [
    "https://127.0.0.1/",
    "https://10.1.2.3/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/",
    "https://0.0.0.0/",
    "https://224.0.0.1/",
    "https://[::1]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://localhost/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_address_is_refused_before_any_connection(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses_module, "create_connection", _unreachable)
    with pytest.raises(ConfigurationError, match="private address"):
        HttpClient("acme").request("GET", url, operation="look")


@pytest.mark.parametrize("answers", [["10.0.0.7"], ["93.184.215.14", "::1"], ["::ffff:10.0.0.1"]])
def test_name_that_leads_to_a_private_address_is_refused(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses_module, "resolve", lambda host, port: answers)
    monkeypatch.setattr(addresses_module, "create_connection", _unreachable)
    with pytest.raises(ConfigurationError, match="private address"):
        HttpClient("acme").request("GET", "https://ats.example.com/", operation="look")


@pytest.mark.parametrize(
    "url",
    [
        "https://user:password@example.com/",
        "https://user@example.com/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/",
        "https:///path",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://[::1/",
        "example.com",
        "",
    ],
)
def test_url_that_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="_url"):
        HttpClient("acme").request("GET", url, operation="look")


def test_plain_http_to_the_internet_is_refused_even_where_private_addresses_are_allowed(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses_module, "create_connection", _unreachable)
    with pytest.raises(ConfigurationError, match="https://"):
        client.request("GET", "http://93.184.215.14/", operation="look")


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


def test_name_is_looked_up_once_and_that_very_address_is_used(
    client: HttpClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    monkeypatch.setattr(addresses_module, "resolve", resolve)
    monkeypatch.setattr(socket, "getaddrinfo", _numeric_only(socket.getaddrinfo))
    host = url.removeprefix("http://").replace("127.0.0.1", "ats.example.com")
    answer = client.request("GET", f"http://{host}/echo", operation="look")
    assert asked == ["ats.example.com"]
    assert answer.json() == {"host": host}


def test_tls_names_the_host_although_it_connects_to_the_address(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses_module, "resolve", lambda host, port: ["127.0.0.1"])
    with tls_server() as (port, names), pytest.raises(ApiUnavailableError):
        client.request("GET", f"https://ats.example.com:{port}/", operation="look")
    assert names == ["ats.example.com"]


def test_next_address_is_tried_when_the_first_is_dead(
    client: HttpClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses_module, "resolve", lambda host, port: ["::1", "127.0.0.1"])
    there = url.replace("127.0.0.1", "ats.example.com")
    assert client.request("GET", f"{there}/echo", operation="look").status == 200


def _unreachable(*_: object, **__: object) -> None:
    raise AssertionError("a connection was opened")


def _numeric_only(real: Callable[..., Any]) -> Callable[..., Any]:
    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        assert host == "127.0.0.1", f"a second look-up of {host}"
        return real(host, *args, **kwargs)

    return look_up
