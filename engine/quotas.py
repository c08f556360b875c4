"""How often a mailbox may be asked for its proof, and a link may start a registration.

Counted in the store, so neither a restart nor a second process gives more. Nobody's mailbox may
be flooded with our mails, whoever types its address, and no code be guessed by starting again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ..models.errors import TooOftenError
from ..models.links import LinkKind
from ..models.tables import Registration, RelayLink


@dataclass(frozen=True, slots=True)
class Quota:
    """At most ``number`` within ``within``."""

    number: int
    within: timedelta


BY_MAILBOX = (Quota(5, timedelta(hours=1)), Quota(10, timedelta(days=1)))
BY_PERSONAL_LINK = (Quota(10, timedelta(hours=1)),)
BY_STATIC_LINK = (Quota(600, timedelta(hours=1)),)


def check(session: Session, *, mailbox_hash: str, link: RelayLink, now: datetime) -> None:
    """Raise TooOftenError, with the seconds to wait, when one more would be too many."""
    personal = link.kind == LinkKind.PERSONAL.value
    by_link = BY_PERSONAL_LINK if personal else BY_STATIC_LINK
    for quota in BY_MAILBOX:
        _check(session, quota, Registration.mailbox_hash == mailbox_hash, now)
    for quota in by_link:
        _check(session, quota, Registration.link_id == link.id, now)


def _check(session: Session, quota: Quota, which: ColumnElement[bool], now: datetime) -> None:
    starts = select(Registration.started_at).where(which).order_by(Registration.started_at.desc())
    oldest = session.scalar(starts.offset(quota.number - 1).limit(1))
    if oldest is not None and oldest + quota.within > now:
        wait = (oldest + quota.within - now).total_seconds()
        raise TooOftenError("too many registrations were started", retry_after=wait)
