"""An ATS and its webhook sender that take as little of the measured cores as they can.

Both keep their connections, as real ATSs do. The ATS holds one link a person and notes when each
was first written; the sender is the disasters' own, with plain HTTP and everything signed before.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from careerrelay.models.events import WebhookRequest
from tests.disaster.counting_ats import CountingAts
from tests.disaster.senders import RETRY_SECONDS, TIMEOUT, Sender

_SPLIT = b"\r\n\r\n"
_LENGTH = b"content-length:"


class LightAts(CountingAts):
    """``/people/<person>/link`` alone, from one thread."""

    def __init__(self) -> None:
        super().__init__()
        self.link_of: dict[str, bytes] = {}
        self.written: dict[str, float] = {}
        """When each person's link was written first."""

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(
            loop.create_server(lambda: _Answering(self), "127.0.0.1", port)
        )
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            server.close()

    def answer(self, method: bytes, person: str, body: bytes) -> bytes:
        """The link, or nothing once it is written."""
        if method == b"PUT":
            self.written.setdefault(person, time.monotonic())
            self.link_of[person] = body
            return b"null"
        return self.link_of.get(person, b'""')


class _Answering(asyncio.Protocol):
    """One connection; the next request comes when the last was answered."""

    def __init__(self, ats: LightAts) -> None:
        self._ats = ats
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(_SPLIT)
        lines = head.splitlines()
        lengths = (line[len(_LENGTH) :] for line in lines if line.lower().startswith(_LENGTH))
        if not found or len(body) < int(next(lengths, b"0")):
            return
        self._read = b""
        method, path, _ = lines[0].split()
        answer = self._ats.answer(method, path.split(b"/")[2].decode(), body)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        self._transport.write(head + str(len(answer)).encode() + _SPLIT + answer)


class LightSender(Sender):
    """The same promise: what was not answered with 2xx is sent again."""

    def _work(self) -> None:
        url = urlsplit(self.url)
        connection = HTTPConnection(str(url.hostname), url.port, timeout=TIMEOUT)
        while (sent := self._waiting.get()) is not None:
            while not self._taken(connection, url.path, sent):
                time.sleep(RETRY_SECONDS)
        connection.close()

    def _taken(self, connection: HTTPConnection, path: str, sent: WebhookRequest) -> bool:
        try:
            connection.request("POST", path, sent.body, dict(sent.headers))
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            connection.close()
            return False
        if answer.status < 300:
            with self._lock:
                self.acknowledged[sent.headers["x-toy-id"]] += 1
        return answer.status < 300
