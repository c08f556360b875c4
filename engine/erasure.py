"""Erasing one person by hand, when the request came by mail: a candidate, or a registration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..mail.addresses import normalise_for_matching
from ..models.candidates import ApplicationState
from ..models.errors import NotFoundError
from ..models.events import ApplicationEvent, EventKind
from ..models.registrations import RegistrationState
from ..models.tables import ApplicationAddress, ApplicationRecord, Connection, Registration
from .audit import note
from .cases import CaseFile
from .companies import company_of
from .registration import withdraw_in
from .runtime import Runtime

Candidates = Mapping[tuple[str, str], int]
"""Connection and the ATS's id of the candidate -> how many cases they have there."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What is erased, in numbers."""

    cases: int
    connections: tuple[str, ...]


def with_address(runtime: Runtime, company_id: str, *, email: str) -> Candidates:
    """The company's candidates of that address with all their cases, of removed connections too.

    Raises NotFoundError.
    """
    hashed = runtime.vault.match(normalise_for_matching(email))
    with runtime.database.read() as session:
        company_of(session, company_id)
        found = _candidates(session, company_id, hashed)
    if not found:
        raise NotFoundError(
            f"company '{company_id}' has no candidate of that address, or they are erased already"
        )
    return found


def _candidates(session: Session, company_id: str, email_hash: str) -> Candidates:
    person = (ApplicationRecord.connection_id, ApplicationRecord.candidate_external_id)
    theirs = (
        select(*person)
        .join(ApplicationAddress, ApplicationAddress.application_id == ApplicationRecord.id)
        .join(Connection, Connection.id == ApplicationRecord.connection_id)
        .where(ApplicationAddress.email_hash == email_hash, Connection.company_id == company_id)
        .distinct()
    )
    found: Counter[tuple[str, str]] = Counter()
    for connection_id, candidate_id in session.execute(theirs).all():
        cases = select(ApplicationRecord.id).where(
            ApplicationRecord.connection_id == connection_id,
            ApplicationRecord.candidate_external_id == candidate_id,
            ApplicationRecord.state != ApplicationState.ERASED.value,
        )
        found[connection_id, candidate_id] = len(session.scalars(cases).all())
    return found


def erase(runtime: Runtime, company_id: str, *, candidates: Candidates, actor: str) -> Erased:
    """What an ATS's own deletion does, all in one transaction. Twice is once."""
    connections = tuple(sorted({connection_id for connection_id, _ in candidates}))
    done = Erased(sum(candidates.values()), connections)
    with runtime.database.begin() as session:
        for connection_id, candidate_id in sorted(candidates):
            gone = ApplicationEvent(
                EventKind.ERASED, runtime.clock(), candidate_id=candidate_id, ats_event="by hand"
            )
            CaseFile(runtime, session, session.get_one(Connection, connection_id)).record(gone)
        note(
            runtime, session, actor=actor, action="candidate.erase", subject=company_id,
            cases=done.cases, connections=list(connections),
        )  # fmt: skip
    return done


def registrations_with(runtime: Runtime, *, email: str) -> Mapping[str, str]:
    """One registration of that address for each company it was made with: company -> id.

    Raises NotFoundError.
    """
    query = select(Registration.company_id, Registration.id).where(
        Registration.email_hash == runtime.vault.match(normalise_for_matching(email)),
        Registration.state != RegistrationState.WITHDRAWN.value,
    )
    with runtime.database.read() as session:
        rows = session.execute(query.order_by(Registration.id)).all()
    found = {row.company_id: row.id for row in rows}
    if not found:
        raise NotFoundError("there is no registration of that address, or it is erased already")
    return found


def erase_registrations(runtime: Runtime, registrations: Mapping[str, str], *, actor: str) -> None:
    """What registrants do themselves on *my data*. Twice is once."""
    with runtime.database.begin() as session:
        for company_id, id_ in sorted(registrations.items()):
            withdraw_in(runtime, session, id_)
            note(runtime, session, actor=actor, action="registration.erase", subject=company_id)
