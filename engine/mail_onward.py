"""Hands spooled mails on: one attempt, and what follows from its answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..mail.injection import Policy, Result
from ..mail.relay.desk import Account, Cause, Desk, NextHop, Passing, Reply, Treatment
from ..mail.relay.notice import Failure, failure_notice
from ..mail.relay.passage import Passage
from ..mail.relay.passage import Settings as PassageSettings
from ..models.errors import CareerRelayError, PostponedError, SmtpUnavailableError
from ..models.tables import MailRelay, SpooledMail, WorkState
from .claims import settle
from .mail_relay import MailDesk
from .mail_relay_words import remedy
from .mail_relays import rules_of
from .mail_spool import content_of, forget, opened, order_for, store
from .runtime import Runtime

log = structlog.get_logger(__name__)

EXPIRED, REFUSED, UNCERTAIN, REMOVED = "expired", "next_hop_refused", "uncertain", "relay_removed"
WAIT_SECONDS = 60.0
"""Between two looks whether it is decided by now what a mail is to get."""
AWAY = timedelta(seconds=30)
"""How long a next hop that did not answer is left alone: its other mails need not find out too."""
MOST_UNCERTAIN = 2
"""Further attempts when the next hop takes the mail and its answer is lost."""
GIVE_UP_BATCH = 100


def hand_on(runtime: Runtime, mail_id: str) -> None:
    """Task: one mail to its next hop."""
    with runtime.database.read() as session:
        mail = session.get_one(SpooledMail, mail_id)
        relay = session.get_one(MailRelay, mail.relay_id)
        trace, message = content_of(runtime, session, mail)
    if relay.removed_at is not None:
        _give_up(runtime, mail_id, code=REMOVED, reply=0)
        return
    _leave_alone(runtime, mail)
    desk = MailDesk(runtime)
    passing = Passing(
        account=desk.account_of(relay),
        sender=opened(runtime, mail, "sender"),
        recipient=opened(runtime, mail, "recipient"),
        message=message,
        trace=trace,
        eight_bit=mail.eight_bit,
        utf8=mail.utf8,
    )
    _ended(runtime, mail, _passage(runtime, _NoticeDesk() if mail.is_notice else desk).run(passing))


def _passage(runtime: Runtime, desk: Desk) -> Passage:
    return Passage(desk, PassageSettings(clock=runtime.clock))


def _leave_alone(runtime: Runtime, mail: SpooledMail) -> None:
    until = runtime.away.get(mail.relay_id)
    if until is not None and until > runtime.clock():
        wait = (until - runtime.clock()).total_seconds()
        raise PostponedError("the next hop did not answer just now", retry_after=wait)


def _ended(runtime: Runtime, mail: SpooledMail, reply: Reply) -> None:
    """Settled, given up, or raised for the worker to try again."""
    now = runtime.clock()
    if reply.is_taken:
        _done(runtime, mail.id, reply)
        return
    if reply.code >= 500 and reply.cause is not Cause.NEXT_HOP_ACCOUNT:
        _give_up(runtime, mail.id, code=REFUSED, reply=reply.code)
        return
    if reply.cause is Cause.UNCERTAIN and _count_uncertain(runtime, mail.id) > MOST_UNCERTAIN:
        _give_up(runtime, mail.id, code=UNCERTAIN, reply=reply.code)
        return
    if now >= mail.expires_at:
        _give_up(runtime, mail.id, code=EXPIRED, reply=reply.code)
        return
    if reply.cause is Cause.WAITING:
        raise PostponedError("what this mail is to get is not known yet", retry_after=WAIT_SECONDS)
    if reply.cause is Cause.NEXT_HOP_ACCOUNT:
        runtime.away[mail.relay_id] = now + AWAY
    raise SmtpUnavailableError(
        f"the next hop answered {reply.code} ({reply.cause.value}); tried again until "
        f"{mail.expires_at:%Y-%m-%d %H:%M} UTC"
    )


def _done(runtime: Runtime, mail_id: str, reply: Reply) -> None:
    with runtime.database.begin() as session:
        mail = session.get_one(SpooledMail, mail_id, with_for_update=True)
        mail.reply = reply.code
        settle(session, mail, runtime.clock())
        forget(session, mail)


def _count_uncertain(runtime: Runtime, mail_id: str) -> int:
    with runtime.database.begin() as session:
        mail = session.get_one(SpooledMail, mail_id, with_for_update=True)
        mail.uncertain += 1
        return mail.uncertain


def _give_up(runtime: Runtime, mail_id: str, *, code: str, reply: int) -> None:
    """The end without delivery, and the notice of it, in one transaction."""
    with runtime.database.read() as session:
        before = session.get_one(SpooledMail, mail_id)
        notice = _notice(runtime, session, before, code=code, reply=reply)
    order = order_for(runtime, [notice], notice=True) if notice is not None else None
    with runtime.database.begin() as session:
        mail = session.get_one(SpooledMail, mail_id, with_for_update=True)
        mail.reply = reply or None
        settle(session, mail, runtime.clock(), state=WorkState.SKIPPED, code=code)
        mail.error = remedy(code, locale="en")
        forget(session, mail)
        if order is not None:
            store(runtime, session, order)
    log.warning("mail_given_up", mail=mail_id, code=code, reply=reply, told=order is not None)


def _notice(
    runtime: Runtime, session: Session, mail: SpooledMail, *, code: str, reply: int
) -> Passing | None:
    """To the company's own address; None for a mail that nobody wants to hear of."""
    relay = session.get_one(MailRelay, mail.relay_id)
    sender = opened(runtime, mail, "sender")
    to = rules_of(relay)["notices_to"] or sender
    if mail.is_notice or not sender or relay.removed_at is not None:
        return None
    _, message = content_of(runtime, session, mail)
    failure = Failure(
        id=mail.id,
        to=to,
        recipient=opened(runtime, mail, "recipient"),
        message=message,
        reply=reply,
        why=(remedy(code, locale="ja"), remedy(code, locale="en")),
        received_at=mail.received_at,
        now=runtime.clock(),
    )
    content = failure_notice(failure, hostname=_hostname(runtime))
    # Its way is looked up when it goes; here only whose it is counts.
    account = Account(relay.id, NextHop("", 0), frozenset())
    return Passing(account, "", to, content, utf8=not to.isascii())


def _hostname(runtime: Runtime) -> str:
    settings = runtime.settings
    return settings.mail_relay["hostname"] or urlsplit(settings.server["base_url"]).hostname or ""


def give_up_dead(runtime: Runtime) -> int:
    """Dead mails (a defect of ours) whose time is over: their company hears of it all the same."""
    now: datetime = runtime.clock()
    query = select(SpooledMail.id).where(
        SpooledMail.state == WorkState.DEAD.value, SpooledMail.expires_at < now
    )
    with runtime.database.read() as session:
        found = session.scalars(query.limit(GIVE_UP_BATCH)).all()
    for mail_id in found:
        try:
            _give_up(runtime, mail_id, code=EXPIRED, reply=0)
        except CareerRelayError as error:
            log.error("mail_not_given_up", mail=mail_id, cause=error.message)
    return len(found)


class _NoticeDesk:
    """Our own notices pass as they are, and nobody is told of their end."""

    def account(self, login: str, password: str) -> Account | None:
        raise NotImplementedError

    def accounts_of_address(self, peer: str) -> Sequence[Account]:
        raise NotImplementedError

    def treat(self, passing: Passing) -> Treatment:
        del passing
        return Treatment(None, Policy(append=False))

    def keep(self, passings: Sequence[Passing]) -> None:
        raise NotImplementedError

    def sent(self, passing: Passing, treatment: Treatment, result: Result, *, reply: Reply) -> None:
        """Its own row says it."""
