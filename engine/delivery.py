"""Getting the link into the mail: what is owed when, and doing it.

``field_token`` is owed at application time; everything else after the decision. A delivery is
looked at once more just before its effect: an un-rejection or a stop link since then wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..link_signing import Purpose
from ..mail.calendar import next_send_time
from ..models.companies import Strategy
from ..models.decisions import ReasonCode
from ..models.errors import PostponedError
from ..models.events import OutgoingMessage
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
from . import links, own_mail
from .claims import settle
from .eligibility import NOTICE_WITHOUT_LINK
from .people import is_suppressed, open_application
from .runtime import Runtime

DELIVER = "deliver"
PREPARE = "prepare"
CLEAR = "clear"
NO_MAIL = "no_mail"
"""No mail of the ATS has passed the relay within the time that one was expected."""


def prepare(
    runtime: Runtime, session: Session, record: ApplicationRecord, connection: Connection
) -> None:
    """At application time: the personal link goes into the ATS's field, still inactive."""
    if Strategy.FIELD_TOKEN.value not in connection.strategies or not record.addresses:
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
        written = _into_field(session, record)
        if not written or any(delivery.purpose == CLEAR for delivery in written):
            continue
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
) -> None:
    """After the decision: the first of the connection's strategies that applies is owed."""
    strategies = [Strategy(s) for s in connection.strategies]
    code = ReasonCode(decision.code)
    if code in NOTICE_WITHOUT_LINK and strategies[:1] == [Strategy.OWN_MAIL]:
        _owe_own_mail(runtime, session, record, connection, decision, link=None)
        return
    if not decision.link or not strategies:
        return
    strategy = strategies[0]
    if strategy is Strategy.OWN_MAIL:
        link = links.personal_link(runtime, session, record, connection)
        _owe_own_mail(runtime, session, record, connection, decision, link=link)
    elif strategy is Strategy.FIELD_TOKEN:
        _check_field(runtime, session, record, connection, decision)
    elif strategy is Strategy.STATIC_LINK:
        _note_static_link(runtime, session, record, connection, decision)
    elif strategy is Strategy.MAIL_RELAY:
        link = links.personal_link(runtime, session, record, connection)
        owe_relayed(runtime, session, record, link, decision=decision)
    elif strategy is Strategy.ATS_MESSAGE:
        link = links.personal_link(runtime, session, record, connection)
        _owe(
            runtime, session, record, link,
            strategy=strategy, purpose=_purpose(decision), decision=decision,
        )  # fmt: skip


def _purpose(decision: Decision) -> str:
    return f"decision:{decision.id}"


def _existing(
    session: Session, record: ApplicationRecord, strategy: Strategy, purpose: str
) -> Delivery | None:
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
        link_id=link.id if link else None,
        strategy=strategy.value,
        purpose=purpose,
        decision_id=decision.id if decision else None,
        created_at=now,
        due_at=at or now,
        attempts=0,
    )
    session.add(delivery)
    session.flush()
    runtime.submit(session, DELIVER, delivery, delay=max(delivery.due_at - now, timedelta()))
    return delivery


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


def _owe_own_mail(
    runtime: Runtime,
    session: Session,
    record: ApplicationRecord,
    connection: Connection,
    decision: Decision,
    *,
    link: RelayLink | None,
) -> None:
    company = connection.company
    at = send_time(company, runtime.clock() + timedelta(days=company.hold_days))
    _owe(
        runtime, session, record, link,
        strategy=Strategy.OWN_MAIL, purpose=_purpose(decision), decision=decision, at=at,
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
    if prepared is not None and prepared.state in (WorkState.DONE.value, WorkState.DUE.value):
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
            link_id=link.id,
            strategy=Strategy.STATIC_LINK.value,
            purpose=_purpose(decision),
            decision_id=decision.id,
            created_at=now,
            due_at=now,
            state=WorkState.DONE.value,
            finished_at=now,
            detail={"in_template": True},
        )
    )


@dataclass(frozen=True, slots=True)
class _Owed:
    """A delivery with all it needs, as they stand now. ``obstacle``: why it is not wanted."""

    delivery: Delivery
    record: ApplicationRecord
    connection: Connection
    company: Company
    suppressed: bool
    obstacle: str | None


def _look(runtime: Runtime, delivery_id: str) -> _Owed:
    with runtime.database.read() as session:
        delivery = session.get_one(Delivery, delivery_id)
        record = session.get_one(ApplicationRecord, delivery.application_id)
        connection = session.get_one(Connection, delivery.connection_id)
        company = session.get_one(Company, connection.company_id)
        hashes = [address.email_hash for address in record.addresses]
        suppressed = is_suppressed(session, hashes, company.id)
    obstacle = _obstacle(delivery, record, suppressed=suppressed)
    return _Owed(delivery, record, connection, company, suppressed, obstacle)


def deliver(runtime: Runtime, delivery_id: str) -> None:
    """Task: do one owed delivery."""
    owed = _look(runtime, delivery_id)
    if owed.obstacle is None:
        strategy = Strategy(owed.delivery.strategy)
        if strategy is Strategy.FIELD_TOKEN:
            owed = _write_field(runtime, owed)
        elif strategy is Strategy.MAIL_RELAY:
            owed = replace(owed, obstacle=NO_MAIL)
        elif strategy is Strategy.OWN_MAIL:
            _wait_for_send_time(runtime, owed.company)
            own_mail.send(
                runtime, owed.delivery, owed.record, owed.company, with_link=not owed.suppressed
            )
        else:
            _send_ats_message(runtime, owed)
    _finish(runtime, delivery_id, obstacle=owed.obstacle)


def _obstacle(delivery: Delivery, record: ApplicationRecord, *, suppressed: bool) -> str | None:
    """Why the delivery is not wanted any more."""
    if record.person_sealed is None:
        return ReasonCode.ERASED.value
    if delivery.decision_id and record.current_decision_id != delivery.decision_id:
        return ReasonCode.UNREJECTED.value
    if suppressed and delivery.strategy != Strategy.OWN_MAIL.value and delivery.purpose != CLEAR:
        return ReasonCode.SUPPRESSED.value
    return None


def _wait_for_send_time(runtime: Runtime, company: Company) -> None:
    now = runtime.clock()
    at = send_time(company, now)
    if at > now:
        raise PostponedError("outside the sending hours", retry_after=(at - now).total_seconds())


def _write_field(runtime: Runtime, owed: _Owed) -> _Owed:
    """Write, unless somebody's stop link or un-rejection was quicker; what was found then."""
    person = owed.record.candidate_external_id
    # Vendors replace whole arrays: read, merge and write must not interleave with another
    # worker's for the same person.
    with runtime.locks.hold(f"record:{owed.connection.id}:{person}"):
        owed = _look(runtime, owed.delivery.id)
        if owed.obstacle is not None:
            return owed
        clearing = owed.delivery.purpose == CLEAR
        runtime.connector(owed.connection).write_link(
            open_application(runtime.vault, owed.record),
            "" if clearing else runtime.signer.url_for(str(owed.delivery.link_id)),
            ours=runtime.signer.prefix(Purpose.RELAY),
        )
    return owed


def _send_ats_message(runtime: Runtime, owed: _Owed) -> None:
    mail = own_mail.compose(runtime, owed.delivery, owed.record, owed.company, with_link=True)
    message = OutgoingMessage(marker=owed.delivery.id, subject=mail.subject, text=mail.text)
    application = open_application(runtime.vault, owed.record)
    runtime.connector(owed.connection).send_message(application, message)


def _finish(runtime: Runtime, delivery_id: str, *, obstacle: str | None) -> None:
    state = WorkState.SKIPPED if obstacle else WorkState.DONE
    with runtime.database.begin() as session:
        row = session.get_one(Delivery, delivery_id)
        by_ats = row.strategy != Strategy.OWN_MAIL.value and not obstacle
        settle(session, row, runtime.clock(), state=state, code=obstacle or "", ats_answered=by_ats)
