"""Doing what is owed: the link into a field, or the notice sent.

A delivery is looked at once more just before its effect: an un-rejection, a stop link or, for
the link in a notice, a registration since then wins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import bindparam, literal, select

from ..connectors.base import Connector
from ..connectors.spec import Capability
from ..link_signing import Purpose
from ..models.companies import Strategy
from ..models.decisions import ReasonCode
from ..models.errors import ApiNotFoundError, PostponedError
from ..models.events import snapshot_event
from ..models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Company,
    Connection,
    Decision,
    Delivery,
    Suppression,
    WorkState,
)
from . import ats_message, mail_record, own_mail
from .cases import CaseFile
from .claims import mend, settle_all
from .delivery import CLEAR, NOTICES, SIGNED_BY, send_time
from .eligibility import NOTICE_WITHOUT_LINK
from .known import Known
from .people import EVERYWHERE, is_counted, open_application
from .runtime import Runtime

NO_MAIL = "no_mail"
"""No mail of the ATS has passed the relay within the time that one was expected."""
TOLD = frozenset((ReasonCode.LINK.value, *(code.value for code in NOTICE_WITHOUT_LINK)))
"""Codes of decisions that let a delivery go on."""

_THESE = Delivery.id.in_(bindparam("deliveries", expanding=True))
_PLACES = (
    select(
        Delivery.id,
        Delivery.strategy,
        Delivery.connection_id,
        ApplicationRecord.candidate_external_id,
    )
    .join(ApplicationRecord, ApplicationRecord.id == Delivery.application_id)
    .where(_THESE)
)
_SUPPRESSED = (
    select(Suppression.email_hash)
    .join(ApplicationAddress, ApplicationAddress.email_hash == Suppression.email_hash)
    .where(
        ApplicationAddress.application_id == ApplicationRecord.id,
        Suppression.scope.in_((Company.id, literal(EVERYWHERE))),
    )
    .correlate(ApplicationRecord, Company)
    .exists()
)
# One question for all of it: it is asked for every delivery, just before its effect.
_OWED = (
    select(Delivery, ApplicationRecord, Connection, Company, _SUPPRESSED, Decision.code)
    .join(ApplicationRecord, ApplicationRecord.id == Delivery.application_id)
    .outerjoin(Decision, Decision.id == Delivery.decision_id)
    .join(Connection, Connection.id == Delivery.connection_id)
    .join(Company, Company.id == Connection.company_id)
    .where(_THESE)
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
    letter: own_mail.Letter | None = None
    """What has just been sent."""


def _look(runtime: Runtime, ids: Sequence[str]) -> dict[str, _Owed]:
    with runtime.database.read() as session:
        found = session.execute(_OWED, {"deliveries": ids}).all() if ids else []
    return {row[0].id: _owed(*row) for row in found}


def _owed(
    delivery: Delivery,
    record: ApplicationRecord,
    connection: Connection,
    company: Company,
    suppressed: bool,
    code: str | None,
) -> _Owed:
    obstacle = _obstacle(delivery, record, suppressed=suppressed, code=code)
    return _Owed(delivery, record, connection, company, suppressed, obstacle)


def deliver(runtime: Runtime, delivery_id: str) -> None:
    """Task: do one owed delivery."""
    with deliveries(runtime, [delivery_id]) as run:
        run(delivery_id)


@contextmanager
def deliveries(runtime: Runtime, ids: Sequence[str]) -> Iterator[Callable[[str], None]]:
    """Task: do owed deliveries. Those into fields are looked at, and settled, together."""
    with runtime.database.read() as session:
        places = session.execute(_PLACES, {"deliveries": ids}).all()
    fields = [place for place in places if place.strategy == Strategy.FIELD_TOKEN.value]
    # Vendors replace whole arrays: read, merge and write must not interleave with another
    # worker's for the same person.
    people = [f"record:{place.connection_id}:{place.candidate_external_id}" for place in fields]
    done: list[_Owed] = []
    with runtime.locks.hold(*people):
        owed = _look(runtime, [place.id for place in fields])
        connectors = _Connectors(runtime)

        def run(id_: str) -> None:
            if id_ not in owed:
                _deliver_otherwise(runtime, id_)
                return
            if owed[id_].obstacle is None:
                _write_field(runtime, owed[id_], connectors.of(owed[id_].connection))
            done.append(owed[id_])

        yield run
    _finish(runtime, done)


class _Connectors:
    """Opened once for all that is done together."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._opened: dict[str, Connector] = {}

    def of(self, connection: Connection) -> Connector:
        if connection.id not in self._opened:
            self._opened[connection.id] = self._runtime.connector(connection)
        return self._opened[connection.id]


def _deliver_otherwise(runtime: Runtime, delivery_id: str) -> None:
    owed = _look(runtime, [delivery_id])[delivery_id]
    strategy = owed.delivery.strategy
    if owed.obstacle is None and strategy == Strategy.MAIL_RELAY.value:
        owed = replace(owed, obstacle=NO_MAIL)
    elif owed.obstacle is None and strategy in NOTICES:
        owed = _send_notice(runtime, owed, Strategy(strategy))
    elif owed.obstacle is None and strategy == mail_record.STRATEGY:
        parts = (owed.delivery, owed.record, owed.connection, owed.company)
        owed = replace(owed, obstacle=mail_record.write(runtime, *parts))
    _finish(runtime, [owed])


def _obstacle(
    delivery: Delivery, record: ApplicationRecord, *, suppressed: bool, code: str | None
) -> str | None:
    """Why the delivery is not wanted any more. ``code``: of its decision."""
    if record.person_sealed is None:
        return ReasonCode.ERASED.value
    if delivery.decision_id and record.current_decision_id != delivery.decision_id:
        return ReasonCode.UNREJECTED.value
    if code is not None and code not in TOLD:
        return code
    # A stop link stops links; what has been sent is recorded all the same.
    stands = delivery.strategy in (*NOTICES, mail_record.STRATEGY)
    if suppressed and not stands and delivery.purpose != CLEAR:
        return ReasonCode.SUPPRESSED.value
    return None


def _send_notice(runtime: Runtime, owed: _Owed, strategy: Strategy) -> _Owed:
    """Send it, unless the ATS says by now that there is nothing to tell."""
    _wait_for_send_time(runtime, owed)
    owed = _confirmed(runtime, owed)
    if owed.obstacle is not None:
        return owed
    _wait_for_send_time(runtime, owed)
    with_link = not (owed.suppressed or _is_counted(runtime, owed))
    if strategy is Strategy.OWN_MAIL:
        parts = (owed.delivery, owed.record, owed.company)
        return replace(owed, letter=own_mail.send(runtime, *parts, with_link=with_link))
    parts = (owed.delivery, owed.record, owed.connection, owed.company)
    ats_message.send(runtime, *parts, with_link=with_link)
    return owed


def _is_counted(runtime: Runtime, owed: _Owed) -> bool:
    with runtime.database.read() as session:
        return is_counted(runtime.vault, session, owed.record, company_id=owed.company.id)


def _wait_for_send_time(runtime: Runtime, owed: _Owed) -> None:
    """By what the company and the ATS say now: either may want to wait for longer than when the
    notice came to be owed."""
    now = runtime.clock()
    held = now
    if owed.company.hold_days:
        held = owed.delivery.created_at + timedelta(days=owed.company.hold_days)
    at = send_time(owed.company, max(now, held, owed.record.notice_after or now))
    if at > now:
        raise PostponedError("not yet the time to send", retry_after=(at - now).total_seconds())


def _confirmed(runtime: Runtime, owed: _Owed) -> _Owed:
    """An ATS that holds its own notice back may drop it without a signal: ask it once more.

    Also before a message of which the ATS tells nothing afterwards: one that is down answers
    nothing here either, and then nothing was handed over yet.
    """
    connector = runtime.connector(owed.connection)
    is_unseen = connector.spec.message_unseen and _by_the_ats(owed)
    is_asked = owed.record.notice_after is not None or is_unseen
    if not is_asked or not connector.spec.can(Capability.FETCH):
        return owed
    try:
        found = connector.fetch_again(open_application(runtime.vault, owed.record))
    except ApiNotFoundError:
        return replace(owed, obstacle=ReasonCode.ERASED.value)
    with runtime.database.begin() as session:
        connection = session.get_one(Connection, owed.connection.id)
        cases = CaseFile(runtime, session, connection)
        cases.record(snapshot_event(found), asked=Known.of(owed.record))
    return _look(runtime, [owed.delivery.id])[owed.delivery.id]


def _write_field(runtime: Runtime, owed: _Owed, connector: Connector) -> None:
    clearing = owed.delivery.purpose == CLEAR
    key = owed.delivery.detail.get(SIGNED_BY, "")
    connector.write_link(
        open_application(runtime.vault, owed.record),
        "" if clearing else runtime.signer.url_for(str(owed.delivery.link_id), key=key),
        ours=runtime.signer.prefix(Purpose.RELAY),
    )


def _finish(runtime: Runtime, done: Sequence[_Owed]) -> None:
    if not done:
        return
    now = runtime.clock()
    ends: dict[str | None, list[str]] = defaultdict(list)
    for owed in done:
        ends[owed.obstacle].append(owed.delivery.id)
    well = {owed.connection.id for owed in done if owed.obstacle is None and _by_the_ats(owed)}
    with runtime.database.begin() as session:
        for obstacle, ids in ends.items():
            state = WorkState.SKIPPED if obstacle else WorkState.DONE
            settle_all(session, Delivery, ids, now, state=state, code=obstacle or "")
        for connection_id in well:
            mend(session, connection_id)
        for owed in done:
            if owed.letter:
                mail_record.owe(runtime, session, owed.connection, owed.delivery, owed.letter)


def _by_the_ats(owed: _Owed) -> bool:
    return owed.delivery.strategy != Strategy.OWN_MAIL.value
