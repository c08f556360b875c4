"""Rows into signals: what is new goes the way of every signal, what is known changes nothing.

A batch and the memory of what each line said are one commit, so a kill and a second run neither
lose a row nor take it twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...models.candidates import ApplicationState
from ...models.database import insert_into
from ...models.events import ApplicationEvent
from ...models.tables import ApplicationRecord, Connection, SheetRow
from ..ingest import store_signals
from ..runtime import Runtime
from ..signals import event_row

BATCH = 200
_ROWS = SheetRow.metadata.tables[SheetRow.__tablename__]
UNTOLD = frozenset({ApplicationState.ACTIVE, ApplicationState.HIRED})
"""States of which nothing follows unless the case is known: those people are not stored."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the cases of a batch before it."""

    prints: Mapping[str, str]
    moments: Mapping[str, datetime]

    def has(self, id_: str) -> bool:
        return id_ in self.prints or id_ in self.moments


def look_up(session: Session, connection_id: str, ids: Collection[str]) -> Known:
    """For at most a batch."""
    rows = select(SheetRow.external_id, SheetRow.fingerprint).where(
        SheetRow.connection_id == connection_id, SheetRow.external_id.in_(ids)
    )
    records = select(ApplicationRecord.external_id, ApplicationRecord.changed_at).where(
        ApplicationRecord.connection_id == connection_id, ApplicationRecord.external_id.in_(ids)
    )
    return Known(
        {row.external_id: row.fingerprint for row in session.execute(rows)},
        {row.external_id: row.changed_at for row in session.execute(records)},
    )


def verdict(runtime: Runtime, event: ApplicationEvent, known: Known, *, as_of: datetime) -> str:
    """``new``, ``changed``, ``unchanged`` or ``untold`` (nothing follows of it)."""
    id_ = event.application_id or ""
    if not known.has(id_) and (event.application is None or event.application.state in UNTOLD):
        return "untold"
    if known.prints.get(id_) == fingerprint(runtime, event, as_of=as_of):
        return "unchanged"
    return "changed" if known.has(id_) else "new"


def fingerprint(runtime: Runtime, event: ApplicationEvent, *, as_of: datetime) -> str:
    """Keyed, as it is made of a person's data. The moment of the export is no part of it."""
    case = event.application
    said: list[Any] = [event.kind.value, event.application_id]
    if case is not None:
        when = "" if case.changed_at == as_of else case.changed_at.isoformat()
        said += [case.candidate, case.state.value, when, case.job, case.reason, case.channel.value]
        said += [sorted(case.flags), case.applied_at]
    return runtime.vault.match(f"csv:{said!r}")


def store_events(
    runtime: Runtime,
    session: Session,
    connection: Connection,
    events: Sequence[ApplicationEvent],
    *,
    as_of: datetime,
) -> list[str]:
    """Store what is new or changed, in the caller's transaction; the verdict on each."""
    ids = [event.application_id or "" for event in events]
    known = look_up(session, connection.id, ids)
    verdicts = [verdict(runtime, event, known, as_of=as_of) for event in events]
    taken = [e for e, v in zip(events, verdicts, strict=True) if v in ("new", "changed")]
    if taken:
        _remember(runtime, session, connection.id, taken, as_of=as_of)
        rows = [_signal(runtime, connection.id, e, known, as_of=as_of) for e in taken]
        store_signals(runtime, session, rows)
    return verdicts


def _remember(
    runtime: Runtime,
    session: Session,
    connection_id: str,
    events: Sequence[ApplicationEvent],
    *,
    as_of: datetime,
) -> None:
    now = runtime.clock()
    rows = [
        {
            "connection_id": connection_id,
            "external_id": event.application_id,
            "fingerprint": fingerprint(runtime, event, as_of=as_of),
            "seen_at": now,
        }
        for event in events
    ]
    insert = insert_into(session, _ROWS)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["connection_id", "external_id"],
            set_={"fingerprint": insert.excluded.fingerprint, "seen_at": now},
        ),
        rows,
    )


def _signal(
    runtime: Runtime,
    connection_id: str,
    event: ApplicationEvent,
    known: Known,
    *,
    as_of: datetime,
) -> dict[str, Any]:
    row = event_row(runtime, connection_id, _not_before(event, known, as_of), source="csv")
    # What is new is told by the fingerprint: a line corrected and corrected back is new twice.
    row["dedupe_key"] = f"csv:{event.application_id}:{row['id']}"
    return row


def _not_before(event: ApplicationEvent, known: Known, as_of: datetime) -> ApplicationEvent:
    """A corrected line holds although the day in it may be earlier than what was said before."""
    id_, case = event.application_id or "", event.application
    if case is None or not known.has(id_):
        return event
    at_least = known.moments.get(id_, as_of)
    if case.changed_at >= at_least:
        return event
    return replace(event, occurred_at=at_least, application=replace(case, changed_at=at_least))
