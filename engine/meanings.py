"""What the reason map says of the cases of one transaction; each reason is looked up once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models.candidates import Reason, RejectionSide
from ..models.companies import ReasonMeaning
from ..models.tables import Connection, ReasonRule

log = structlog.get_logger(__name__)


class Meanings:
    """The reason map of one connection, inside one transaction."""

    def __init__(self, session: Session, connection: Connection, *, now: datetime) -> None:
        self._session = session
        self._connection = connection
        self._now = now
        self._rules: dict[str, ReasonRule | None] = {}

    def foresee(self, reasons: Iterable[Reason | None]) -> None:
        """Look them up at once."""
        new = {r.external_id for r in reasons if r is not None}.difference(self._rules)
        if not new:
            return
        query = select(ReasonRule).where(
            ReasonRule.connection_id == self._connection.id, ReasonRule.external_id.in_(new)
        )
        self._rules |= dict.fromkeys(new)
        self._rules |= {rule.external_id: rule for rule in self._session.scalars(query)}

    def of(self, reason: Reason | None) -> ReasonMeaning | None:
        """What the company says; a reason never seen before is entered, unmapped."""
        if reason is None:
            return None
        self.foresee([reason])
        rule = self._rules[reason.external_id]
        if rule is None:
            if reason.side is RejectionSide.UNKNOWN:
                self._add_unmapped(reason.external_id, reason.text)
            return None
        return ReasonMeaning(rule.meaning) if rule.meaning else None

    def _add_unmapped(self, external_id: str, text: str) -> None:
        log.warning("reason_unmapped", connection=self._connection.id, reason=external_id)
        rule = self._rules[external_id] = ReasonRule(
            connection_id=self._connection.id,
            external_id=external_id,
            text=text,
            first_seen_at=self._now,
        )
        self._session.add(rule)
        self._session.flush()
