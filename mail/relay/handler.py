"""What a client may say: asked by aiosmtpd at each command.

Each refusal names what to change: a setting of the mail relay (``careerrelay mail-relay set``) or
of the listener ([mail_relay]).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from .accounts import DeskAwayError
from .desk import Account
from .limits import TooManyError
from .senders import is_sender
from .signing_in import SigningIn
from .talk import NULL_SENDER, Talk, announced_size, talk_of, transaction_of

log = structlog.get_logger(__name__)

AWAY = "451 4.3.0 Accounts cannot be looked up now, please try again"
NOBODY = (
    "530 5.7.0 Sign in first (user: the mail relay's id), or have this server's address listed in "
    "the relay's networks"
)
NOT_A_SENDER = "550 5.7.1 This sender is not among the mail relay's senders"
WHOSE = "530 5.7.0 Sign in: the empty sender does not tell whose mail this is"
TOO_LARGE = "552 5.3.4 Larger than [mail_relay] megabytes allows"
INTERNATIONAL = "553 5.6.7 An address with other than ASCII letters needs SMTPUTF8"
ONE_BY_ONE = "452 4.5.3 One recipient at a time in the mode proxy; send the others after this one"
ENOUGH = "452 4.5.3 100 recipients at a time; send the others after these"
MOST_RECIPIENTS = 100


@cache
def hooks(kind: type) -> list[str]:
    """The names that aiosmtpd looks for, in ``dir`` of each new session and of its handler.

    Found once: the look at every attribute took a tenth of the time of a small mail.
    """
    return [name for name in dir(kind) if name.startswith(("smtp_", "auth_", "handle_"))]


class Handler(SigningIn):
    """EHLO, MAIL and RCPT."""

    def __dir__(self) -> Iterable[str]:
        return hooks(type(self))

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's names
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        del session, envelope
        await self._greeted(server, hostname)
        more = ("ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING")
        return [*responses[:-1], *(f"250-{word}" for word in more), responses[-1]]

    async def handle_HELO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str
    ) -> str:
        del session, envelope
        await self._greeted(server, hostname)
        return f"250 {self._house.settings.hostname}"

    async def _greeted(self, server: SMTP, hostname: str) -> None:
        """Whoever has signed in stays so: a second EHLO ends the mail, not the session."""
        talk = talk_of(server)
        talk.host_name = hostname
        if talk.authenticated:
            return
        talk.away = False
        try:
            talk.accounts = await self._house.accounts.of_address(talk.address)
        except DeskAwayError:
            talk.away = True

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del session
        chosen = _chosen(talk_of(server), address)
        if isinstance(chosen, str):
            return chosen
        if not address.isascii() and not envelope.smtp_utf8:
            return INTERNATIONAL
        if announced_size(options) > chosen.max_bytes:
            return TOO_LARGE
        transaction = transaction_of(server)
        transaction.account = chosen
        transaction.mail_from = address
        transaction.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del session, envelope, options
        transaction = transaction_of(server)
        assert transaction.account is not None  # noqa: S101 - set by MAIL
        if transaction.chunks is not None:
            return "503 5.5.1 The message has begun"
        if not address.isascii() and not transaction.smtp_utf8:
            return INTERNATIONAL
        if transaction.rcpt_tos and not transaction.account.spooled:
            # Each recipient has a link of their own, and one answer cannot tell of two mails.
            return ONE_BY_ONE
        if len(transaction.rcpt_tos) >= MOST_RECIPIENTS:
            return ENOUGH
        try:
            self._house.limits.take(transaction.account, address)
        except TooManyError as error:
            return f"451 4.7.1 {error}"
        transaction.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_exception(self, error: Exception) -> str:
        """A defect of ours is no reason to give a mail up, and its words are nobody's business."""
        log.error("relay_session_failed", kind=type(error).__name__)
        return "451 4.3.0 Something went wrong here, please try again"


# aiosmtpd asks it of each new session's handler how many parameters that one has; it is written
# down (PEP 362), since finding it out takes longer than MAIL and RCPT together.
setattr(Handler.handle_EHLO, "__signature__", inspect.signature(Handler.handle_EHLO))  # noqa: B010


def _chosen(talk: Talk, sender: str) -> Account | str:
    """Whose mail it is, told by its sender where several share an address; or a refusal."""
    if talk.away:
        return AWAY
    if not talk.accounts:
        return NOBODY
    if sender == NULL_SENDER:
        return talk.accounts[0] if len(talk.accounts) == 1 else WHOSE
    return next((a for a in talk.accounts if is_sender(sender, a)), NOT_A_SENDER)
