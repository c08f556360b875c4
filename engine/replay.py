"""Owed work that came to its end: seen, done again, or closed by a person.

Doing again is safe by construction: every effect is looked up before it is made. The one thing
that cannot be looked up is a mail handed over without an answer, so that needs somebody's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models.errors import ConfigurationError, NotFoundError, RefusedError
from ..models.tables import Connection, Delivery, SpooledMail, WorkState
from .audit import note
from .delivery import DELIVER
from .ingest import READ_SIGNALS
from .mail_spool import SPOOL
from .registration import REPORT, SEND_MAIL
from .runtime import Runtime
from .service import TASKS

KINDS: Mapping[str, str] = {
    "signal": READ_SIGNALS,
    "delivery": DELIVER,
    "mail": SEND_MAIL,
    "report": REPORT,
    "relayed": SPOOL,
}
"""What people call a piece of work, and its task."""
CLOSED = "closed_by_hand"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class WorkLine:
    """One piece of owed work. ``uncertain``: a mail was handed over and never answered."""

    kind: str
    id: str
    connection: str
    state: str
    due_at: datetime
    attempts: int
    code: str
    problem: str
    uncertain: bool


def work_lines(
    runtime: Runtime,
    *,
    kind: str | None = None,
    state: str = WorkState.DEAD.value,
    connection: str | None = None,
    limit: int = 50,
) -> list[WorkLine]:
    """Work in that state, most overdue first. Raises ConfigurationError for kind or state."""
    if state not in set(WorkState):
        raise ConfigurationError(f"state: must be one of {', '.join(WorkState)}")
    kinds = [_known(kind)] if kind else list(KINDS)
    with runtime.database.read() as session:
        lines = [
            line for k in kinds for line in _lines(session, k, state, connection, limit)
        ]  # fmt: skip
    return sorted(lines, key=lambda line: line.due_at)[:limit]


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ConfigurationError(f"kind: must be one of {', '.join(KINDS)}")
    return kind


def _lines(
    session: Session, kind: str, state: str, connection: str | None, limit: int
) -> list[WorkLine]:
    row = TASKS[KINDS[kind]].row
    query = select(row).where(row.state == state).order_by(row.due_at).limit(limit)
    if connection is not None:
        if not hasattr(row, "connection_id"):
            return []
        query = query.where(row.connection_id == connection)
    return [_line(kind, found) for found in session.scalars(query)]


def _line(kind: str, row: Any) -> WorkLine:
    return WorkLine(
        kind=kind,
        id=row.id,
        connection=getattr(row, "connection_id", ""),
        state=row.state,
        due_at=row.due_at,
        attempts=row.attempts,
        code=row.error_code or "",
        problem=row.error or "",
        uncertain=isinstance(row, Delivery) and row.handed_over_at is not None,
    )


def dead_counts(runtime: Runtime) -> dict[str, int]:
    """How much of each kind is dead; kinds without are left out."""
    counts: dict[str, int] = {}
    with runtime.database.read() as session:
        for kind in KINDS:
            row = TASKS[KINDS[kind]].row
            dead = session.scalars(select(row.id).where(row.state == WorkState.DEAD.value)).all()
            if dead:
                counts[kind] = len(dead)
    return counts


def found_work(runtime: Runtime, ids: Sequence[str], *, kind: str | None = None) -> list[WorkLine]:
    """The named pieces of work, of whatever kind. Raises NotFoundError for the first unknown."""
    kinds = [_known(kind)] if kind else list(KINDS)
    with runtime.database.read() as session:
        return [_found(session, id_, kinds) for id_ in ids]


def _found(session: Session, id_: str, kinds: Sequence[str]) -> WorkLine:
    for kind in kinds:
        row = session.get(TASKS[KINDS[kind]].row, id_)
        if row is not None:
            return _line(kind, row)
    raise NotFoundError(f"there is no {' or '.join(kinds)} '{id_}'; it may be past its retention")


def replay(runtime: Runtime, line: WorkLine, *, actor: str, not_sent: bool = False) -> bool:
    """Owe finished work again. False: it is owed already, so there is nothing to do.

    ``not_sent``: somebody looked, and the mail that was handed over did not go out. Raises
    RefusedError without that word where it is needed, and for a connection that was removed.
    """
    task = TASKS[KINDS[line.kind]]
    with runtime.database.begin() as session:
        row = session.get_one(task.row, line.id, with_for_update=True)
        if row.state == WorkState.DUE.value:
            return False
        _refuse_removed(session, row)
        _refuse_forgotten(row)
        _refuse_uncertain(row, not_sent)
        owe_again(runtime, session, task.name, row)
        note(
            runtime, session, actor=actor, action="work.replay", subject=line.id,
            kind=line.kind, not_sent=not_sent,
        )  # fmt: skip
    return True


def owe_again(runtime: Runtime, session: Session, task: str, row: Any) -> None:
    """Reset a row to owed and queue its next run, in the caller's transaction."""
    row.state = WorkState.DUE.value
    row.failures = row.crashes = 0
    row.finished_at = row.error_code = row.error = None
    row.running_since = row.running_by = None
    if hasattr(row, "outcome"):
        row.outcome = None
    row.due_at = runtime.clock()
    # The number moves on, for the queue takes a key it has known as nothing new.
    row.attempts += 1
    runtime.submit(session, task, row)


def _refuse_removed(session: Session, row: Any) -> None:
    id_ = getattr(row, "connection_id", None)
    connection = session.get(Connection, id_) if id_ else None
    if connection is not None and connection.removed_at is not None:
        raise RefusedError(f"the connection '{id_}' was removed, so its work cannot be done again")


def _refuse_forgotten(row: Any) -> None:
    if isinstance(row, SpooledMail) and row.content_id is None:
        raise RefusedError(
            f"the mail '{row.id}' is over and is not kept any more; send it again from the ATS"
        )


def _refuse_uncertain(row: Any, not_sent: bool) -> None:
    if not isinstance(row, Delivery) or row.handed_over_at is None:
        return
    if row.state == WorkState.DONE.value or not not_sent:
        raise RefusedError(
            f"the mail of delivery '{row.id}' was handed over and may have arrived; look for its "
            "Message-ID in the mail server's log, or in the candidate's mailbox where the ATS "
            "sends it, then replay with --not-sent, or close it"
        )
    row.handed_over_at = None


def close(runtime: Runtime, line: WorkLine, *, actor: str) -> bool:
    """A person has seen to it: dead work counts as done. False: it was not dead."""
    with runtime.database.begin() as session:
        row = session.get_one(TASKS[KINDS[line.kind]].row, line.id, with_for_update=True)
        if row.state != WorkState.DEAD.value:
            return False
        row.finish(runtime.clock(), state=WorkState.DONE, code=CLOSED)
        note(runtime, session, actor=actor, action="work.close", subject=line.id, kind=line.kind)
    return True
