"""One SMTP session: aiosmtpd, made strict where it is not.

What is ours: how a message is read (its end, its size, its line ends, BDAT), how long anything may
take, and that the answer to it is the next hop's. SMTPUTF8 and 8BITMIME are passed on and never
converted; DSN and BINARYMIME are not offered.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unicodedata import category

from aiosmtpd.smtp import SMTP

from .chunking import ChunkHead, Chunks, discard, read_head
from .desk import Account
from .handler import Handler, hooks
from .house import House
from .limits import TooManyError
from .onward import Mail, hand_on
from .reading import Unacceptable, read_message
from .talk import Talk, Transaction, talk_of, transaction_of

LONGEST_COMMAND = 2048
COMMANDS = {"AUTH": 3, "EHLO": 20, "HELO": 20, "NOOP": 100, "VRFY": 5, "HELP": 5, "*": 30_000}
"""Of one session. "*": each other; ATSs keep one open for all their mails."""
SLACK = 4096
"""Octets by which a message may be larger than announced, beside an eighth: sizes are guessed."""
TOO_SLOW = "421 4.4.2 The message came too slowly"
CLOSING = "421 4.3.2 The relay stops; send this again in a minute"

_AUTH_PARAMETER = re.compile(r"(?i)\s+AUTH=[!-~]+(?=\s|$)")
_ATOMS = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
_PLAIN_PATH = re.compile(rf"<({_ATOMS}@{_ATOMS})>(?: +([!-'*-~][ !-'*-~]*))?")
_STARTED = "503 5.5.1 BDAT was begun; go on with BDAT, or RSET"

Command = Callable[["RelaySession", str | None], Awaitable[None]]


def _clean(command: Command) -> Command:
    """No command with a control character in it, nor with bytes that are no UTF-8."""

    @functools.wraps(command)
    async def checked(session: RelaySession, arg: str | None) -> None:
        if arg and not arg.isprintable() and any(category(s) in ("Cc", "Cs") for s in arg):
            await session.push("501 5.5.2 Control characters and broken UTF-8 are not taken")
            return
        await command(session, arg)

    return checked


def _all_clean(kind: type[RelaySession]) -> type[RelaySession]:
    """Once for all sessions: in each of them it took a twentieth of the time of a small mail."""
    for name in hooks(kind):
        if name.startswith("smtp_"):
            setattr(kind, name, _clean(getattr(kind, name)))
    return kind


@_all_clean
class RelaySession(SMTP):
    """Reads messages by ``reading`` and ``chunking``; the rest is asked of ``Handler``."""

    line_length_limit = 1 << 16  # of the reader: commands are far shorter, messages any length

    def __init__(self, house: House, **more: Any) -> None:
        super().__init__(Handler(house), command_call_limit=COMMANDS, **more)
        # aiosmtpd's own are shared by all sessions, and each new session empties them.
        self.command_size_limits = defaultdict(lambda: LONGEST_COMMAND)
        self.command_size_limit = LONGEST_COMMAND
        self._house = house
        self._busy = False

    def __dir__(self) -> Iterable[str]:
        return hooks(type(self))

    # The connection.

    def _create_session(self) -> Talk:
        return Talk(self.loop)

    def _create_envelope(self) -> Transaction:
        return Transaction()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A session too many hears 421 at once."""
        again = self._original_transport is not None
        peer = transport.get_extra_info("peername")
        if not again and not self._house.enter(self, str(peer[0]) if peer else ""):
            assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP always is
            transport.write(b"421 4.3.2 Too many sessions, please try again\r\n")
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._house.leave(self)
        if self.transport is not None:
            self._set_rset_state()
            super().connection_lost(error)

    def wind_up(self) -> None:
        """The relay stops: end now, or after the mail that is under way."""
        if not self._busy:
            self._hang_up(CLOSING)

    def _hang_up(self, words: str) -> None:
        """Whatever else has come already is not done any more."""
        if self.transport is None or self._handler_coroutine is None:
            return
        self._writer.write(words.encode("ascii") + b"\r\n")
        self.transport.close()
        self._handler_coroutine.cancel()

    @contextmanager
    def _taking(self) -> Iterator[None]:
        """A mail is under way: it is not hung up on when the relay stops."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _set_post_data_state(self) -> None:
        if isinstance(self.envelope, Transaction):
            self.envelope.end()
        super()._set_post_data_state()

    # Commands.

    async def smtp_EHLO(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's way
        await super().smtp_EHLO(arg)
        if self._read_ahead():
            # Only now does the client know what it may say: RFC 2920 section 3.1.
            self._hang_up("554 5.5.0 Wait for the answer to EHLO")

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802
        if self._read_ahead():
            self._hang_up("554 5.5.0 Nothing may be sent between STARTTLS and TLS")
            return
        await super().smtp_STARTTLS(arg)

    def _read_ahead(self) -> bool:
        """The client has sent more than it has heard the answer to."""
        return bool(self._reader._buffer)  # type: ignore[attr-defined]

    async def smtp_AUTH(self, arg: str | None) -> None:  # noqa: N802
        """Not inside a mail (RFC 4954 section 4): it would change whose it is."""
        if transaction_of(self).mail_from:
            await self.push("503 5.5.1 Not while a mail is being sent")
            return
        mechanism, _, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(f"{mechanism.upper()} {rest}".strip())

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """aiosmtpd's parser for every form of address is slow (8 % of a mail of 5 kB): it
        is asked where this is not the plainest."""
        plain = _PLAIN_PATH.fullmatch(arg)
        return (plain[1], plain[2] or "") if plain else super()._getaddr(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """Every server that offers AUTH must take its parameter (RFC 4954 section 5); it tells
        nothing that we believe."""
        await super().smtp_MAIL(_AUTH_PARAMETER.sub("", arg) if arg else arg)

    # Messages.

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802
        refusal = self._not_now() or ("501 5.5.4 DATA takes no argument" if arg else "")
        if transaction_of(self).chunks is not None:
            refusal = _STARTED
        if refusal:
            await self.push(refusal)
            return
        with self._taking():
            await self._answer(await self._data(self._account()))

    async def _data(self, account: Account) -> str:
        settings = self._house.settings
        most = self._most_bytes(account)
        self._reset_timeout(settings.wait_seconds + settings.data_seconds)
        try:
            room = await self._house.room(account, most)
        except TooManyError as error:
            return f"451 4.3.2 {error}"
        try:
            await self.push("354 End with CRLF.CRLF")
            async with asyncio.timeout(settings.data_seconds):
                message = await read_message(
                    self._reader, max_bytes=most, normalise=account.bare_line_ends == "normalise"
                )
        except Unacceptable as refusal:
            room.leave()
            return refusal.reply
        except TimeoutError:
            room.leave()
            return TOO_SLOW
        except BaseException:
            room.leave()
            raise
        return await self._hand_on(Mail(message, room))

    async def smtp_BDAT(self, arg: str | None) -> None:  # noqa: N802
        """RFC 3030. Where the size cannot be read nobody knows what is a command, so that ends the
        session."""
        head = read_head(arg)
        if head is None:
            self._hang_up("501 5.5.4 BDAT needs a size")
            return
        with self._taking():
            try:
                reply = await self._bdat(head)
            except TimeoutError:
                reply = TOO_SLOW
            await self._answer(reply, goes_on=not head.last)

    async def _bdat(self, head: ChunkHead) -> str:
        settings = self._house.settings
        self._reset_timeout(settings.wait_seconds + settings.data_seconds)
        refusal = self._not_now() or await self._begin_chunks()
        if refusal:
            async with asyncio.timeout(settings.data_seconds):
                await discard(self._reader, head.size)
            return refusal
        chunks, account = transaction_of(self).chunks, self._account()
        assert chunks is not None  # noqa: S101 - begun above
        try:
            await chunks.read(self._reader, head.size)
            if not head.last:
                return "250 2.0.0 Ok"
            message = chunks.message(normalise=account.bare_line_ends == "normalise")
        except Unacceptable as refused:
            return refused.reply
        transaction_of(self).chunks = None
        return await self._hand_on(Mail(message, chunks.room))

    async def _begin_chunks(self) -> str:
        """Room for the message of this transaction, once; or why there is none."""
        transaction, account = transaction_of(self), self._account()
        if transaction.chunks is not None:
            return ""
        most = self._most_bytes(account)
        try:
            room = await self._house.room(account, most)
        except TooManyError as error:
            return f"451 4.3.2 {error}"
        until = self.loop.time() + self._house.settings.data_seconds
        transaction.chunks = Chunks(room, max_bytes=most, deadline=until)
        return ""

    def _not_now(self) -> str:
        if not talk_of(self).host_name:
            return "503 5.5.1 EHLO first"
        return "" if transaction_of(self).rcpt_tos else "503 5.5.1 RCPT first"

    def _account(self) -> Account:
        account = transaction_of(self).account
        assert account is not None  # noqa: S101 - no RCPT without MAIL, which sets it
        return account

    def _most_bytes(self, account: Account) -> int:
        """A client that announces little and sends much must not hold what others wait for."""
        announced = transaction_of(self).announced
        guessed = announced + announced // 8 + SLACK if announced else account.max_bytes
        return min(guessed, account.max_bytes)

    async def _hand_on(self, mail: Mail) -> str:
        # The next hop may take its time; it has timers of its own.
        self._reset_timeout(self._house.settings.answer_seconds)
        return await hand_on(self._house, talk_of(self), transaction_of(self), mail)

    async def _answer(self, reply: str, *, goes_on: bool = False) -> None:
        """``goes_on``: the mail is not at its end if this is a yes."""
        self._reset_timeout()
        if not (goes_on and reply.startswith("250")):
            self._set_post_data_state()
        if reply.startswith("421"):
            self._hang_up(reply)
            return
        await self.push(reply)
        if self._house.closing:
            self._hang_up(CLOSING)
