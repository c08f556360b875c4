"""Hand one message to a company's SMTP server, and say exactly how far that came.

The phases are separate because the worker must know whether a second attempt could make a second
mail: before the content is sent nothing has happened; after it, only an answer tells.
Errors carry the phase and the reply code, never the server's words: those quote addresses.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from ..models.errors import (
    CareerRelayError,
    ConfigurationError,
    SmtpRejectedError,
    SmtpUnavailableError,
    SmtpUncertainError,
)
from .smtp_lines import check_addresses, dotted

log = structlog.get_logger(__name__)

_ENHANCED = re.compile(rb"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_QUEUED_AS = re.compile(rb"queued as ([A-Za-z0-9.-]{1,64})(?:\s|$)")
_LONGEST_ANSWER = 400
_PIECE = 1 << 18
FAREWELL_SECONDS = 5.0
_MECHANISMS = {"CRAM-MD5", "PLAIN", "LOGIN"}  # what smtplib speaks
_SIZE_LIMIT = re.compile(r"\d{1,18}")


Opened = Callable[["SmtpAccount"], contextlib.AbstractContextManager[smtplib.SMTP]]
"""Gives a signed-in connection, and takes it back knowing how the mail went."""


class Security(StrEnum):
    """TLS from the first byte (port 465), upgraded (587), or none at all."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """A company's SMTP account. ``timeout`` in seconds, for each step; ``answer_timeout`` for the
    answer to the whole message, which a filter may keep waiting (RFC 5321 section 4.5.3.2.6: ten
    minutes); 0: the same.

    ``allow_plaintext``: no TLS to a server that is not this machine. ``allow_private``: the
    server may have a private address; the installation withdraws it where companies' own users,
    not the operator, choose the host. ``ca_file``: PEM of a private certificate authority.
    """

    host: str
    port: int
    security: Security = Security.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 20.0
    answer_timeout: float = 0.0
    allow_plaintext: bool = False
    allow_private: bool = True
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Raises ConfigurationError naming the setting that cannot work."""
        if not self.host or not 0 < self.port < 65536 or self.timeout <= 0:
            raise ConfigurationError("smtp host, smtp port or smtp timeout is impossible")
        if not (self.username + self.password).isascii():
            raise ConfigurationError("smtp username and smtp password must be ASCII characters")


@dataclass(frozen=True, slots=True)
class SendReceipt:
    """The server took the message: reply code, enhanced code and queue id where it gave them."""

    status: int
    enhanced_status: str = ""
    queue_id: str = ""


@dataclass(frozen=True, slots=True)
class SmtpProbe:
    """What ``probe`` saw. ``size_limit`` in bytes, None where the server states none."""

    encrypted: bool
    authenticated: bool
    size_limit: int | None


def send(
    message: bytes,
    *,
    account: SmtpAccount,
    envelope_from: str,
    to: str,
    before_data: Callable[[], None],
    eight_bit: bool = False,
    utf8: bool = False,
    opened: Opened | None = None,
) -> SendReceipt:
    """Hand over ``message`` (CRLF lines) for one recipient.

    ``envelope_from`` and ``to`` as ``sending_form`` gives them; ``envelope_from`` "" is the null
    sender. ``eight_bit``, ``utf8``: announced as 8BITMIME, SMTPUTF8, and refused where the server
    does not take that: nothing is converted. ``opened`` gives the connection, a new one where it is
    left out. ``before_data`` is called once, when the server has
    said it is ready and before the first byte of content: record there that the mail may be out
    from now on. If it raises, the connection is dropped, nothing is sent, and its exception comes
    through.

    Raises SmtpUnavailableError (nothing handed over, try again), SmtpRejectedError (refused for
    good), SmtpUncertainError (content sent, no readable answer), ConfigurationError (a setting
    that no server could serve).
    """
    check_addresses(envelope_from, to, utf8=utf8)
    with (opened or connection)(account) as server:
        more = _parameters(server, eight_bit=eight_bit, utf8=utf8)
        _command(server, f"MAIL FROM:<{envelope_from}>{more}", phase="mail", expect=250)
        _command(server, f"RCPT TO:<{to}>", phase="rcpt", expect=250)
        _command(server, "DATA", phase="data", expect=354)
        before_data()
        receipt = _hand_over(server, message, account=account)
    log.info("smtp_message_accepted", status=receipt.status, queue_id=receipt.queue_id)
    return receipt


def probe(account: SmtpAccount) -> SmtpProbe:
    """Connect, encrypt and sign in as ``send`` would, and send nothing. Raises as ``send`` does."""
    with connection(account) as server:
        _command(server, "NOOP", phase="connect", expect=250)
        limit = _SIZE_LIMIT.fullmatch(server.esmtp_features.get("size", ""))
        return SmtpProbe(
            encrypted=isinstance(server.sock, ssl.SSLSocket),
            authenticated=bool(account.username),
            # 0 means "no fixed limit" (RFC 1870 section 3).
            size_limit=(int(limit[0]) or None) if limit else None,
        )


@contextlib.contextmanager
def connection(account: SmtpAccount) -> Iterator[smtplib.SMTP]:
    """A connection for one mail, closed whatever happens."""
    server = signed_in(account)
    try:
        yield server
        take_leave(server, account=account)
    finally:
        server.close()


def signed_in(account: SmtpAccount) -> smtplib.SMTP:
    """A greeted, encrypted, signed-in connection, which the caller closes."""
    server = _connected(account)
    try:
        _check_peer(server, account=account)
        _greet(server, account=account)
        _sign_in(server, account=account)
    except BaseException:
        server.close()
        raise
    return server


def take_leave(server: smtplib.SMTP, *, account: SmtpAccount) -> None:
    """The outcome is known by now; a server that hangs up first, or dawdles, changes nothing."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        _wait_up_to(server, min(account.timeout, FAREWELL_SECONDS))
        server.quit()


def _connected(account: SmtpAccount) -> smtplib.SMTP:
    with _no_answer_is_retryable("connect"):
        if account.security == Security.TLS:
            return smtplib.SMTP_SSL(
                account.host,
                account.port,
                local_hostname=_own_name(),
                timeout=account.timeout,
                context=_tls_context(account),
            )
        return smtplib.SMTP(
            account.host, account.port, local_hostname=_own_name(), timeout=account.timeout
        )


@functools.cache
def _own_name() -> str | None:
    """What EHLO says, looked up once: smtplib asks a name server before each mail. None: as it
    does where this machine has no name."""
    name = socket.getfqdn()
    return name if "." in name else None


def _check_peer(server: smtplib.SMTP, *, account: SmtpAccount) -> None:
    """Judge the address really connected to, before a word is said: no second look-up to fool."""
    with _no_answer_is_retryable("connect"):
        peer = ipaddress.ip_address(_socket(server).getpeername()[0].partition("%")[0])
    address = getattr(peer, "ipv4_mapped", None) or peer
    if not (account.allow_private or address.is_global):
        raise ConfigurationError("smtp host must not be a private address in this installation")
    plain = account.security == Security.NONE
    if plain and not (address.is_loopback or account.allow_plaintext):
        raise ConfigurationError(
            "smtp security 'none' is only for this machine; set smtp security to starttls or tls"
        )


def _greet(server: smtplib.SMTP, *, account: SmtpAccount) -> None:
    with _no_answer_is_retryable("connect"):
        server.ehlo_or_helo_if_needed()
    if account.security != Security.STARTTLS:
        return
    if not server.has_extn("starttls"):
        raise SmtpRejectedError(
            "the server does not offer STARTTLS; check smtp port, or set smtp security to tls",
            phase="starttls",
        )
    with _no_answer_is_retryable("starttls"):
        server.starttls(context=_tls_context(account))  # raises unless the answer is 220
        server.ehlo_or_helo_if_needed()


def _sign_in(server: smtplib.SMTP, *, account: SmtpAccount) -> None:
    if not account.username:
        return
    if not _MECHANISMS & set(server.esmtp_features.get("auth", "").upper().split()):
        raise SmtpRejectedError(
            "the server offers no sign-in by password here; check smtp port and smtp security, "
            "or leave smtp username empty",
            phase="auth",
        )
    with _no_answer_is_retryable("auth"):
        server.login(account.username, account.password)


@contextlib.contextmanager
def _no_answer_is_retryable(phase: str) -> Iterator[None]:
    """smtplib's and the socket's exceptions before any content was sent, as ours."""
    try:
        yield
    except CareerRelayError:
        raise
    except ssl.SSLCertVerificationError:
        raise SmtpUnavailableError(
            "the server's certificate does not verify for smtp host; "
            "check smtp host, or set smtp ca_file for a private authority",
            phase=phase,
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, _as_bytes(error.smtp_error), phase=phase) from None
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise SmtpUnavailableError(
            f"no answer from the SMTP server ({type(error).__name__}) in the {phase} step; "
            "check smtp host and smtp port",
            phase=phase,
        ) from None


def _parameters(server: smtplib.SMTP, *, eight_bit: bool, utf8: bool) -> str:
    """What MAIL announces. Raises SmtpRejectedError where the server lacks the extension."""
    said = ""
    if eight_bit:
        if not server.has_extn("8bitmime"):
            raise SmtpRejectedError(
                "the SMTP server does not take 8-bit content (8BITMIME), and it is not converted",
                phase="mail",
                status=554,
                answer="5.6.3 The next server does not take 8-bit content (8BITMIME)",
            )
        said += " BODY=8BITMIME"
    if utf8:
        if not server.has_extn("smtputf8"):
            raise SmtpRejectedError(
                "the SMTP server does not take international addresses (SMTPUTF8)",
                phase="mail",
                status=553,
                answer="5.6.7 The next server does not take international addresses (SMTPUTF8)",
            )
        server.command_encoding = "utf-8"
        said += " SMTPUTF8"
    return said


def _command(server: smtplib.SMTP, line: str, *, phase: str, expect: int) -> None:
    with _no_answer_is_retryable(phase):
        status, reply = server.docmd(line)
    if status != expect and not (expect == 250 and status == 251):
        raise _refusal(status, reply, phase=phase)


def _hand_over(server: smtplib.SMTP, message: bytes, *, account: SmtpAccount) -> SendReceipt:
    """The content and its dot. From here on only a readable answer is an answer."""
    try:
        _send_all(server, dotted(message))
        _wait_up_to(server, account.answer_timeout or account.timeout)
        status, reply = server.getreply()
    except (smtplib.SMTPException, OSError) as error:
        raise _uncertain(type(error).__name__) from None
    if 200 <= status < 300:
        queued = _QUEUED_AS.search(reply)
        return SendReceipt(
            status=status,
            enhanced_status=_enhanced(reply),
            queue_id=queued[1].decode("ascii") if queued else "",
        )
    if 400 <= status < 600:
        raise _refusal(status, reply, phase="content")
    raise _uncertain("unreadable answer")


def _send_all(server: smtplib.SMTP, content: bytes) -> None:
    """In pieces: a socket's timeout is for one call, however much that sends."""
    view = memoryview(content)
    for start in range(0, len(view), _PIECE):
        server.send(view[start : start + _PIECE])


def _uncertain(what: str) -> SmtpUncertainError:
    return SmtpUncertainError(
        f"the message was handed over and the answer was lost ({what}); "
        "look into the sent mail before sending again",
        phase="content",
    )


_REMEDY = {
    "connect": "check smtp host and smtp port",
    "starttls": "check smtp port and smtp security",
    "auth": "check smtp username and smtp password",
    "mail": "check that the account may send as smtp sender",
    "rcpt": "check the recipient's address",
    "data": "the server takes no message now",
    "content": "the server does not take this message",
}


def _refusal(status: int, reply: bytes, *, phase: str) -> SmtpRejectedError | SmtpUnavailableError:
    """5xx is for good; everything else before an acceptance may be tried again."""
    code = str(status) if 200 <= status < 600 else "something unreadable"
    said = " ".join(part for part in (code, _enhanced(reply)) if part)
    message = f"the SMTP server answered {said} in the {phase} step; {_REMEDY[phase]}"
    kind = SmtpRejectedError if 500 <= status < 600 else SmtpUnavailableError
    return kind(
        message, phase=phase, status=status if status > 0 else None, answer=_in_one_line(reply)
    )


def _in_one_line(reply: bytes) -> str:
    """The server's words for somebody else's reply: printable ASCII, one line, not too long."""
    words = " ".join(reply.decode("ascii", "replace").split())
    return "".join(sign if " " <= sign <= "~" else "?" for sign in words)[:_LONGEST_ANSWER]


def _enhanced(reply: bytes) -> str:
    found = _ENHANCED.match(reply)
    return found[1].decode("ascii") if found else ""


def _as_bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "replace")


def _tls_context(account: SmtpAccount) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=account.ca_file or None)
    except (OSError, ssl.SSLError):
        raise ConfigurationError("smtp ca_file cannot be read as PEM certificates") from None


def _wait_up_to(server: smtplib.SMTP, seconds: float) -> None:
    if server.sock is not None:
        server.sock.settimeout(seconds)


def _socket(server: smtplib.SMTP) -> socket.socket:
    if server.sock is None:
        raise smtplib.SMTPServerDisconnected("no socket")
    return server.sock
