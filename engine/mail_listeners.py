"""Where mails come in: the SMTP relay and the milter of this process, as the settings have it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

from ..mail.milter import MilterServer, MilterSettings, read_networks, read_place
from ..mail.relay import RelayServer, RelaySettings
from ..models.errors import ConfigurationError
from .config import Settings
from .mail_relay import MailDesk
from .mail_spool import MailSpool
from .milter_desk import MilterMailDesk
from .runtime import Runtime


@contextmanager
def mail_listeners(runtime: Runtime) -> Iterator[Mapping[str, str]]:
    """Listen, and say where. On leaving, mails that are on their way come to their end.

    Raises ConfigurationError naming the setting.
    """
    section = runtime.settings.mail_relay
    places: dict[str, str] = {}
    with ExitStack() as stack:
        spool = MailSpool(runtime)
        stack.callback(spool.stop)
        relay, milter = relay_server(runtime, spool), milter_server(runtime)
        if relay is not None:
            with _told("host and port", f"{section['host']}:{section['port']}"):
                port = relay.start()
            stack.callback(relay.stop)
            places["mail relay"] = f"{section['host']}:{port}"
        if milter is not None:
            with _told("milter", section["milter"]):
                places["milter"] = str(milter.start())
            stack.callback(milter.stop)
        if not places:
            raise ConfigurationError(
                "[mail_relay] port and milter: neither is set, so there is nothing to listen on"
            )
        yield places


def relay_server(runtime: Runtime, spool: MailSpool) -> RelayServer | None:
    """Not started yet; None without an SMTP port. Raises ConfigurationError."""
    settings, section = runtime.settings, runtime.settings.mail_relay
    if not section["port"]:
        return None
    return RelayServer(
        MailDesk(runtime, spool=spool),
        RelaySettings(hostname=_hostname(settings), clock=runtime.clock,
                      sessions=section["sessions"], max_bytes=section["megabytes"] << 20),
        host=section["host"],
        port=section["port"],
        tls=_tls(section),
        share_port=_several(runtime),
    )  # fmt: skip


def milter_server(runtime: Runtime) -> MilterServer | None:
    """Not started yet; None where no place is set. Raises ConfigurationError."""
    section = runtime.settings.mail_relay
    if not section["milter"]:
        return None
    place, peers = read_place(section["milter"]), read_networks(section["milter_peers"])
    if not (place.is_this_machine or peers):
        raise ConfigurationError(
            "[mail_relay] milter_peers: is missing; name the mail servers on other machines that "
            "may ask the milter, or let it listen on 127.0.0.1"
        )
    limits = MilterSettings(
        max_bytes=section["megabytes"] << 20, connections=section["sessions"], peers=peers
    )
    return MilterServer(MilterMailDesk(runtime), limits, place=place, share_port=_several(runtime))


def _several(runtime: Runtime) -> bool:
    """Processes of this installation share its ports. On SQLite there is one, so whoever else
    listens there is somebody else."""
    return not runtime.database.is_sqlite


@contextmanager
def _told(setting: str, place: str) -> Iterator[None]:
    """What keeps a server from listening, as the setting to change."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"[mail_relay] {setting}: cannot listen on {place} ({error.strerror})"
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
