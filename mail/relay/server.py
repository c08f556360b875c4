"""The listener of the mail relay, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from concurrent.futures import Future

from .desk import Desk
from .house import House, RelaySettings
from .session import RelaySession

# It logs every command with its addresses.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class RelayServer:
    """``start`` returns once it listens; ``stop`` lets sessions that hold a mail come to its end.

    Without ``tls`` it listens on this machine alone, and passwords may cross it in the clear.
    """

    def __init__(
        self,
        desk: Desk,
        settings: RelaySettings,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._house = House(desk, settings)
        self._host = host
        self._wanted_port = port
        self._tls = tls
        self._listening: Future[int] = Future()
        self._ended = threading.Event()
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
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=30)
        self._house.threads.shutdown(wait=True, cancel_futures=True)

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
        server = await self._loop.create_server(self._session, self._host, self._wanted_port)
        self._listening.set_result(server.sockets[0].getsockname()[1])
        async with server:
            await self._stop.wait()

    def _session(self) -> RelaySession:
        settings = self._house.settings
        return RelaySession(
            self._house,
            hostname=settings.hostname,
            ident="ESMTP CareerRelay",
            data_size_limit=150 << 20,
            tls_context=self._tls,
            require_starttls=False,
            auth_require_tls=self._tls is not None,
            timeout=settings.idle_seconds,
            loop=self._loop,
        )
