"""Getting the link into the mail: what is owed when. ``delivering`` does it.

``field_token`` is owed at application time; everything else after the decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..mail.calendar import next_send_time
from ..models.companies import Strategy
from ..models.decisions import ReasonCode
from ..models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Company,
    Connection,
    Decision,
    Delivery,
    RelayLink,
    WorkState,
    new_id,
)
from . import links, tracing
from .eligibility import NOTICE_WITHOUT_LINK
from .people import is_suppressed
from .runtime import Runtime

DELIVER = "deliver"
PREPARE = "prepare"
CLEAR = "clear"
SIGNED_BY = "signed_by"
"""In a delivery's detail: the name of the key that signs its link. A write that a kill cut off is
found done by its next run only if that means the same URL, though keys were rotated meanwhile."""
NOTICES = (Strategy.OWN_MAIL, Strategy.ATS_MESSAGE)
"""Strategies by which the notice is ours: composed here, and timed here."""


def fills_field(connection: Connection) -> bool:
    """Whether links go into a field of the ATS, at application time."""
    return Strategy.FIELD_TOKEN.value in connection.strategies


def prepare(
    runtime: Runtime, session: Session, record: ApplicationRecord, connection: Connection
) -> None:
    """At application time: the personal link goes into the ATS's field, still inactive."""
    if not fills_field(connection) or not record.addresses:
        return
    if is_suppressed(session, [a.email_hash for a in record.addresses], connection.company_id):
        return
    if _existing(session, record, Strategy.FIELD_TOKEN, PREPARE) is None:
        link = links.personal_link(runtime, session, record, connection)
        _owe(runtime, session, record, link, strategy=Strategy.FIELD_TOKEN, purpose=PREPARE)


def clear(runtime: Runtime, session: Session, hashes: Iterable[str], company_id: str) -> None:
    """After a stop link: a link that waits in an ATS field must not go out with a later notice."""
    theirs = select(ApplicationAddress.application_id).where(
        ApplicationAddress.email_hash.in_(list(hashes))
    )
    records = session.scalars(
        select(ApplicationRecord)
        .join(Connection, Connection.id == ApplicationRecord.connection_id)
        .where(ApplicationRecord.id.in_(theirs), Connection.company_id == company_id)
        .order_by(ApplicationRecord.id)
        # Two clicks at once: the second waits here and then sees what the first one owes.
        .with_for_update(of=ApplicationRecord)
    )
    for record in records.all():
        clear_case(runtime, session, record)


def clear_case(runtime: Runtime, session: Session, record: ApplicationRecord) -> None:
    """Take the link that waits for this case out of its field again, if there is one."""
    written = [] if links.is_new(record) else _into_field(session, record)
    if not written or any(delivery.purpose == CLEAR for delivery in written):
        return
    link = session.get_one(RelayLink, written[-1].link_id)
    _owe(runtime, session, record, link, strategy=Strategy.FIELD_TOKEN, purpose=CLEAR)


def _into_field(session: Session, record: ApplicationRecord) -> Sequence[Delivery]:
    """What was, or is to be, written into the ATS's field for a case, oldest first."""
    return session.scalars(
        select(Delivery)
        .where(
            Delivery.application_id == record.id,
            Delivery.strategy == Strategy.FIELD_TOKEN.value,
        )
        .order_by(Delivery.created_at)
    ).all()


def follow_decision(
    runtime: Runtime,
    session: Session,
    record: ApplicationRecord,
    connection: Connection,
    decision: Decision,
    *,
    corrected: Decision | None,
) -> None:
    """After the decision: the first of the connection's strategies that applies is owed.

    ``corrected``: what was decided before about this very rejection.
    """
    strategies = [Strategy(s) for s in connection.strategies]
    is_told = decision.link or ReasonCode(decision.code) in NOTICE_WITHOUT_LINK
    was_told = corrected is not None and _take_over(session, record, corrected, decision)
    if not strategies or not is_told:
        return
    strategy = strategies[0]
    if strategy in NOTICES and was_told:
        return
    if strategy in NOTICES:
        _owe_notice(runtime, session, record, connection, decision, strategy=strategy)
    elif not decision.link:
        return
    elif strategy is Strategy.FIELD_TOKEN:
        _check_field(runtime, session, record, connection, decision)
    elif strategy is Strategy.STATIC_LINK:
        _note_static_link(runtime, session, record, connection, decision)
    elif strategy is Strategy.MAIL_RELAY:
        link = links.personal_link(runtime, session, record, connection)
        owe_relayed(runtime, session, record, link, decision=decision)


def _take_over(
    session: Session, record: ApplicationRecord, corrected: Decision, decision: Decision
) -> bool:
    """Whether the notice of this rejection has left, or may be leaving: it is then that of the
    corrected decision, so that nobody is told twice, however often it is corrected.

    One that waits is owed anew, and skipped under the old decision.
    """
    notices = select(Delivery).where(
        Delivery.application_id == record.id,
        Delivery.decision_id == corrected.id,
        Delivery.strategy.in_(NOTICES),
    )
    found = False
    for notice in session.scalars(notices.with_for_update()):
        is_done = notice.state == WorkState.DONE.value
        if not (is_done or notice.handed_over_at or notice.running_since):
            continue
        if not (is_done or decision.link):
            # Should it turn out not to have left.
            notice.link_id = None
        notice.decision = decision
        found = True
    return found


def _purpose(decision: Decision) -> str:
    return f"decision:{decision.id}"


def _existing(
    session: Session, record: ApplicationRecord, strategy: Strategy, purpose: str
) -> Delivery | None:
    if links.is_new(record):
        return None
    return session.scalars(
        select(Delivery).where(
            Delivery.application_id == record.id,
            Delivery.strategy == strategy.value,
            Delivery.purpose == purpose,
        )
    ).first()


def _owe(
    runtime: Runtime,
    session: Session,
    record: ApplicationRecord,
    link: RelayLink | None,
    *,
    strategy: Strategy,
    purpose: str,
    decision: Decision | None = None,
    at: datetime | None = None,
) -> Delivery:
    now = runtime.clock()
    delivery = Delivery(
        id=new_id(),
        connection_id=record.connection_id,
        application_id=record.id,
        application=record,
        link_id=link.id if link else None,
        link=link,
        strategy=strategy.value,
        purpose=purpose,
        decision_id=decision.id if decision else None,
        decision=decision,
        created_at=now,
        due_at=at or now,
        attempts=0,
        detail={**tracing.carried(), SIGNED_BY: _key_name(runtime, session, record, strategy)},
    )
    session.add(delivery)
    runtime.submit(session, DELIVER, delivery, delay=max(delivery.due_at - now, timedelta()))
    return delivery


def _key_name(
    runtime: Runtime, session: Session, record: ApplicationRecord, strategy: Strategy
) -> str:
    """A case's link stands in its field under one signature, whichever delivery writes it."""
    if strategy is Strategy.FIELD_TOKEN and not links.is_new(record):
        for earlier in _into_field(session, record):
            if SIGNED_BY in earlier.detail:
                return str(earlier.detail[SIGNED_BY])
    return runtime.signer.key_name


def trace_of(session: Session, record: ApplicationRecord) -> dict[str, str]:
    """What the case's last delivery carries for OpenTelemetry, for work that follows days later."""
    if not tracing.is_on():
        return {}
    query = select(Delivery.detail).where(Delivery.application_id == record.id)
    last = session.scalar(query.order_by(Delivery.created_at.desc()).limit(1)) or {}
    return {name: str(last[name]) for name in (tracing.CARRIED,) if name in last}


def owe_relayed(
    runtime: Runtime,
    session: Session,
    record: ApplicationRecord,
    link: RelayLink,
    *,
    decision: Decision,
) -> Delivery:
    """The mail is the ATS's, so ours is to wait for it; due is the moment we stop waiting."""
    days = runtime.settings.mail_relay["expect_days"]
    return _owe(
        runtime, session, record, link,
        strategy=Strategy.MAIL_RELAY, purpose=_purpose(decision), decision=decision,
        at=runtime.clock() + timedelta(days=days),
    )  # fmt: skip


def _owe_notice(
    runtime: Runtime,
    session: Session,
    record: ApplicationRecord,
    connection: Connection,
    decision: Decision,
    *,
    strategy: Strategy,
) -> None:
    """In the company's hours, and never before the ATS lets the candidate know."""
    link = links.personal_link(runtime, session, record, connection) if decision.link else None
    company = connection.company
    held = runtime.clock() + timedelta(days=company.hold_days)
    _owe(
        runtime, session, record, link,
        strategy=strategy, purpose=_purpose(decision), decision=decision,
        at=send_time(company, max(held, record.notice_after or held)),
    )  # fmt: skip


def send_time(company: Company, earliest: datetime) -> datetime:
    """The first moment from ``earliest`` on at which this company's mails may leave."""
    return next_send_time(
        earliest,
        timezone=company.timezone,
        from_hour=company.send_from_hour,
        until_hour=company.send_until_hour,
        business_days_only=company.business_days_only,
    )


def _check_field(
    runtime: Runtime,
    session: Session,
    record: ApplicationRecord,
    connection: Connection,
    decision: Decision,
) -> None:
    """The field was filled at application time, or is filled now for a mail sent later."""
    prepared = _existing(session, record, Strategy.FIELD_TOKEN, PREPARE)
    stands = prepared is not None and prepared.state in (WorkState.DONE.value, WorkState.DUE.value)
    if stands and _existing(session, record, Strategy.FIELD_TOKEN, CLEAR) is None:
        return
    link = links.personal_link(runtime, session, record, connection)
    _owe(
        runtime, session, record, link,
        strategy=Strategy.FIELD_TOKEN, purpose=_purpose(decision), decision=decision,
    )  # fmt: skip


def _note_static_link(
    runtime: Runtime,
    session: Session,
    record: ApplicationRecord,
    connection: Connection,
    decision: Decision,
) -> None:
    """The link stands in the company's template already; nothing is sent, the record says so."""
    link = links.static_link(runtime, session, connection)
    now = runtime.clock()
    session.add(
        Delivery(
            connection_id=record.connection_id,
            application_id=record.id,
            application=record,
            link_id=link.id,
            link=link,
            strategy=Strategy.STATIC_LINK.value,
            purpose=_purpose(decision),
            decision_id=decision.id,
            decision=decision,
            created_at=now,
            due_at=now,
            state=WorkState.DONE.value,
            finished_at=now,
            detail={"in_template": True},
        )
    )
