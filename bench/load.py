"""The load generator, a process of its own: keep-alive connections that post signed webhooks.

    python -m bench.load http://127.0.0.1:8080/webhooks/bench CONNECTIONS SECONDS [bare]

``bare``: the signature without the name of its algorithm.
Each connection sends its next request when the answer to the last one is there. Every delivery has
an id of its own, so nothing is a duplicate. Prints JSON: requests a second, p50 and p99 in
milliseconds, answers by status.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import SplitResult, urlsplit

from bench.webhooks import signed
from careerrelay.models.tables import new_id

WARM_UP_SECONDS = 0.7


@dataclass
class Tally:
    """What was answered since the warm-up ended."""

    measuring: bool = False
    ending: bool = False
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)


class Sender(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Iterator[bytes], tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.closed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        request = None if self._tally.ending else next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or len(rest) < _content_length(head):
            return
        self._buffer = b""
        if self._tally.measuring:
            self._tally.latencies.append(time.perf_counter() - self._sent_at)
            self._tally.statuses[int(head[9:12])] += 1
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if not self.closed.done():
            self.closed.set_result(None)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


def request_bytes(url: SplitResult, *, delivery: str, body: bytes, signature: str) -> bytes:
    """One whole request."""
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nSignature: {signature}\r\n"
        f"Greenhouse-Event-ID: {delivery}\r\n\r\n"
    )
    return head.encode() + body


def endless(url: SplitResult, *, bare: bool) -> Iterator[bytes]:
    """The same rejection, each time as another delivery."""
    body, signature = signed(1)
    signature = signature.removeprefix("sha256 ") if bare else signature
    run = new_id()
    for number in count():
        yield request_bytes(url, delivery=f"{run}-{number}", body=body, signature=signature)


async def measure(
    url: SplitResult, *, connections: int, seconds: float, bare: bool
) -> dict[str, object]:
    """Post for so long, after a warm-up."""
    tally, requests = Tally(), endless(url, bare=bare)
    loop = asyncio.get_running_loop()
    senders = [
        (
            await loop.create_connection(
                lambda: Sender(requests, tally), url.hostname or "127.0.0.1", url.port or 80
            )
        )[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(WARM_UP_SECONDS)
    tally.measuring, began = True, time.perf_counter()
    await asyncio.sleep(seconds)
    tally.measuring, took = False, time.perf_counter() - began
    tally.ending = True
    await asyncio.gather(*(sender.closed for sender in senders))
    return summary(tally, took=took)


def summary(tally: Tally, *, took: float) -> dict[str, object]:
    """What the parent reads."""
    ordered = sorted(tally.latencies) or [float("nan")]
    return {
        "rate": len(tally.latencies) / took,
        "p50": ordered[len(ordered) // 2] * 1000,
        "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
        "statuses": tally.statuses,
    }


if __name__ == "__main__":
    address, connections_, seconds_, *how = sys.argv[1:]
    measured = measure(
        urlsplit(address),
        connections=int(connections_),
        seconds=float(seconds_),
        bare=how == ["bare"],
    )
    print(json.dumps(asyncio.run(measured)))
