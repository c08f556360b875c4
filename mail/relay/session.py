"""One SMTP session: aiosmtpd, made strict where it is not.

What is ours: how a message is read (its end, its size, its line ends), who may say what, and that
the answer to it is the next hop's. CHUNKING is not announced, so BDAT is an unknown command and
Exchange uses DATA; SMTPUTF8 is not announced either, since nothing is ever converted.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64decode
from email.utils import getaddresses
from functools import partial
from typing import Any

import structlog
from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, Session

from ..letterhead import read_letterhead
from .desk import Account, Passing, Reply
from .house import House
from .limits import TooManyError
from .reading import Unacceptable, read_message
from .trace import loops, received

log = structlog.get_logger(__name__)

NULL_SENDER = "<>"
"""What stands for the empty sender, which aiosmtpd takes for none at all."""
LONGEST_WAIT_SECONDS = 60.0
MOST_TRIES = 3
"""Sign-ins of one session."""


class RelaySession(SMTP):
    """Reads messages by ``reading``; everything else is asked of the handler."""

    def __init__(self, house: House, **more: Any) -> None:
        super().__init__(Handler(house), **more)
        self._house = house

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A session too many hears 421 at once."""
        again = self._original_transport is not None
        if not again and not self._house.enter(self):
            assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP always is
            transport.write(b"421 4.3.2 Too many sessions, please try again\r\n")
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._house.leave(self)
        if self.transport is not None:
            super().connection_lost(error)

    async def smtp_BDAT(self, arg: str | None) -> None:  # noqa: ARG002, N802 - aiosmtpd's way
        """Not offered. Its content would be read as commands, so the session ends here."""
        await self.push("502 5.5.1 CHUNKING is not offered; use DATA")
        if self.transport is not None:
            self.transport.close()

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's way
        if await self.check_helo_needed() or not await self._may_send_data(arg):
            return
        assert self.session is not None  # noqa: S101 - set by the connection
        assert self.envelope is not None  # noqa: S101
        account: Account = self.session.careerrelay_account  # type: ignore[attr-defined] - ours
        size = envelope_size(self.envelope.mail_options) or account.max_bytes
        try:
            async with self._house.memory(min(size, account.max_bytes)):
                await self.push(await self._take(account))
        except TooManyError as error:
            await self.push(f"451 4.3.2 {error}")
        self._set_post_data_state()

    async def _may_send_data(self, arg: str | None) -> bool:
        assert self.envelope is not None  # noqa: S101
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT first")
        elif arg:
            await self.push("501 5.5.4 DATA takes no argument")
        else:
            return True
        return False

    async def _take(self, account: Account) -> str:
        """Read the message, pass it on, and say what became of it."""
        assert self.session is not None  # noqa: S101
        assert self.envelope is not None  # noqa: S101
        await self.push("354 End with CRLF.CRLF")
        try:
            async with asyncio.timeout(self._house.settings.data_seconds):
                message = await read_message(
                    self._reader,
                    max_bytes=account.max_bytes,
                    normalise=account.bare_line_ends == "normalise",
                )
        except Unacceptable as refusal:
            return refusal.reply
        except TimeoutError:
            assert self.transport is not None  # noqa: S101
            self.transport.close()
            return "421 4.4.2 The message came too slowly"
        # The next hop may take its time; it has timers of its own.
        self._reset_timeout(self._house.settings.answer_seconds)
        return str(await _passed(self._house, self.session, self.envelope, account, message))


async def _passed(
    house: House, session: Session, envelope: Envelope, account: Account, message: bytes
) -> Reply:
    if loops(message):
        return Reply(554, "5.4.6 This mail goes round in circles")
    if not _may_write_as(message, account):
        return Reply(550, "5.7.1 The From address is not one of this account's senders")
    passing = Passing(
        account=account,
        sender="" if envelope.mail_from == NULL_SENDER else str(envelope.mail_from),
        recipient=envelope.rcpt_tos[0],
        message=message,
    )
    encrypted = "S" if session.ssl else ""
    trace = received(
        helo=session.host_name or "",
        peer=_peer(session),
        by=house.settings.hostname,
        protocol=f"ESMTP{encrypted}{'A' if session.authenticated else ''}",
        id_=secrets.token_hex(8),
        now=house.settings.clock(),
    )
    eight_bit = "BODY=8BITMIME" in (envelope.mail_options or ())
    run = partial(house.passage.run, passing, trace=trace, eight_bit=eight_bit)
    return await asyncio.get_running_loop().run_in_executor(house.threads, run)


def _may_write_as(message: bytes, account: Account) -> bool:
    """Every address of the From field is one of the account's; a mail without one is not sent."""
    written = read_letterhead(message).fields.get("from", "")
    addresses = [address for _, address in getaddresses([written])]
    return bool(addresses) and all(is_sender(a, account) for a in addresses)


def is_sender(address: str, account: Account) -> bool:
    """The address, or its domain, is on the account's list."""
    lower = address.lower()
    return lower in account.senders or lower.rpartition("@")[2] in account.senders


def _peer(session: Session) -> str:
    return str(session.peer[0]) if session.peer else ""


class Handler:
    """What aiosmtpd asks at each command."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's names
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        del server, envelope
        session.host_name = hostname
        found = await self._house.ask(self._house.desk.account_of_address, _peer(session))
        session.careerrelay_account = found  # type: ignore[attr-defined] - carried by the session
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", "250-PIPELINING", responses[-1]]

    async def handle_HELO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str
    ) -> str:
        await self.handle_EHLO(server, session, envelope, hostname, ["250 "])
        return f"250 {self._house.settings.hostname}"

    async def auth_PLAIN(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """RFC 4616; the authorisation id must be empty or the login itself."""
        if len(args) == 1:
            answer = await server.challenge_auth("")
            if answer is MISSING:
                return AuthResult(success=False, handled=True)
            given = bytes(answer)  # type: ignore[arg-type] - MISSING is excluded above
        else:
            try:
                given = b64decode(args[1], validate=True)
            except ValueError:
                return AuthResult(success=False, handled=False, message="501 5.5.2 Not base64")
        authorised, _, rest = given.partition(b"\0")
        login, has_password, password = rest.partition(b"\0")
        if not has_password or authorised not in (b"", login):
            return AuthResult(success=False, handled=False)
        return await self._sign_in(server, login, password)

    async def auth_LOGIN(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        """The old way, which ATSs still use."""
        del args
        said: list[bytes] = []
        for question in (b"Username:", b"Password:"):
            answer = await server.challenge_auth(question)
            if answer is MISSING:
                return AuthResult(success=False, handled=True)
            said.append(bytes(answer))  # type: ignore[arg-type] - MISSING is excluded above
        return await self._sign_in(server, *said)

    async def _sign_in(self, server: SMTP, login: bytes, password: bytes) -> AuthResult:
        session = server.session
        assert session is not None  # noqa: S101
        try:
            words = login.decode("ascii"), password.decode("ascii")
        except UnicodeDecodeError:
            words = ("", "")
        account = await self._house.ask(self._house.desk.account, *words) if all(words) else None
        if account is None:
            log.warning("relay_sign_in_refused", peer=_peer(session))
            await asyncio.sleep(self._house.settings.refusal_seconds)
            return AuthResult(success=False, handled=False)
        session.careerrelay_account = account  # type: ignore[attr-defined] - carried by the session
        return AuthResult(success=True)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server
        account: Account | None = getattr(session, "careerrelay_account", None)
        if account is None:
            return "530 5.7.0 Sign in first"
        if address and not is_sender(address, account):
            return "550 5.7.1 This sender is not one of this account's"
        if envelope_size(options) > account.max_bytes:
            return "552 5.3.4 The message is too large"
        envelope.mail_from = address or NULL_SENDER
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, options
        if envelope.rcpt_tos:
            # Each recipient has a link of their own, and one answer cannot tell of two mails.
            return "452 4.5.3 One recipient at a time; send the others after this one"
        account: Account = session.careerrelay_account  # type: ignore[attr-defined] - set by MAIL
        if not self._house.limits.take(account):
            return "451 4.7.1 Too many mails in this hour"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"


def envelope_size(options: list[str]) -> int:
    """The announced SIZE, 0 without one."""
    for option in options:
        name, _, value = option.partition("=")
        if name == "SIZE" and value.isdigit():
            return int(value)
    return 0
