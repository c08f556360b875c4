"""What is known of a client while it is here, and of the mail it is sending."""

from __future__ import annotations

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from .chunking import Chunks
from .desk import Account

NULL_SENDER = "<>"
"""What stands for the empty sender, which aiosmtpd takes for none at all."""


class Talk(Session):
    """One session. ``accounts``: by sign-in one, by address any number; ``away``: they could not
    be looked up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.accounts: tuple[Account, ...] = ()
        self.away = False

    @property
    def address(self) -> str:
        return str(self.peer[0]) if self.peer else ""


class Transaction(Envelope):
    """One mail: from MAIL until it is answered or given up."""

    def __init__(self) -> None:
        super().__init__()
        self.account: Account | None = None
        self.chunks: Chunks | None = None

    @property
    def sender(self) -> str:
        return "" if self.mail_from == NULL_SENDER else str(self.mail_from)

    @property
    def announced(self) -> int:
        """The SIZE of MAIL, 0 without one."""
        return announced_size(self.mail_options)

    @property
    def eight_bit(self) -> bool:
        return "BODY=8BITMIME" in self.mail_options

    def end(self) -> None:
        """Give back what is held for it."""
        if self.chunks is not None:
            self.chunks.end()


def announced_size(options: list[str]) -> int:
    """The value of SIZE among the parameters of MAIL, 0 without one."""
    for option in options:
        name, _, value = option.partition("=")
        if name == "SIZE" and value.isdigit():
            return int(value)
    return 0


def talk_of(server: SMTP) -> Talk:
    """The session's, with its type."""
    assert isinstance(server.session, Talk)  # noqa: S101 - RelaySession makes no other
    return server.session


def transaction_of(server: SMTP) -> Transaction:
    """The envelope, with its type."""
    assert isinstance(server.envelope, Transaction)  # noqa: S101 - RelaySession makes no other
    return server.envelope
