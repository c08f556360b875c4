"""Issuing and opening relay links; whether a personal link is active is derived, never stored."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from ..connectors.registry import connector_classes
from ..connectors.spec import LinkScope
from ..link_signing import Purpose
from ..models.candidates import Stage
from ..models.errors import (
    LinkExpiredError,
    LinkInactiveError,
    LinkInvalidError,
    LinkRevokedError,
)
from ..models.links import LinkKind
from ..models.tables import ApplicationRecord, Company, Connection, Decision, RelayLink, new_id
from .retention import months_after
from .runtime import Runtime


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A relay link that may be used, with whom it belongs to."""

    link: RelayLink
    company: Company
    connection: Connection


def personal_link(
    runtime: Runtime, session: Session, record: ApplicationRecord, connection: Connection
) -> RelayLink:
    """The one personal link of a case (or of its person, where the ATS has one field for both)."""
    scope = connector_classes()[connection.connector].spec.link_scope
    if scope is LinkScope.CANDIDATE:
        subject, application_id = f"candidate:{record.candidate_external_id}", None
    else:
        subject, application_id = f"application:{record.id}", record.id
    known = None if is_new(record) and application_id else _live(session, connection, subject)
    if known is not None:
        return known
    link = RelayLink(
        id=new_id(),
        kind=LinkKind.PERSONAL.value,
        company_id=connection.company_id,
        connection_id=connection.id,
        subject=subject,
        application_id=application_id,
        application=record if application_id else None,
        candidate_external_id=record.candidate_external_id,
        issued_at=runtime.clock(),
    )
    session.add(link)
    _foreseen(session)[connection.id, subject] = link
    return link


def is_new(row: object) -> bool:
    """Made in this transaction and not written yet, so nothing in the database belongs to it."""
    return inspect(row).pending


def foresee_links(session: Session, connection: Connection, candidates: Collection[str]) -> None:
    """Find the links of these people at once, where they are by person."""
    if connector_classes()[connection.connector].spec.link_scope is not LinkScope.CANDIDATE:
        return
    known = _foreseen(session)
    subjects = {f"candidate:{id_}" for id_ in candidates}
    query = select(RelayLink).where(
        RelayLink.company_id == connection.company_id,
        RelayLink.connection_id == connection.id,
        RelayLink.subject.in_(subjects),
    )
    known.update(((connection.id, subject), None) for subject in subjects)
    known.update(((connection.id, link.subject), link) for link in session.scalars(query))


def _foreseen(session: Session) -> dict[tuple[str, str], RelayLink | None]:
    """Of this session's transaction: by connection and subject."""
    return session.info.setdefault("links", {})


def static_link(
    runtime: Runtime,
    session: Session,
    connection: Connection,
    *,
    job: str | None = None,
    stage: Stage | None = None,
) -> RelayLink:
    """The one static link of a company's connection, optionally for a job and a stage."""
    subject = f"static:{job or ''}:{stage.value if stage else ''}"
    known = _live(session, connection, subject)
    if known is not None:
        return known
    link = RelayLink(
        id=new_id(),
        kind=LinkKind.STATIC.value,
        company_id=connection.company_id,
        connection_id=connection.id,
        subject=subject,
        job_external_id=job,
        stage=stage.value if stage else None,
        issued_at=runtime.clock(),
    )
    session.add(link)
    session.flush()
    return link


def _live(session: Session, connection: Connection, subject: str) -> RelayLink | None:
    """The link of a subject. A revoked one stays revoked and makes room for a new one."""
    known = _find(session, connection, subject)
    if known is None or known.revoked_at is None:
        return known
    known.subject = f"{subject}:revoked:{known.id}"
    # Now, for the unit of work would write the new one first.
    session.flush()
    return None


def _find(session: Session, connection: Connection, subject: str) -> RelayLink | None:
    foreseen = _foreseen(session)
    if (connection.id, subject) in foreseen:
        return foreseen[connection.id, subject]
    return session.scalars(
        select(RelayLink).where(
            RelayLink.company_id == connection.company_id,
            RelayLink.connection_id == connection.id,
            RelayLink.subject == subject,
        )
    ).first()


def open_link(
    runtime: Runtime, session: Session, token: str, *, purpose: Purpose = Purpose.RELAY
) -> OpenedLink:
    """The link behind a token of the page. Raises LinkError kinds; changes nothing."""
    id_ = runtime.signer.open(token, purpose=purpose)
    link = session.get(RelayLink, id_)
    if link is None:
        raise LinkInvalidError("the link is unknown here")
    check_usable(session, link, now=runtime.clock(), stopping=purpose is Purpose.STOP)
    return OpenedLink(
        link,
        session.get_one(Company, link.company_id),
        session.get_one(Connection, link.connection_id),
    )


def check_usable(
    session: Session, link: RelayLink, *, now: datetime, stopping: bool = False
) -> None:
    """Raise unless the link is active. A stop link works whatever became of its relay link."""
    if stopping:
        return
    if link.revoked_at is not None:
        raise LinkRevokedError("the link was taken back")
    expires_at = link.expires_at or decided_expiry(session, link)
    if expires_at is not None and expires_at <= now:
        raise LinkExpiredError("the link is too old", issued_at=link.issued_at)
    if link.kind == LinkKind.PERSONAL.value and expires_at is None:
        raise LinkInactiveError("the link was issued, but no decision has activated it")


def decided_expiry(session: Session, link: RelayLink) -> datetime | None:
    """A personal link lives as long as the company keeps the case; None: no case is decided."""
    if link.kind != LinkKind.PERSONAL.value:
        return None
    decisions = [d for _, d in cases_of(session, link)]
    if not decisions:
        return None
    company = session.get_one(Company, link.company_id)
    return max(months_after(d.rejected_at, company.retention_months) for d in decisions)


def cases_of(session: Session, link: RelayLink) -> list[tuple[ApplicationRecord, Decision]]:
    """The rejections a personal link stands for, latest first."""
    query = (
        select(ApplicationRecord, Decision)
        .join(Decision, Decision.id == ApplicationRecord.current_decision_id)
        .where(ApplicationRecord.connection_id == link.connection_id, Decision.link.is_(True))
        .order_by(Decision.rejected_at.desc())
    )
    if link.application_id is not None:
        query = query.where(ApplicationRecord.id == link.application_id)
    else:
        query = query.where(ApplicationRecord.candidate_external_id == link.candidate_external_id)
    return [(record, decision) for record, decision in session.execute(query)]
