"""Where a milter listens: ``inet:PORT@HOST`` or ``unix:PATH``, as milters have always said it."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from typing import NamedTuple

from ...models.errors import ConfigurationError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MODE = 0o660
"""Of the socket file: the MTA's user has to be in the group of its folder."""
_INET = re.compile(r"inet:(\d{1,5})@\[?([^\s\[\]@/]+)\]?")
_UNIX = re.compile(r"(?:unix|local):(/[^\0]+)")


class Place(NamedTuple):
    """A TCP address, or the path of a socket file."""

    host: str = ""
    port: int = 0
    path: str = ""

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else f"inet:{self.port}@{self.host}"

    @property
    def is_this_machine(self) -> bool:
        """Nobody can come from elsewhere."""
        return bool(self.path) or self.host == "localhost" or _is_loopback(self.host)


def read_place(text: str) -> Place:
    """Raises ConfigurationError."""
    unix, inet = _UNIX.fullmatch(text), _INET.fullmatch(text)
    if unix:
        return Place(path=unix[1])
    if inet and 0 <= int(inet[1]) <= 65535:
        return Place(host=inet[2], port=int(inet[1]))
    raise ConfigurationError(
        "[mail_relay] milter: must be inet:PORT@HOST or unix:/PATH, like inet:8894@127.0.0.1"
    )


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks with blanks or commas between. Raises ConfigurationError."""
    try:
        return tuple(ipaddress.ip_network(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise ConfigurationError(
            "[mail_relay] milter_peers: must be addresses or networks, like 192.0.2.10/32"
        ) from None


def bound_file(path: str) -> socket.socket:
    """The socket of ``path``, for its owner and group only before anybody can connect.

    A file that a dead process has left is taken away. Raises OSError.
    """
    _clear(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.bind(path)
        os.chmod(path, MODE)
    except OSError:
        made.close()
        raise
    return made


def _clear(path: str) -> None:
    """Raises OSError where somebody listens there, or it is no socket."""
    try:
        is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        if is_socket and asking.connect_ex(path):
            os.unlink(path)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
