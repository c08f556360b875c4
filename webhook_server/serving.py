"""The embedded web server: waitress, stopped so that every request begun is answered.

waitress's own ``run`` drops what its threads have finished but not yet sent when a signal
arrives; a webhook stored and not acknowledged comes again, so nothing would be lost, but every
restart would look like an outage to the ATS. Hence the loop is ours.
https://docs.pylonsproject.org/projects/waitress/en/stable/
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.server import create_server
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import BadRequest

from .lane import Lane
from .webhooks import PATH as WEBHOOKS

log = structlog.get_logger(__name__)

LARGEST_BODY = 4 * 1024 * 1024
"""Beyond it waitress answers 413 itself; the app refuses, and records, from 1 MiB on. What is
between half a MiB and it waits in a file, not in memory."""
LARGEST_HEADER = 32 * 1024
"""All lines together; waitress's own 256 KiB are seconds of work, such as for a list of languages
that never ends. gunicorn takes 8 KiB a line."""
LONGEST_CHUNK_LINE = 4 * 1024
"""A size and its extensions, or all trailers. waitress takes as much as of a body."""
DRAIN_SECONDS = 15.0


class Serving:
    """One listening server for a WSGI app. Made: listening. ``run`` until ``stop``."""

    def __init__(
        self,
        app: Any,
        *,
        host: str,
        port: int,
        threads: int,
        largest_body: Callable[[str], int] = lambda _path: LARGEST_BODY,
        by_turns: str = WEBHOOKS,
    ) -> None:
        """``largest_body`` of a path is asked before a body is taken, so it has to be quick.

        Requests whose path begins with ``by_turns`` share a lane; all others have ``threads``.

        Raises OSError where the address cannot be listened on.
        """
        self._map: dict[int, Any] = {}
        self._stop = threading.Event()
        self._lane = Lane("webhooks", wake=self._wake)
        self._server = create_server(
            app,
            map=self._map,
            _dispatcher=_Dispatcher(by_turns, self._lane, threads=threads),
            host=host,
            port=port,
            ident="",
            max_request_header_size=LARGEST_HEADER,
            max_request_body_size=LARGEST_BODY,
            clear_untrusted_proxy_headers=False,
            asyncore_use_poll=True,
        )
        for listener in _listeners(self._map):
            listener.channel_class = _channel_class(largest_body)
        self.port: int = int(_listeners(self._map)[0].socket.getsockname()[1])

    def run(self) -> None:
        """Serve until ``stop``, then answer what was begun; returns when all of that is out."""
        while not self._stop.is_set():
            self._turn()
        for listener in _listeners(self._map):
            # Only its socket: the channels still need its trigger.
            wasyncore.dispatcher.close(listener)
        self._drain()
        self._lane.stop()
        self._server.task_dispatcher.shutdown(timeout=1)
        wasyncore.close_all(self._map)

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self._stop.set()
        self._wake()

    def _wake(self) -> None:
        for dispatcher in list(self._map.values()):
            pull = getattr(dispatcher, "pull_trigger", None)
            if pull is not None:
                with suppress(OSError):  # closed meanwhile: nobody is left to be woken
                    pull()
                return

    def _turn(self) -> None:
        wasyncore.loop(timeout=self._lane.patience(), use_poll=True, map=self._map, count=1)
        self._lane.work()

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN_SECONDS
        while channels := [c for c in self._map.values() if isinstance(c, HTTPChannel)]:
            for channel in channels:
                if not channel.requests and channel.request is None:
                    # Between two requests: kept open for a next one that will not be taken.
                    channel.will_close = True
            if time.monotonic() > deadline:
                log.warning("requests_cut_off", connections=len(channels))
                return
            self._turn()


class _Dispatcher(ThreadedTaskDispatcher):
    """waitress's threads, and the lane of those that wait for the same."""

    def __init__(self, by_turns: str, lane: Lane, *, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)
        self._by_turns = by_turns
        self._lane = lane

    def add_task(self, task: Any) -> None:
        # What cannot be read has no path. Where an answer before it is not sent yet, only a
        # thread may wait for that.
        path = getattr(task.requests[0], "path", "")
        if path.startswith(self._by_turns) and not task.total_outbufs_len:
            self._lane.run(task.service)
        else:
            super().add_task(task)


class _Channel(HTTPChannel):
    """waitress's, for a loop that sleeps while a thread sends its answer.

    What that thread has not sent yet makes waitress's own loop look again and again whether it
    should send it, without being allowed to, and take the interpreter from the thread: under load
    as much time as the answers themselves. ``service`` wakes the loop when it is through.
    """

    def writable(self) -> bool:
        return bool(super().writable()) and not self._is_being_sent()

    def _is_being_sent(self) -> bool:
        # Beyond that the thread waits for the loop.
        if not self.requests or self.total_outbufs_len > self.adj.outbuf_high_watermark:
            return False
        if self.outbuf_lock.acquire(blocking=False):
            self.outbuf_lock.release()
            return False
        return True


def _channel_class(largest_body: Callable[[str], int]) -> type[HTTPChannel]:
    """waitress knows one limit, and puts so much of anybody's body on the disk.

    It also reads on in what no client sends, for the one thread that serves all connections.
    """

    class Parser(HTTPRequestParser):
        def received(self, data: bytes) -> int:
            consumed: int = super().received(data)
            if self.error is not None:
                # Nobody is asked to go on with a body that is refused already.
                self.expect_continue = False
            elif _is_endless(self.body_rcv):
                self.error = BadRequest("A line between chunks is too long")
                self.completed = True
            return consumed

        def parse_header(self, header_plus: bytes) -> None:
            try:
                super().parse_header(header_plus)
            except ValueError:
                # A port or a length that is no number of Python's would otherwise end the
                # connection without an answer, with the client's address in the log.
                raise ParsingError("Start line or Content-Length is invalid") from None
            most = largest_body(str(self.path))  # type: ignore[attr-defined] - set by waitress's own
            if most > self.adj.max_request_body_size:
                self.adj = copy.copy(self.adj)
                self.adj.max_request_body_size = most

    class Channel(_Channel):
        parser_class = Parser

    return Channel


def _is_endless(receiver: Any) -> bool:
    """Each byte more of such a line has all of it copied and searched once more."""
    if not isinstance(receiver, ChunkedReceiver):
        return False
    return max(len(receiver.control_line), len(receiver.trailer)) > LONGEST_CHUNK_LINE


def _listeners(sockets: dict[int, Any]) -> list[Any]:
    return [s for s in sockets.values() if getattr(s, "accepting", False)]
