"""Which ports the demo listens on."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from dataclasses import dataclass

from ...models.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Ports:
    """Of the server, the sandbox ATS, the mailbox's page, its SMTP side, and the mail relay."""

    server: int
    ats: int
    mailbox: int
    smtp: int
    relay: int


def choose(base: int | None) -> Ports:
    """``base`` and the four after it, or any five that are free. Raises ConfigurationError."""
    with ExitStack() as stack:
        # All five are held at once, so that none is given out twice.
        return Ports(*(_try(stack, base + n if base else 0) for n in range(5)))


def _try(stack: ExitStack, port: int) -> int:
    listener = stack.enter_context(socket.socket())
    # As the servers do: a port whose last user has just gone is free.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise ConfigurationError(
            f"--port: the port {port} is taken ({error.strerror}); name another one"
        ) from None
    return listener.getsockname()[1]
