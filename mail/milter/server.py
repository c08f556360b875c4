"""The milter's listener, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

from .desk import MilterDesk
from .dialogue import converse
from .house import MilterHouse, MilterSettings
from .place import Place, bound_file

_TURNS_SECONDS = 0.05
"""A few turns of the loop, in which connections that were just ended are closed."""


class MilterServer:
    """``start`` returns once it listens; ``stop`` lets answers that are being made go out.

    The protocol has neither encryption nor sign-in: who may connect is a matter of the socket
    file's mode, or of the address. ``share_port``: as of the relay; a socket file is one
    process's alone.
    """

    def __init__(
        self,
        desk: MilterDesk,
        settings: MilterSettings,
        *,
        place: Place,
        share_port: bool = False,
    ) -> None:
        self._desk = desk
        self._settings = settings
        self._place = place
        self._share_port = share_port
        self._listening: Future[Place] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="milter", daemon=True)

    def start(self) -> Place:
        """Where it listens: its port, if any was asked for. Raises OSError where it cannot."""
        self._thread.start()
        return self._listening.result(timeout=30)

    def stop(self) -> None:
        """After ``start``, whatever became of it."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=self._settings.end_seconds + 10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._listening.set_exception(error)

    async def _serve(self) -> None:
        house = MilterHouse(self._desk, self._settings)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(house, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            # Not by the task itself: one that is cancelled before its first step does nothing.
            task.add_done_callback(lambda _: writer.close())

        if self._place.path:
            file = bound_file(self._place.path)
            server = await asyncio.start_unix_server(connected, sock=file)
            self._opened(self._place)
        else:
            server = await asyncio.start_server(
                connected, self._place.host, self._place.port, reuse_port=self._share_port or None
            )
            port = server.sockets[0].getsockname()[1]
            self._opened(self._place._replace(port=port))
        await self._stop.wait()
        server.close()
        await house.close(self._tasks)
        await asyncio.sleep(_TURNS_SECONDS)

    def _opened(self, place: Place) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening.set_result(place)

    async def _connection(
        self, house: MilterHouse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        peer = writer.get_extra_info("peername")
        if not house.enter(str(peer[0]) if isinstance(peer, tuple) else ""):
            return
        try:
            await converse(house, reader, writer)
        finally:
            house.leave()
