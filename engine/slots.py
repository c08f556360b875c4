"""Counts and slots of a company, and the ledger added up once more to see that it agrees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..models.ledger import EntryKind
from ..models.tables import Company, CountedPerson, LedgerEntry, Registration
from .companies import company_of
from .counting import remaining
from .runtime import Runtime


@dataclass(frozen=True, slots=True)
class SlotReport:
    """``faults``: sentences about where the ledger disagrees with itself; none when all is well."""

    company: str
    credits: int
    slots: int
    remaining: int
    batch_size: int
    corrections: int
    faults: tuple[str, ...]


def slot_reports(runtime: Runtime, *, company: str | None = None) -> list[SlotReport]:
    """One report per company, or of one. Raises NotFoundError."""
    with runtime.database.read() as session:
        if company is not None:
            return [_report(session, company_of(session, company))]
        companies = session.scalars(select(Company).order_by(Company.id))
        return [_report(session, found) for found in companies]


def ledger_lines(runtime: Runtime, company: str) -> Sequence[LedgerEntry]:
    """Every line of a company's ledger, first to last."""
    with runtime.database.read() as session:
        company_of(session, company)
        return _lines(session, company)


def _lines(session: Session, company_id: str) -> Sequence[LedgerEntry]:
    query = select(LedgerEntry).where(LedgerEntry.company_id == company_id)
    return session.scalars(query.order_by(LedgerEntry.at, LedgerEntry.kind)).all()


def _report(session: Session, company: Company) -> SlotReport:
    lines = _lines(session, company.id)
    by_kind = {kind: [line for line in lines if line.kind == kind.value] for kind in EntryKind}
    return SlotReport(
        company=company.id,
        credits=len(by_kind[EntryKind.CREDIT]),
        slots=len(by_kind[EntryKind.SLOT]),
        remaining=remaining(session, company),
        batch_size=company.batch_size,
        corrections=len(by_kind[EntryKind.CORRECTION]),
        faults=tuple(_faults(session, company, by_kind)),
    )


def _faults(
    session: Session, company: Company, by_kind: dict[EntryKind, list[LedgerEntry]]
) -> list[str]:
    faults = []
    for kind, lines in by_kind.items():
        if sorted(line.number for line in lines) != list(range(1, len(lines) + 1)):
            faults.append(f"the numbers of its {kind.value} lines have a gap or a double")
    credits_ = by_kind[EntryKind.CREDIT]
    earned = len(credits_) // company.batch_size
    if len(by_kind[EntryKind.SLOT]) != earned:
        faults.append(
            f"{len(credits_)} credits earn {earned} slots, but "
            f"{len(by_kind[EntryKind.SLOT])} are written"
        )
    return faults + _people_faults(session, company, {line.id for line in credits_})


def _people_faults(session: Session, company: Company, credit_ids: set[str]) -> list[str]:
    """Each credit has its person, each counted registration its credit."""
    entries = select(CountedPerson.entry_id).where(CountedPerson.company_id == company.id)
    people = set(session.scalars(entries.distinct()))
    counted = session.scalar(
        select(func.count())
        .select_from(Registration)
        .where(Registration.company_id == company.id, Registration.counted.is_(True))
    )
    faults = []
    if people != credit_ids:
        faults.append("credits and counted people do not belong together one to one")
    if counted != len(credit_ids):
        faults.append(f"{counted} registrations are counted, but {len(credit_ids)} credits written")
    return faults
