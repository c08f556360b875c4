"""The listener of the mail relay, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from concurrent.futures import Future
from functools import partial

from .desk import Desk
from .house import House, RelaySettings
from .session import RelaySession

# It logs every command with its addresses.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class RelayServer:
    """``start`` returns once it listens; ``stop`` lets sessions that hold a mail come to its end.

    Without ``tls`` it listens on this machine alone, and passwords may cross it in the clear.
    ``share_port``: other processes of the same user may listen there too; the system deals new
    connections out among them.
    """

    def __init__(
        self,
        desk: Desk,
        settings: RelaySettings,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        share_port: bool = False,
    ) -> None:
        self._desk = desk
        self._settings = settings
        self._host = host
        self._wanted_port = port
        self._tls = tls
        self._share_port = share_port
        self._listening: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on; waits until it does. Raises OSError where it cannot."""
        return self._listening.result(timeout=30)

    def start(self) -> int:
        self._thread.start()
        return self.port

    def stop(self) -> None:
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # it has stopped already
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=self._settings.end_seconds + 10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            if not self._listening.done():
                self._listening.set_exception(error)
                return
            raise

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        house = House(self._desk, self._settings)
        make = partial(self._session, house)
        server = await self._loop.create_server(
            make, self._host, self._wanted_port, reuse_port=self._share_port or None
        )
        self._listening.set_result(server.sockets[0].getsockname()[1])
        await self._stop.wait()
        server.close()
        await house.close()

    def _session(self, house: House) -> RelaySession:
        return RelaySession(
            house,
            hostname=self._settings.hostname,
            ident="ESMTP CareerRelay",
            data_size_limit=self._settings.max_bytes,
            enable_SMTPUTF8=True,
            tls_context=self._tls,
            auth_require_tls=self._tls is not None,
            timeout=self._settings.idle_seconds,
            loop=self._loop,
        )
