"""No network: for code that must only look at bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from unittest import mock

CLOSED = "code that must do no I/O used the network"


def _closed(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError(CLOSED)


@contextmanager
def closed_network() -> Iterator[None]:
    """Inside, opening a connection or looking a name up raises AssertionError."""
    with (
        mock.patch.object(socket.socket, "connect", _closed),
        mock.patch.object(socket.socket, "connect_ex", _closed),
        mock.patch.object(socket, "getaddrinfo", _closed),
        mock.patch.object(socket, "gethostbyname", _closed),
    ):
        yield
