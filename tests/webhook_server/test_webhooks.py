"""POST /webhooks/<connection>: acknowledged only when stored, refused without a hint."""

from __future__ import annotations

import dataclasses
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from waitress.server import create_server
from werkzeug.test import TestResponse

from careerrelay.engine import signals
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import OverloadedError
from careerrelay.models.events import ApplicationEvent, EventKind, WebhookReply, WebhookRequest
from careerrelay.models.tables import Connection, RefusedRequest, Signal
from careerrelay.webhook_server import reception
from tests.support.toy import ToyConnector, toy_webhook
from tests.webhook_server.site import Reader, Site

MIB = 1024 * 1024


@pytest.fixture
def sent(site: Site) -> WebhookRequest:
    """What the toy ATS sends when person 1 is rejected."""
    case = site.world.application(1, ApplicationState.REJECTED)
    event = ApplicationEvent(EventKind.REJECTED, case.changed_at, case.external_id, "c1", case)
    return toy_webhook(event, delivery="d1")


def deliver(reader: Reader, sent: WebhookRequest, connection: str = "toy") -> TestResponse:
    return reader.post(f"/webhooks/{connection}", sent.body, headers=dict(sent.headers))


def refusals(site: Site) -> list[tuple[int, str, int]]:
    with site.runtime.database.read() as session:
        return [(r.status, r.code, r.size) for r in session.query(RefusedRequest)]


def stored(site: Site) -> int:
    with site.runtime.database.read() as session:
        return session.query(Signal).count()


def test_a_signed_webhook_is_stored_whole_and_then_acknowledged(
    site: Site, reader: Reader, sent: WebhookRequest
) -> None:
    response = reader.post(
        "/webhooks/toy?tenant=7", sent.body, headers={**sent.headers, "Authorization": "Basic eA=="}
    )
    assert response.status_code == 200
    with site.runtime.database.read() as session:
        signal = session.query(Signal).one()
    body = site.runtime.vault.open_bytes(signal.body_sealed, place=f"signals:{signal.id}")
    assert body == sent.body
    assert signal.request["query"] == "tenant=7"
    assert signal.request["headers"]["x-toy-id"] == "d1"
    assert "authorization" not in signal.request["headers"]
    site.world.work()
    with site.runtime.database.read() as session:
        assert session.get_one(Signal, signal.id).state == "done"


def test_the_same_delivery_twice_is_one_signal(
    site: Site, reader: Reader, sent: WebhookRequest
) -> None:
    assert [deliver(reader, sent).status_code for _ in range(3)] == [200, 200, 200]
    assert stored(site) == 1


def test_no_cookie_and_no_session_for_a_machine(reader: Reader, sent: WebhookRequest) -> None:
    response = deliver(reader, sent)
    assert "Set-Cookie" not in response.headers
    assert "Cookie" not in response.headers.get("Vary", "")


def test_a_vendor_that_never_repeats_what_was_refused_hears_what_it_does_repeat(
    site: Site, reader: Reader, sent: WebhookRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped secret must lose nothing."""
    assert ToyConnector.spec.webhook is not None
    webhook = dataclasses.replace(ToyConnector.spec.webhook, refuse_status=503)
    spec = dataclasses.replace(ToyConnector.spec, webhook=webhook)
    monkeypatch.setattr(ToyConnector, "spec", spec)
    assert reader.post("/webhooks/toy", sent.body).status_code == 503
    assert refusals(site) == [(503, "unverified", len(sent.body))]


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-toy-signature": "0" * 64}, {"x-toy-signature": "ü"}, {"x-toy-signature": ""}],
)
def test_an_unverified_webhook_hears_401_and_no_reason(
    site: Site, reader: Reader, sent: WebhookRequest, headers: dict[str, str]
) -> None:
    response = reader.post("/webhooks/toy", sent.body, headers={"x-toy-id": "d1", **headers})
    assert (response.status_code, response.text) == (401, "unauthorized\n")
    assert refusals(site) == [(401, "unverified", len(sent.body))]
    assert stored(site) == 0


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "image/png", "", "x;;=ü"]
)
def test_no_content_type_is_refused(
    reader: Reader, sent: WebhookRequest, content_type: str
) -> None:
    headers = {**sent.headers, "Content-Type": content_type}
    assert reader.post("/webhooks/toy", sent.body, headers=headers).status_code == 200


@pytest.mark.parametrize("id_", ["nobody", "a" * 500, "%00", "toy'--", "あ"])
def test_an_unknown_connection_is_not_found(
    site: Site, reader: Reader, sent: WebhookRequest, id_: str
) -> None:
    response = deliver(reader, sent, id_)
    assert (response.status_code, response.text) == (404, "not found\n")
    assert refusals(site) == []


def test_a_removed_connection_is_gone(site: Site, reader: Reader, sent: WebhookRequest) -> None:
    with site.runtime.database.begin() as session:
        session.get_one(Connection, "toy").removed_at = site.world.clock()
    assert deliver(reader, sent).status_code == 410
    assert refusals(site) == [(410, "removed", len(sent.body))]
    assert stored(site) == 0


def test_a_body_over_one_mebibyte_is_refused_and_kept_as_a_refusal(
    site: Site, reader: Reader
) -> None:
    assert reader.post("/webhooks/toy", b"x" * (MIB + 1)).status_code == 413
    assert reader.post("/webhooks/toy", b"x" * MIB).status_code == 401
    assert refusals(site) == [(413, "too_large", MIB + 1), (401, "unverified", MIB)]


@pytest.fixture
def port(site: Site) -> Iterator[int]:
    """The app behind waitress, as 'careerrelay serve' runs it."""
    server = create_server(site.app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port  # type: ignore[union-attr]
    server.close()
    thread.join(timeout=10)


def over_http(port: int, chunks: list[bytes], headers: dict[str, str]) -> tuple[int, str]:
    """POST in chunks, without a length."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", "/webhooks/toy", iter(chunks), headers, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_chunked_body_is_read_whole(site: Site, port: int, sent: WebhookRequest) -> None:
    headers = {**sent.headers, "Transfer-Encoding": "chunked"}
    middle = len(sent.body) // 2
    assert over_http(port, [sent.body[:middle], sent.body[middle:]], headers)[0] == 200
    assert stored(site) == 1


def test_a_chunked_body_over_one_mebibyte_is_refused(
    site: Site, port: int, sent: WebhookRequest
) -> None:
    headers = {**sent.headers, "Transfer-Encoding": "chunked"}
    assert over_http(port, [b"x" * 65536] * 17, headers)[0] == 413
    assert [r[:2] for r in refusals(site)] == [(413, "too_large")]
    assert stored(site) == 0


def test_a_browser_is_told_what_the_address_is_for(reader: Reader) -> None:
    for ask in (reader.get, reader.head):
        for id_ in ("toy", "nobody"):
            response = ask(f"/webhooks/{id_}")
            assert response.status_code == 405
            assert response.headers["Allow"] == "POST"
            assert response.mimetype == "text/plain"
    assert "POST" in reader.get("/webhooks/toy").text


def test_other_methods_hear_405_in_one_plain_line(reader: Reader) -> None:
    response = reader._send("PUT", "/webhooks/toy")
    assert (response.status_code, response.text) == (405, "method not allowed\n")


def test_overload_asks_the_sender_to_come_again(
    site: Site, reader: Reader, sent: WebhookRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_ingest: object, _row: object) -> bool:
        raise OverloadedError("too many signals at once", retry_after=7)

    monkeypatch.setattr("careerrelay.engine.ingest.Ingest.store", full)
    response = deliver(reader, sent)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "7")


def test_a_store_that_cannot_commit_acknowledges_nothing(
    site: Site, reader: Reader, sent: WebhookRequest
) -> None:
    with site.runtime.database.begin() as session:
        session.execute(text("ALTER TABLE signals RENAME TO elsewhere"))
    response = deliver(reader, sent)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    with site.runtime.database.begin() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO signals"))
    assert deliver(reader, sent).status_code == 200


def test_a_store_that_cannot_be_read_asks_to_come_again(
    site: Site, reader: Reader, sent: WebhookRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> NoReturn:
        raise OperationalError("", {}, OSError("away"))

    monkeypatch.setattr(type(site.runtime.database), "read", away)
    response = deliver(reader, sent)
    assert (response.status_code, response.text) == (503, "service unavailable\n")
    assert int(response.headers["Retry-After"]) > 0


def test_a_connection_with_a_missing_setting_is_our_fault_and_comes_again(
    site: Site, reader: Reader, sent: WebhookRequest
) -> None:
    with site.runtime.database.begin() as session:
        session.get_one(Connection, "toy").secrets = {}
    response = deliver(reader, sent)
    assert (response.status_code, response.text) == (503, "service unavailable\n")
    assert int(response.headers["Retry-After"]) > 0


def test_a_handshake_is_answered_as_the_vendor_wants_it(
    site: Site, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_connector: object, request: WebhookRequest) -> WebhookReply:
        return WebhookReply(202, json.loads(request.body)["challenge"].encode(), {"X-Hook": "1"})

    monkeypatch.setattr("tests.support.toy.ToyConnector.answer_handshake", answer)
    response = reader.post("/webhooks/toy", b'{"challenge": "abc"}')
    assert (response.status_code, response.text) == (202, "abc")
    assert response.headers["X-Hook"] == "1"
    assert stored(site) == 0


def test_a_flood_of_refused_requests_is_not_kept_and_locks_no_vendor_out(
    site: Site, reader: Reader, sent: WebhookRequest
) -> None:
    answers = [reader.post("/webhooks/toy", b"x") for _ in range(61)]
    assert [a.status_code for a in answers] == [401] * 60 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert len(refusals(site)) == 60
    assert deliver(reader, sent).status_code == 200


def test_a_bug_tells_the_sender_nothing_and_the_log_no_datum(
    site: Site,
    reader: Reader,
    sent: WebhookRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("person1@example.com")

    monkeypatch.setattr(signals, "signal_row", broken)
    response = deliver(reader, sent)
    assert (response.status_code, response.text) == (500, "internal server error\n")
    logged = capsys.readouterr()
    assert "page_bug" in logged.out
    assert "person1@" not in logged.out + logged.err


def test_one_web_hook_looks_its_connection_up_again_while_the_others_go_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a burst would look up the same row thirty times at once, every second."""
    now, looked_up = [0.0], [0]
    desk = reception.Reception(site.runtime, clock=lambda: now[0])
    known = desk.connection("toy")

    def meanwhile(look_up: Callable[[], Connection | None], **_: object) -> Connection | None:
        looked_up[0] += 1
        assert desk.connection("toy") is known
        return look_up()

    monkeypatch.setattr(reception, "elsewhere", meanwhile)
    now[0] = reception.FRESH_SECONDS
    fresh = desk.connection("toy")
    assert fresh is not known
    assert desk.connection("toy") is fresh
    assert looked_up == [1]


def test_a_connection_that_cannot_be_looked_up_is_not_taken_for_what_it_was_for_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been removed meanwhile, or its secret changed."""
    now = [0.0]
    desk = reception.Reception(site.runtime, clock=lambda: now[0])
    known = desk.connection("toy")

    def fail(*_: object, **__: object) -> NoReturn:
        raise OverloadedError("no answer in time")

    monkeypatch.setattr(reception, "elsewhere", fail)
    now[0] = reception.FRESH_SECONDS
    with pytest.raises(OverloadedError):
        desk.connection("toy")
    assert desk.connection("toy") is known
    for _ in range(3):
        now[0] += reception.FRESH_SECONDS
        for _ in range(2):
            with pytest.raises(OverloadedError):
                desk.connection("toy")
