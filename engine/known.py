"""How far a case is recorded: what an answer of the ATS is newer than, and what it ties with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..connectors.registry import connector_class
from ..models.candidates import Application, ApplicationState
from ..models.tables import ApplicationRecord, Decision


class Known(NamedTuple):
    """How far a case is recorded. What the ATS answers is newer than what was known at the asking,
    and than nothing else.
    """

    changed_at: datetime
    state: str
    updated_at: datetime

    @classmethod
    def of(cls, record: ApplicationRecord) -> Known:
        """What this row says."""
        return cls(record.changed_at, record.state, record.updated_at)

    def is_tied_by(self, application: Application) -> bool:
        """Another state at the very moment of this one: only the ATS can say which is later."""
        if self.changed_at != application.changed_at:
            return False
        return self.state not in (application.state.value, ApplicationState.ERASED.value)


def as_first_told(application: Application, current: Decision, *, ats: str) -> Application:
    """A case that is decided and has ended no other way since: where the ATS tells the last edit
    as the time of an end, that of the first look, for an edit rejects nobody anew."""
    if connector_class(ats).spec.end_moves and current.rejected_at < application.changed_at:
        return replace(application, changed_at=current.rejected_at)
    return application


def known(session: Session, connection_id: str, external_id: str) -> Known | None:
    """To be looked at before the ATS is asked about a case."""
    query = select(
        ApplicationRecord.changed_at, ApplicationRecord.state, ApplicationRecord.updated_at
    ).where(
        ApplicationRecord.connection_id == connection_id,
        ApplicationRecord.external_id == external_id,
    )
    found = session.execute(query).first()
    return Known(*found) if found else None
