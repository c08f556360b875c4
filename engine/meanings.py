"""What the reason map says of the cases of one transaction; each reason is looked up once."""

from __future__ import annotations

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

    def of(self, reason: Reason | None) -> ReasonMeaning | None:
        """What the company says; a reason never seen before is entered, unmapped."""
        if reason is None:
            return None
        rule = self._rule(reason.external_id)
        if rule is None:
            if reason.side is RejectionSide.UNKNOWN:
                self._add_unmapped(reason.external_id, reason.text)
            return None
        return ReasonMeaning(rule.meaning) if rule.meaning else None

    def _rule(self, external_id: str) -> ReasonRule | None:
        if external_id not in self._rules:
            query = select(ReasonRule).where(
                ReasonRule.connection_id == self._connection.id,
                ReasonRule.external_id == external_id,
            )
            self._rules[external_id] = self._session.scalars(query).first()
        return self._rules[external_id]

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
