"""How long what is kept: the company's clock for profiles, ours for raw signals and proofs."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, delete, inspect, literal_column, select, update
from sqlalchemy.orm import Session

from ..models.candidates import ApplicationState
from ..models.registrations import RegistrationState
from ..models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Attempt,
    Company,
    Connection,
    Provision,
    RefusedRequest,
    Registration,
    RelayedMail,
    SharedToken,
    Signal,
    SpooledMail,
    WorkState,
)
from .runtime import Runtime

log = structlog.get_logger(__name__)

BATCH = 500
DAY = timedelta(days=1)


def months_before(moment: datetime, months: int) -> datetime:
    """The same day that many months earlier, or the last day of a shorter month."""
    return _shift(moment, -months)


def months_after(moment: datetime, months: int) -> datetime:
    """The same day that many months later, or the last day of a shorter month."""
    return _shift(moment, months)


def _shift(moment: datetime, months: int) -> datetime:
    total = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(total, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def purge(runtime: Runtime) -> dict[str, int]:
    """Delete what is past its time; safe to run at any moment, and to be killed in.

    Returns how many rows of each kind went.
    """
    now = runtime.clock()
    keep = runtime.settings.retention
    traces = now - timedelta(days=keep["signal_days"])
    counts = {
        # Only finished ones: what is still owed is never thrown away.
        "signals": _purge_rows(
            runtime, Signal, Signal.received_at < traces, Signal.state != WorkState.DUE.value
        ),
        "profiles": _purge_profiles(runtime, now),
        "unproved": _purge_unproved(runtime, now - timedelta(days=keep["unproved_days"])),
        "provisions": _purge_rows(runtime, Provision, Provision.retain_until < now),
        # A day later: no clock that is a little off takes one that another machine still uses.
        "tokens": _purge_rows(runtime, SharedToken, SharedToken.expires_at < now - DAY),
        "attempts": _purge_rows(runtime, Attempt, Attempt.finished_at < traces),
        "refused": _purge_rows(runtime, RefusedRequest, RefusedRequest.received_at < traces),
        "relayed": _purge_rows(runtime, RelayedMail, RelayedMail.last_at < traces),
        "spooled": _purge_rows(
            runtime,
            SpooledMail,
            SpooledMail.finished_at < traces,
            SpooledMail.state.in_((WorkState.DONE.value, WorkState.SKIPPED.value)),
        ),
    }
    log.info("purged", **counts)
    return counts


def _in_batches(runtime: Runtime, old: Select[str], away: Callable[[Session, Any], None]) -> int:
    """Batch by batch, each a transaction of its own: nobody waits long for SQLite's write lock,
    and a kill costs one batch. ``old`` finds by an index what ``away`` then takes out of it."""
    gone = 0
    while True:
        with runtime.database.begin() as session:
            ids = session.scalars(old.limit(BATCH)).all()
            if ids:
                away(session, ids)
        gone += len(ids)
        if len(ids) < BATCH:
            return gone


def _purge_rows(runtime: Runtime, row: type[Any], *old: ColumnElement[bool]) -> int:
    (key,) = inspect(row).primary_key

    def away(session: Session, ids: Any) -> None:
        session.execute(
            delete(row).where(key.in_(ids)), execution_options={"synchronize_session": False}
        )

    return _in_batches(runtime, select(key).where(*old), away)


def _purge_profiles(runtime: Runtime, now: datetime) -> int:
    query = select(Connection, Company.retention_months).join(Company)
    with runtime.database.read() as session:
        connections = session.execute(query).all()
    return sum(
        _purge_connection(runtime, connection, months_before(now, months))
        for connection, months in connections
    )


def _purge_connection(runtime: Runtime, connection: Connection, before: datetime) -> int:
    """Names and addresses go; the case's coded facts and the ledger stay."""
    old = select(ApplicationRecord.id).where(
        ApplicationRecord.connection_id == connection.id,
        ApplicationRecord.changed_at < before,
        ApplicationRecord.person_sealed.is_not(None),
    )
    if connection.removed_at is None:
        # Of a removed connection nobody will ever hear that an open case has ended.
        old = old.where(ApplicationRecord.state != ApplicationState.ACTIVE.value)
    return _in_batches(runtime, old, _forget_people)


def _forget_people(session: Session, ids: Any) -> None:
    session.execute(delete(ApplicationAddress).where(ApplicationAddress.application_id.in_(ids)))
    session.execute(
        update(ApplicationRecord)
        .where(ApplicationRecord.id.in_(ids))
        .values(person_sealed=None, locale=None, ats_url=None)
    )


def _purge_unproved(runtime: Runtime, before: datetime) -> int:
    """A registration nobody proved, or that matched no rejection, keeps no person, not even as a
    hash: whoever typed the address, nobody agreed to anything."""
    # As literals: the index holds these rows alone, and only then can it be used.
    states = (RegistrationState.STARTED.value, RegistrationState.UNMATCHED.value)
    old = select(Registration.id).where(
        Registration.state.in_([literal_column(f"'{state}'") for state in states]),
        Registration.started_at < before,
        Registration.email_sealed.is_not(None),
    )
    return _in_batches(runtime, old, _forget_registrants)


def _forget_registrants(session: Session, ids: Any) -> None:
    session.execute(
        update(Registration)
        .where(Registration.id.in_(ids))
        .values(
            name_sealed=None,
            email_sealed=None,
            code_sealed=None,
            email_hash=Registration.id,
            mailbox_hash=Registration.id,
        )
    )
