"""Where mails come in: the SMTP relay of this process, as the settings have it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..mail.relay import RelayServer, RelaySettings
from ..models.errors import ConfigurationError
from .config import Settings
from .mail_relay import MailDesk
from .runtime import Runtime


@contextmanager
def mail_listeners(runtime: Runtime) -> Iterator[Mapping[str, str]]:
    """Listen, and say where. On leaving, mails that are on their way come to their end.

    Raises ConfigurationError naming the setting.
    """
    server = relay_server(runtime)
    if server is None:
        raise ConfigurationError("[mail_relay] port: is 0, so there is nothing to listen on")
    section = runtime.settings.mail_relay
    port = _started(server, section)
    try:
        yield {"mail relay": f"{section['host']}:{port}"}
    finally:
        server.stop()


def relay_server(runtime: Runtime) -> RelayServer | None:
    """Not started yet; None without an SMTP port. Raises ConfigurationError."""
    settings, section = runtime.settings, runtime.settings.mail_relay
    if not section["port"]:
        return None
    if section["mode"] != "proxy":
        raise ConfigurationError("[mail_relay] mode: only proxy is in this version")
    return RelayServer(
        MailDesk(runtime),
        RelaySettings(hostname=_hostname(settings), clock=runtime.clock,
                      sessions=section["sessions"], max_bytes=section["megabytes"] << 20),
        host=section["host"],
        port=section["port"],
        tls=_tls(section),
    )  # fmt: skip


def _started(server: RelayServer, section: Mapping[str, Any]) -> int:
    try:
        return server.start()
    except OSError as error:
        raise ConfigurationError(
            f"[mail_relay] host and port: cannot listen on {section['host']}:{section['port']} "
            f"({error.strerror})"
        ) from None


def _hostname(settings: Settings) -> str:
    return settings.mail_relay["hostname"] or urlsplit(settings.server["base_url"]).hostname or ""


def _tls(section: Mapping[str, Any]) -> ssl.SSLContext | None:
    """None where mails and passwords stay on this machine."""
    certificate, key = section["tls_cert_file"], section["tls_key_file"]
    if bool(certificate) != bool(key):
        raise ConfigurationError("[mail_relay] tls_cert_file and tls_key_file: set both or none")
    if not certificate:
        if not is_this_machine(section["host"]):
            raise ConfigurationError(
                "[mail_relay] tls_cert_file: is missing; without TLS the relay listens on this "
                "machine only (host 127.0.0.1)"
            )
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"[mail_relay] tls_cert_file and tls_key_file: cannot be used ({error.strerror})"
        ) from None
    return context


def is_this_machine(host: str) -> bool:
    """A loopback address, or the name of one."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
