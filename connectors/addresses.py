"""Which addresses an outgoing call may reach: looked up once, checked, and used as checked.

A company types base URLs into a form, so without this a tenant could point us at the metadata
service or the database of the machine we run on. The name is resolved exactly once, each
answer is judged, and the socket is opened to the judged address itself: a second look-up could
answer differently (DNS rebinding). Host header, SNI and the certificate check keep the name.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from ..models.errors import ConfigurationError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Connect = Callable[[HTTPConnection], socket.socket]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""


def is_public(address: str) -> bool:
    """Whether an IP address (v4, v6, or v6 with a v4 inside) belongs to the public internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return all(a.is_global and not a.is_multicast for a in (parsed, *_embedded(parsed)))


def _embedded(address: Address) -> tuple[Address, ...]:
    """IPv4 addresses that a v6 address stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found: list[Address] = [a for a in (address.ipv4_mapped, address.sixtofour) if a]
    found += address.teredo or ()
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, in the resolver's order. Raises socket.gaierror."""
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_url(url: str, *, allow_private: bool, what: str) -> SplitResult:
    """The parts of an absolute URL we may call; ``what`` names it in the message.

    Raises ConfigurationError for another scheme, no host, a user name or password inside, or
    plain http where the installation does not allow private addresses.
    """
    try:
        parts = urlsplit(url)
        credentials = parts.username is not None or parts.password is not None
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ConfigurationError(f"{what} is not a URL") from None
    if credentials:
        raise ConfigurationError(f"{what} must not hold a user name or password")
    if not usable or parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"{what} must be an absolute https:// URL")
    if parts.scheme == "http" and not allow_private:
        raise ConfigurationError(f"{what} must start with https://")
    return parts


def pool_classes(what: str, *, allow_private: bool) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's two connection pools, opening sockets by the rule of this module."""

    def connect(connection: HTTPConnection) -> socket.socket:
        return _connect(connection, what=what, allow_private=allow_private)

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain  # type: ignore[assignment] - urllib3 types its own protocol narrower

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls  # type: ignore[assignment] - urllib3 types its own protocol narrower

    return {"http": PlainPool, "https": TlsPool}


def _connect(connection: HTTPConnection, *, what: str, allow_private: bool) -> socket.socket:
    """Resolve once, judge every answer, connect to the first that listens."""
    port = connection.port or connection.default_port
    try:
        addresses = resolve(connection.host, port)
    except (OSError, UnicodeError) as error:
        reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
        raise NameResolutionError(connection.host, connection, reason) from error
    _judge(addresses, connection, what=what, allow_private=allow_private)
    failure: OSError | None = None
    for address in addresses:
        try:
            return create_connection(
                (address, port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            failure = error
    raise NewConnectionError(connection, f"no address of the host answers: {failure}")


def _judge(
    addresses: list[str], connection: HTTPConnection, *, what: str, allow_private: bool
) -> None:
    """Refuse private addresses unless allowed, and credentials in clear over the internet."""
    public = [is_public(address) for address in addresses]
    if not allow_private and not all(public):
        raise ConfigurationError(
            f"{what} leads to a private address, which this installation does not allow"
        )
    if any(public) and not isinstance(connection, HTTPSConnection):
        raise ConfigurationError(f"{what} must start with https:// for a host on the internet")
