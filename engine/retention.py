"""How long what is kept: the company's clock for profiles, ours for raw signals and proofs."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from typing import Any, cast

import structlog
from sqlalchemy import CursorResult, Executable, delete, or_, select, update
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
    Signal,
    SpooledMail,
    WorkState,
)
from .runtime import Runtime

log = structlog.get_logger(__name__)

BATCH = 500


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
        "signals": _purge_signals(runtime, traces),
        "profiles": _purge_profiles(runtime, now),
        "unproved": _purge_unproved(runtime, now - timedelta(days=keep["unproved_days"])),
    }
    with runtime.database.begin() as session:
        counts["provisions"] = _count(
            session, delete(Provision).where(Provision.retain_until < now)
        )
        session.execute(delete(Attempt).where(Attempt.finished_at < traces))
        session.execute(delete(RefusedRequest).where(RefusedRequest.received_at < traces))
        session.execute(delete(RelayedMail).where(RelayedMail.last_at < traces))
        over = (WorkState.DONE.value, WorkState.SKIPPED.value)
        session.execute(
            delete(SpooledMail).where(SpooledMail.finished_at < traces, SpooledMail.state.in_(over))
        )
    log.info("purged", **counts)
    return counts


def _count(session: Session, statement: Executable) -> int:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def _purge_signals(runtime: Runtime, before: datetime) -> int:
    """Only finished ones: what is still owed is never thrown away."""
    gone = 0
    while True:
        with runtime.database.begin() as session:
            ids = session.scalars(
                select(Signal.id)
                .where(Signal.received_at < before, Signal.state != WorkState.DUE.value)
                .limit(BATCH)
            ).all()
            session.execute(delete(Signal).where(Signal.id.in_(ids)))
        gone += len(ids)
        if len(ids) < BATCH:
            return gone


def _purge_profiles(runtime: Runtime, now: datetime) -> int:
    with runtime.database.read() as session:
        companies = session.scalars(select(Company)).all()
    return sum(_purge_company(runtime, company, now) for company in companies)


def _purge_company(runtime: Runtime, company: Company, now: datetime) -> int:
    """Names and addresses go; the case's coded facts and the ledger stay."""
    before = months_before(now, company.retention_months)
    gone = 0
    while True:
        with runtime.database.begin() as session:
            ids = session.scalars(
                select(ApplicationRecord.id)
                .join(Connection, Connection.id == ApplicationRecord.connection_id)
                .where(
                    Connection.company_id == company.id,
                    ApplicationRecord.changed_at < before,
                    ApplicationRecord.person_sealed.is_not(None),
                    # Of a removed connection nobody will ever hear that an open case has ended.
                    or_(
                        ApplicationRecord.state != ApplicationState.ACTIVE.value,
                        Connection.removed_at.is_not(None),
                    ),
                )
                .limit(BATCH)
            ).all()
            session.execute(
                delete(ApplicationAddress).where(ApplicationAddress.application_id.in_(ids))
            )
            session.execute(
                update(ApplicationRecord)
                .where(ApplicationRecord.id.in_(ids))
                .values(person_sealed=None, locale=None, ats_url=None)
            )
        gone += len(ids)
        if len(ids) < BATCH:
            return gone


def _purge_unproved(runtime: Runtime, before: datetime) -> int:
    """A registration nobody proved, or that matched no rejection, keeps no person, not even as a
    hash: whoever typed the address, nobody agreed to anything."""
    with runtime.database.begin() as session:
        return _count(
            session,
            update(Registration)
            .where(
                Registration.state.in_(
                    (RegistrationState.STARTED.value, RegistrationState.UNMATCHED.value)
                ),
                Registration.started_at < before,
                Registration.email_sealed.is_not(None),
            )
            .values(
                name_sealed=None,
                email_sealed=None,
                code_sealed=None,
                email_hash=Registration.id,
                mailbox_hash=Registration.id,
            ),
        )
