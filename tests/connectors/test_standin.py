"""The framework of all stand-ins, over real HTTP."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from careerrelay.connectors import ApiUnavailableError, HttpClient
from careerrelay.connectors.testing import Request, Response, StandIn, route


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 4, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Shop(StandIn):
    """Counts what was bought; takes hooks and answers them as told."""

    retry_seconds = (60.0, 900.0)

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.bought: list[dict[str, Any]] = []
        self.hook_answers: list[int] = []

    def before(self, request: Request) -> Response | None:
        if request.path == "/limited":
            return self.limit("shop", calls=2, seconds=30)
        return None

    @route("POST", "/things/<int:thing>")
    def buy(self, request: Request, thing: int) -> tuple[int, Any, dict[str, str]]:
        with self.lock:
            self.bought.append({"thing": thing, "form": request.form.to_dict()})
        return 201, {"thing": thing}, {"X-Count": str(len(self.bought))}

    @route("GET", "/limited")
    @route("PUT", "/limited")
    def limited(self, request: Request) -> Response:
        return Response("fine")

    @route("POST", "/hook")
    def hook(self, request: Request) -> tuple[int, Any]:
        return self.hook_answers.pop(0), {"got": request.get_data(as_text=True)}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(clock: Clock) -> Shop:
    return Shop(clock)


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with shop.serve() as base:
        yield base


def call(
    url: str, method: str = "GET", path: str = "/limited", body: str = ""
) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, text, {k.lower(): v for k, v in response.getheaders()}
    finally:
        connection.close()


def test_handler_gets_path_arguments_and_form_and_its_answer_becomes_json(
    shop: Shop, url: str
) -> None:
    status, text, headers = call(url, "POST", "/things/7", "colour=red")
    assert (status, text, headers["x-count"]) == (201, '{"thing": 7}', "1")
    assert shop.bought == [{"thing": 7, "form": {"colour": "red"}}]
    assert shop.calls == [("POST", "/things/7", 201)]


def test_one_handler_serves_every_route_marked_on_it(url: str) -> None:
    assert call(url, "PUT")[0] == call(url, "GET")[0] == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/no", 404), ("PUT", "/hook", 405)])
def test_unknown_path_or_method_is_answered_in_json(
    url: str, method: str, path: str, status: int
) -> None:
    answered, text, _ = call(url, method, path)
    assert answered == status
    assert text.startswith('{"error":')


def test_window_limit_refuses_with_the_seconds_left_and_opens_again(url: str, clock: Clock) -> None:
    assert [call(url)[0] for _ in range(2)] == [200, 200]
    clock.now += timedelta(seconds=10)
    status, _, headers = call(url)
    assert (status, headers["retry-after"]) == (429, "20")
    clock.now += timedelta(seconds=20)
    assert call(url)[0] == 200


def test_fault_hits_the_next_calls_of_its_path_only(shop: Shop, url: str) -> None:
    shop.fail_next(times=2, status=503, path="/things", body=b"sorry", headers={"Retry-After": "3"})
    assert call(url)[0] == 200
    status, text, headers = call(url, "POST", "/things/1")
    assert (status, text, headers["retry-after"]) == (503, "sorry", "3")
    assert call(url, "POST", "/things/1")[0] == 503
    assert call(url, "POST", "/things/1")[0] == 201


def test_lost_answer_does_the_work_all_the_same(shop: Shop, url: str) -> None:
    shop.fail_next(status=502, after_effect=True)
    assert call(url, "POST", "/things/1")[0] == 502
    assert len(shop.bought) == 1


def test_hanging_call_times_the_client_out(shop: Shop, url: str) -> None:
    shop.fail_next(hang=True)
    client = HttpClient("shop", timeout=(1.0, 0.05), allow_private=True)
    with pytest.raises(ApiUnavailableError, match="too long"):
        client.request("GET", f"{url}/limited", operation="look")
    client.close()


def test_webhook_is_sent_again_until_it_is_accepted(shop: Shop, url: str) -> None:
    shop.hook_answers = [500, 200]
    shop.deliver(f"{url}/hook", b'{"a": 1}', {"X-Sign": "1"})
    assert shop.wait_delivered()
    assert [(a.number, a.status) for a in shop.deliveries] == [(1, 500), (2, 200)]


def test_webhook_is_given_up_after_the_last_pause(shop: Shop, url: str) -> None:
    shop.hook_answers = [500, 500, 500, 200]
    shop.deliver(f"{url}/hook", b"{}", {})
    assert shop.wait_delivered()
    assert [a.status for a in shop.deliveries] == [500, 500, 500]


def test_webhook_to_nobody_is_noted_as_unanswered(shop: Shop, url: str) -> None:
    assert not shop.ping("http://127.0.0.1:9/hook", b"{}", {})
    assert [a.status for a in shop.deliveries] == [None]


def test_stopping_gives_up_webhooks_that_wait_for_their_next_try(shop: Shop) -> None:
    shop.retry_scale = 1.0
    shop.hook_answers = [500]
    with shop.serve() as url:
        shop.deliver(f"{url}/hook", b"{}", {})
        assert not shop.wait_delivered(seconds=0.2)
    assert shop.wait_delivered(seconds=0)


def test_stand_ins_need_no_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None; sys.modules['responses'] = None\n"
        "from careerrelay.connectors.testing import StandIn, Scene, route\n"
        "StandIn()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
