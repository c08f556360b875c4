"""Credits and slots: the append-only ledger, added to inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..models.database import insert_into
from ..models.ledger import EntryKind
from ..models.tables import (
    ApplicationRecord,
    Company,
    CountedPerson,
    LedgerEntry,
    Registration,
    new_id,
)
from . import eligibility
from .people import counted_as, open_candidate, person_keys
from .runtime import Runtime
from .sealing import unseal


def count_person(
    runtime: Runtime, session: Session, registration: Registration, record: ApplicationRecord
) -> tuple[LedgerEntry | None, int | None]:
    """A credit if this person never counted for this company; a slot with each full batch."""
    # Everyone who counts for a company queues here, so numbers have no gap and no double. NO KEY:
    # whoever wrote a row of this company before holds its key, and two such would wait for each
    # other for ever.
    company = session.get_one(Company, registration.company_id, with_for_update={"key_share": True})
    keys = person_keys(
        runtime.vault,
        [*open_candidate(runtime.vault, record).emails, unseal(runtime, registration, "email")],
        connection_id=record.connection_id,
        candidate_id=record.candidate_external_id,
    )
    known = counted_as(session, company.id, keys)
    if known is not None:
        # Whoever was counted under one address is not counted later under the ones seen now.
        claim_keys(session, company.id, keys, entry_id=known)
        return None, None
    entry = _append(runtime, session, company, EntryKind.CREDIT, registration)
    claim_keys(session, company.id, keys, entry_id=entry.id)
    registration.counted = True
    slot = None
    if entry.number % company.batch_size == 0:
        slot = _append(runtime, session, company, EntryKind.SLOT, registration).number
    session.flush()
    return entry, slot


def claim_keys(session: Session, company_id: str, keys: Iterable[str], *, entry_id: str) -> None:
    """These keys belong to the person of that credit, as far as they are nobody's yet."""
    row = {"company_id": company_id, "entry_id": entry_id}
    rows = [{**row, "person_key": key} for key in sorted(set(keys))]
    session.execute(insert_into(session, CountedPerson).values(rows).on_conflict_do_nothing())


def _append(
    runtime: Runtime,
    session: Session,
    company: Company,
    kind: EntryKind,
    registration: Registration,
) -> LedgerEntry:
    entry = LedgerEntry(
        id=new_id(),
        company_id=company.id,
        kind=kind.value,
        number=count(session, company.id, kind) + 1,
        registration_id=registration.id,
        rule_version=f"{eligibility.RULE_VERSION}/batch-{company.batch_size}",
        evidence={
            "link": registration.link_id,
            "application": registration.application_id,
        },
        at=runtime.clock(),
    )
    session.add(entry)
    session.flush()
    return entry


def count(session: Session, company_id: str, kind: EntryKind) -> int:
    """How many ledger lines of that kind a company has."""
    query = select(func.max(LedgerEntry.number)).where(
        LedgerEntry.company_id == company_id, LedgerEntry.kind == kind.value
    )
    return session.scalar(query) or 0


def remaining(session: Session, company: Company) -> int:
    """Registrations still missing to the next slot."""
    return company.batch_size - count(session, company.id, EntryKind.CREDIT) % company.batch_size
