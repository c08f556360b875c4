"""The built-in server among requests that no client sends: an answer, soon, and the next one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from flask import Flask, Response, request

from careerrelay.webhook_server.serving import LARGEST_BODY, LONGEST_CHUNK_LINE, Serving

WAIT = 30
LARGE = LARGEST_BODY + 1
Send = Callable[..., list[bytes]]
CHUNKED = b"Transfer-Encoding: chunked\r\n"


MUCH = 24 * 1024 * 1024
"""More than goes into the buffers of a client that does not read yet."""


def app() -> Flask:
    made = Flask("echo")
    made.add_url_rule("/much", "much", view_func=lambda: Response(b"x" * MUCH))
    made.add_url_rule(
        "/webhooks/<path:_path>",
        "thread",
        view_func=lambda _path: threading.current_thread().name,
        methods=["POST"],
    )
    made.add_url_rule(
        "/<path:path>",
        view_func=lambda path: f"{path} {len(request.get_data())}",
        methods=["GET", "POST"],
    )
    return made


@pytest.fixture(scope="module")
def send() -> Iterator[Send]:
    """Bytes to a server of which ``/large`` takes twice as much; the answers, until it hangs up."""

    def room(path: str) -> int:
        return LARGEST_BODY * (2 if path == "/large" else 1)

    serving = Serving(app(), host="127.0.0.1", port=0, threads=1, largest_body=room)
    server = threading.Thread(target=serving.run, name="server")
    server.start()

    def sent(*parts: bytes) -> list[bytes]:
        told = b""
        with socket.create_connection(("127.0.0.1", serving.port), timeout=WAIT) as client:
            # Either may be hung up on with bytes unread.
            with suppress(ConnectionResetError, BrokenPipeError):
                for part in parts:
                    client.sendall(part)
            with suppress(ConnectionResetError):
                while got := client.recv(65536):
                    told += got
        return told.split(b"HTTP/1.")[1:]

    yield sent
    serving.stop()
    server.join(WAIT)


def post(path: str, *headers: bytes, body: bytes = b"", last: bool = True) -> bytes:
    end = b"Connection: close\r\n" if last else b""
    return b"".join([f"POST {path} HTTP/1.1\r\n".encode(), *headers, end, b"\r\n", body])


def length(number: int) -> bytes:
    return f"Content-Length: {number}\r\n".encode()


def codes(answers: list[bytes]) -> list[bytes]:
    return [answer.split(b" ")[1] for answer in answers]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET http://[ HTTP/1.1\r\n\r\n",
        post("/x", b"Content-Length: " + b"9" * 5000 + b"\r\n"),
        post("/x", b"Content-Length: -1\r\n"),
        post("/x", length(1), length(2), body=b"ab"),
        post("/x", CHUNKED, body=b"xyz\r\n"),
        b"GET\r\n\r\n",
    ],
    ids=["no address", "length without end", "less than nothing", "two lengths", "no size", "bare"],
)
def test_what_cannot_be_read_is_answered_and_no_line_of_a_log(
    send: Send, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    assert codes(send(request_)) == [b"400"]
    assert "127.0.0.1" not in caplog.text


@pytest.mark.parametrize("start", [b"", b"0\r\nA: "], ids=["size", "trailer"])
@pytest.mark.parametrize("path", ["/x", "/large"])
def test_line_between_chunks_that_never_ends_is_not_read_on(
    send: Send, path: str, start: bytes
) -> None:
    """A few megabytes of it would keep the one thread of all connections for seconds."""
    endless = start + b"1" * (LONGEST_CHUNK_LINE + 1)
    assert codes(send(post(path, CHUNKED, body=endless))) == [b"400"]


@pytest.mark.parametrize(
    "body",
    [
        b"3\r\nabc\r\n0\r\n\r\n",
        b"3;a=b\r\nabc\r\n0\r\nExpires: now\r\n\r\n",
        b"1\r\na\r\n" * 3 + b"0\r\n\r\n",
    ],
)
def test_chunks_as_clients_send_them_are_taken(send: Send, body: bytes) -> None:
    (answer,) = send(post("/x", CHUNKED, body=body))
    assert answer.endswith(b"x 3")


@pytest.mark.parametrize(("path", "code"), [("/x", b"413"), ("/large", b"200")])
def test_limit_holds_for_chunks_as_for_lengths(send: Send, path: str, code: bytes) -> None:
    body = f"{LARGE:x}\r\n".encode() + bytes(LARGE) + b"\r\n0\r\n\r\n"
    assert codes(send(post(path, CHUNKED, body=body))) == [code]


def test_limit_is_each_requests_own_on_one_connection(send: Send) -> None:
    first = post("/large", length(LARGE), body=bytes(LARGE), last=False)
    assert codes(send(first, post("/x", length(LARGE)))) == [b"200", b"413"]
    first = post("/x", length(3), body=b"abc", last=False)
    second = post("/large", length(LARGE), body=bytes(LARGE))
    assert codes(send(first, second)) == [b"200", b"200"]


@pytest.mark.parametrize("path", ["/large/", "/large/x", "//large", "/x?/large", "/x#/large"])
def test_path_beside_the_one_that_takes_more_takes_no_more(send: Send, path: str) -> None:
    assert codes(send(post(path, length(LARGE)))) == [b"413"]


def test_nobody_is_asked_to_go_on_with_a_body_that_is_refused(send: Send) -> None:
    expects = b"Expect: 100-continue\r\n"
    assert codes(send(post("/x", length(LARGE), expects))) == [b"413"]
    assert codes(send(post("/x", length(3), expects, body=b"abc"))) == [b"100", b"200"]


def test_body_that_is_longer_than_it_says_is_not_read_as_its_part(send: Send) -> None:
    answers = send(post("/x", length(3), body=b"abc", last=False), post("/next", length(0)))
    assert [answer.rpartition(b"\r\n")[2] for answer in answers] == [b"x 3", b"next 0"]


def test_headers_in_great_number_are_refused_as_a_long_one_is(send: Send) -> None:
    assert codes(send(post("/x", *[b"A: b\r\n"] * 6000))) == [b"431"]


def test_web_hooks_are_answered_by_the_thread_that_reads_them(send: Send) -> None:
    (answer,) = send(post("/webhooks/x"))
    assert answer.endswith(b"\r\n\r\nserver")


def test_who_does_not_read_their_answer_keeps_that_thread_from_nothing(send: Send) -> None:
    """A web hook behind a page on the same connection: a thread of pages waits for the client."""
    page, answer = send(b"GET /much HTTP/1.1\r\n\r\n" + post("/webhooks/x"))
    assert len(page) > MUCH
    assert not answer.endswith(b"\r\n\r\nserver")
