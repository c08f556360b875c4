"""The sending half of a stand-in: webhooks go out as the vendor sends them, failures again."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

POST_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand over one webhook. ``status`` None: no answer."""

    url: str
    number: int
    """1 for the first try."""
    status: int | None
    at: datetime
    body: bytes = field(repr=False)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
    """POST and return the status; None when nothing answered in ten seconds."""
    answer = ask(url, body, headers)
    return None if answer is None else answer[0]


def ask(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]] | None:
    """POST and return status and headers (names in lower case); None: no answer."""
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body=body, headers=dict(headers))
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=POST_SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=POST_SECONDS)


class Deliveries:
    """Hands webhooks over in background threads, again and again on the vendor's schedule."""

    def __init__(
        self,
        *,
        accepted: Callable[[int], bool],
        pauses: Callable[[], tuple[float, ...]],
        clock: Callable[[], datetime],
    ) -> None:
        self.attempts: list[Attempt] = []
        self._accepted = accepted
        self._pauses = pauses
        self._clock = clock
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Start handing over; returns at once."""
        thread = threading.Thread(
            target=self._hand_over, args=(url, body, dict(headers)), name="webhook", daemon=True
        )
        with self._lock:
            self._threads = [t for t in self._threads if t.is_alive()] + [thread]
            thread.start()

    def try_once(self, url: str, body: bytes, headers: Mapping[str, str], number: int = 1) -> bool:
        """One try, noted in ``attempts``; True if the vendor would call it delivered."""
        status = post(url, body, headers)
        with self._lock:
            self.attempts.append(Attempt(url, number, status, self._clock(), body))
        return status is not None and self._accepted(status)

    def wait(self, *, seconds: float) -> bool:
        """Wait for all that is under way; False if something still is."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(seconds)
        return not any(thread.is_alive() for thread in threads)

    def resume(self) -> None:
        """Take deliveries on again after ``stop``."""
        self._stop.clear()

    def stop(self) -> None:
        """Give up what is not delivered yet and wait for the threads."""
        self._stop.set()
        self.wait(seconds=POST_SECONDS + 1)

    def _hand_over(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        for number, pause in enumerate((0.0, *self._pauses()), start=1):
            if self._stop.wait(pause) or self.try_once(url, body, headers, number):
                return
