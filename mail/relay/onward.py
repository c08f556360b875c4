"""A whole message, from the session to the passage: whose it is, whether it circles, its trace."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from .desk import Account, Desk, Passing, Reply
from .house import House, Room
from .network_key import unlocked
from .senders import may_write_as
from .talk import Talk, Transaction
from .trace import loops, received

log = structlog.get_logger(__name__)

LOOP = Reply(554, "5.4.6 This mail goes round in circles: check the route behind the next hop")
NOT_KEPT = Reply(452, "4.3.1 The relay cannot store mails now, please try again")
NOT_A_SENDER = Reply(550, "5.7.1 The From address is not among the mail relay's senders")


@dataclass(frozen=True, slots=True)
class Mail:
    """A message and the room that it takes until it is through."""

    message: bytes = field(repr=False)
    room: Room


async def hand_on(house: House, talk: Talk, transaction: Transaction, mail: Mail) -> str:
    """What became of it, as the answer to the client."""
    account = transaction.account
    assert account is not None  # noqa: S101 - no message without MAIL, which sets it
    message = await _admitted(house, talk, account, mail)
    if isinstance(message, Reply):
        return str(message)
    trace = _trace(house, talk, transaction)
    passings = [
        Passing(
            account=account,
            sender=transaction.sender,
            recipient=recipient,
            message=message,
            trace=trace,
            eight_bit=transaction.eight_bit,
            utf8=transaction.smtp_utf8,
        )
        for recipient in transaction.rcpt_tos
    ]
    if account.spooled:
        return str(await house.work(partial(_kept, house.desk, passings), mail.room))
    return str(await house.work(partial(house.passage.run, passings[0]), mail.room))


def _kept(desk: Desk, passings: Sequence[Passing]) -> Reply:
    """The answer once the house has it on disk, or has not."""
    account = passings[0].account
    try:
        desk.keep(passings)
    except Exception as error:
        # Whatever it is, nobody knows that it is on disk, so the client keeps it.
        log.error("mail_not_kept", relay=account.id, kind=type(error).__name__)
        return NOT_KEPT
    size = len(passings[0].message)
    log.info("mail_kept", relay=account.id, recipients=len(passings), size=size)
    return Reply(250, "2.0.0 Ok: kept, and on its way")


async def _admitted(house: House, talk: Talk, account: Account, mail: Mail) -> bytes | Reply:
    """The message as it is to be treated; or a refusal, and then its room is given back."""
    found: bytes | Reply = _refusal(mail.message, account) or mail.message
    try:
        if account.keyed and isinstance(found, bytes):
            found = await unlocked(house, account, found, signed_in=bool(talk.authenticated))
    except BaseException:
        mail.room.leave()
        raise
    if isinstance(found, Reply):
        mail.room.leave()
    return found


def _refusal(message: bytes, account: Account) -> Reply | None:
    if loops(message):
        return LOOP
    return None if may_write_as(message, account) else NOT_A_SENDER


def _trace(house: House, talk: Talk, transaction: Transaction) -> bytes:
    kind = "UTF8SMTP" if transaction.smtp_utf8 else "ESMTP" if talk.extended_smtp else "SMTP"
    return received(
        helo=talk.host_name or "",
        peer=talk.address,
        by=house.settings.hostname,
        protocol=f"{kind}{'S' if talk.ssl else ''}{'A' if talk.authenticated else ''}",
        id_=secrets.token_hex(8),
        now=house.settings.clock(),
    )
