"""Stop links: no link and no follow-up for an address again, at once and for good."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..link_signing import Purpose
from ..mail.addresses import normalise_for_matching
from ..models.database import insert_into
from ..models.tables import ApplicationAddress, ApplicationRecord, RelayLink, Suppression
from . import delivery, links
from .runtime import Runtime


def suppress(
    session: Session, hashes: Iterable[str], *, scope: str, cause: str, at: datetime
) -> None:
    """No link and no follow-up for these addresses again; twice at once is once."""
    row = {"scope": scope, "cause": cause, "at": at}
    rows = [{**row, "email_hash": email_hash} for email_hash in sorted(set(hashes))]
    if rows:
        session.execute(insert_into(session, Suppression).values(rows).on_conflict_do_nothing())


def stop(runtime: Runtime, token: str, *, email: str | None, cause: str) -> bool:
    """A stop link was used: by button (the case's own addresses) or with a typed address.

    Returns False when an address must be typed first (a static link).
    """
    now = runtime.clock()
    with runtime.database.begin() as session:
        opened = links.open_link(runtime, session, token, purpose=Purpose.STOP)
        hashes = _addresses_of(session, opened.link)
        if email is not None:
            hashes = [runtime.vault.match(normalise_for_matching(email))]
        suppress(session, hashes, scope=opened.company.id, cause=cause, at=now)
        delivery.clear(runtime, session, hashes, opened.company.id)
        return bool(hashes)


def _addresses_of(session: Session, link: RelayLink) -> list[str]:
    query = select(ApplicationAddress.email_hash).join(
        ApplicationRecord, ApplicationRecord.id == ApplicationAddress.application_id
    )
    if link.application_id is not None:
        query = query.where(ApplicationRecord.id == link.application_id)
    elif link.candidate_external_id is not None:
        query = query.where(
            ApplicationRecord.connection_id == link.connection_id,
            ApplicationRecord.candidate_external_id == link.candidate_external_id,
        )
    else:
        return []
    return list(session.scalars(query.distinct()))
