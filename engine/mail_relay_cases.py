"""Which case a passing mail belongs to, and what its recipient is to get.

A mail is quicker than a web hook now and then. So whoever stands in the middle of a selection is
looked up in the ATS before the mail goes on, and where that brings nothing the mail is asked to
come again for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..connectors.spec import Capability
from ..models.candidates import ApplicationState
from ..models.companies import Strategy
from ..models.decisions import ReasonCode
from ..models.errors import CareerRelayError
from ..models.events import snapshot_event
from ..models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Connection,
    Decision,
    Delivery,
    RelayLink,
    WorkState,
)
from . import links
from .cases import CaseFile
from .delivery import owe_relayed
from .known import Known
from .people import is_counted, is_suppressed
from .polling import can_poll, poll_now
from .runtime import Runtime

log = structlog.get_logger(__name__)

MOST_ASKED = 3
"""Open cases of one person that are looked up while their mail waits; latest first."""
NOBODY = "unknown_recipient"
NOT_CHOSEN = "strategy"


class Kind(StrEnum):
    """What the recipient of a passing mail is to get."""

    PERSONAL = "personal"
    STATIC = "static"
    NONE = "none"
    WAITING = "waiting"
    """Nobody knows yet: the ATS has not told of a rejection."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judgement:
    """``reason``: a decision's code, or one of ours."""

    kind: Kind
    reason: str
    link: RelayLink | None = None
    delivery: Delivery | None = None
    record: ApplicationRecord | None = None
    waits: bool = False
    """No mail with this link has gone out yet."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A case whose decision says link, and how its delivery stands (None: none is owed yet)."""

    record: ApplicationRecord
    decision: Decision
    delivery: Delivery | None

    @property
    def waits(self) -> bool:
        return self.delivery is None or self.delivery.state != WorkState.DONE.value


def cases_of(
    session: Session, connection: Connection, email_hash: str
) -> Sequence[ApplicationRecord]:
    """The cases of that address on this connection, latest first; erased ones are nobody's."""
    query = (
        select(ApplicationRecord)
        .join(ApplicationAddress, ApplicationAddress.application_id == ApplicationRecord.id)
        .where(
            ApplicationAddress.email_hash == email_hash,
            ApplicationRecord.connection_id == connection.id,
            ApplicationRecord.state != ApplicationState.ERASED.value,
        )
        .order_by(ApplicationRecord.changed_at.desc(), ApplicationRecord.id)
    )
    return session.scalars(query).all()


def judge(
    runtime: Runtime,
    session: Session,
    connection: Connection,
    *,
    email_hash: str,
    before: str | None,
) -> Judgement:
    """As things stand in the store. ``before``: the delivery this very mail was counted to.

    A link never goes to anybody whose decision says no, whatever else is known of them.
    """
    if Strategy.MAIL_RELAY.value not in connection.strategies[:1]:
        return Judgement(Kind.NONE, NOT_CHOSEN)
    if is_suppressed(session, [email_hash], connection.company_id):
        return Judgement(Kind.NONE, ReasonCode.SUPPRESSED.value)
    cases = cases_of(session, connection, email_hash)
    if not cases:
        return Judgement(Kind.WAITING, NOBODY)
    standing = _standing(runtime, session, connection, cases, before=before)
    again = [s for s in standing if s.delivery is not None and s.delivery.id == before]
    waiting = [s for s in standing if s.waits]
    if again or waiting:
        return _personal(runtime, session, connection, (again or waiting)[0])
    if any(case.state == ApplicationState.ACTIVE.value for case in cases):
        return Judgement(Kind.WAITING, ReasonCode.NOT_REJECTED.value)
    if standing:
        return _personal(runtime, session, connection, standing[0])
    code = _latest_code(session, cases, company_id=connection.company_id)
    return Judgement(Kind.NONE, code, record=cases[0])


def _standing(
    runtime: Runtime,
    session: Session,
    connection: Connection,
    cases: Sequence[ApplicationRecord],
    *,
    before: str | None,
) -> list[_Standing]:
    """Cases with a link to give, the latest rejection first. Not to whoever has registered since,
    unless the mail server sends the very same mail once more: it is to stay the same."""
    company, found = connection.company_id, []
    for record in cases:
        decision = _decision(session, record)
        if decision is None or not decision.link or _is_stopped(session, record, company):
            continue
        delivery = _delivery(session, decision)
        is_again = delivery is not None and delivery.id == before
        if is_again or not is_counted(runtime.vault, session, record, company_id=company):
            found.append(_Standing(record, decision, delivery))
    return sorted(found, key=lambda s: s.decision.rejected_at, reverse=True)


def _is_stopped(session: Session, record: ApplicationRecord, company_id: str) -> bool:
    hashes = [address.email_hash for address in record.addresses]
    return is_suppressed(session, hashes, company_id)


def _decision(session: Session, record: ApplicationRecord) -> Decision | None:
    if record.current_decision_id is None:
        return None
    return session.get(Decision, record.current_decision_id)


def _delivery(session: Session, decision: Decision) -> Delivery | None:
    query = select(Delivery).where(
        Delivery.decision_id == decision.id, Delivery.strategy == Strategy.MAIL_RELAY.value
    )
    return session.scalars(query.order_by(Delivery.created_at)).first()


def _latest_code(session: Session, cases: Sequence[ApplicationRecord], *, company_id: str) -> str:
    decisions = [d for d in (_decision(session, record) for record in cases) if d is not None]
    negative = [d for d in decisions if not d.link]
    if not negative:
        stopped = any(_is_stopped(session, record, company_id) for record in cases)
        return (ReasonCode.SUPPRESSED if stopped else ReasonCode.ALREADY_COUNTED).value
    return max(negative, key=lambda d: d.rejected_at).code


def _personal(
    runtime: Runtime, session: Session, connection: Connection, found: _Standing
) -> Judgement:
    # The one personal link of the case: a mail sent once more carries the same.
    link = links.personal_link(runtime, session, found.record, connection)
    delivery = found.delivery or owe_relayed(
        runtime, session, found.record, link, decision=found.decision
    )
    delivery.link_id = link.id
    return Judgement(
        Kind.PERSONAL, ReasonCode.LINK.value, link, delivery, found.record, waits=found.waits
    )


def ask_ats(runtime: Runtime, connection: Connection, *, email_hash: str) -> None:
    """Look up what is still open for that address, or make the next poll due: the rejection may
    be known there already. What the ATS does not answer changes nothing."""
    with runtime.database.read() as session:
        connection = session.get_one(Connection, connection.id)
        cases = cases_of(session, connection, email_hash)
    if connection.paused_until is not None and connection.paused_until > runtime.clock():
        return
    open_cases = [case for case in cases if case.state == ApplicationState.ACTIVE.value]
    if not cases and can_poll(connection):
        poll_now(runtime, connection.id, at=runtime.clock())
    for record in open_cases[:MOST_ASKED]:
        try:
            _look_up(runtime, connection, record)
        except CareerRelayError as error:
            log.warning("relay_lookup_failed", connection=connection.id, code=error.code)


def _look_up(runtime: Runtime, connection: Connection, record: ApplicationRecord) -> None:
    connector = runtime.connector(connection)
    if not connector.spec.can(Capability.FETCH):
        return
    found = connector.fetch_application(record.external_id)
    with runtime.database.begin() as session:
        cases = CaseFile(runtime, session, session.get_one(Connection, connection.id))
        cases.record(snapshot_event(found), asked=Known.of(record))
