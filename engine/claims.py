"""Taking owed work and giving it back: who runs it, which attempt, and how it ended.

Rows and their attempts change together; the functions here run inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import (
    Executable,
    Update,
    bindparam,
    case,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, load_only

from ..models.base import UtcDateTime
from ..models.errors import CareerRelayError
from ..models.tables import Attempt, Connection, Heartbeat, OwedWork, WorkState

if TYPE_CHECKING:
    from .runtime import Runtime
    from .worker import Task

log = structlog.get_logger(__name__)

PAUSES_AFTER_KILLS = tuple(timedelta(seconds=s) for s in (0, 2, 4, 8, 16))
"""Before work that a kill cut off runs again, alone; then it is dead.

Work in hand when a process dies is rarely what killed it: the pauses let a storm of restarts pass,
and the first kill, which may have been any other subject's of the same job, costs nothing.
"""

PARKED = timedelta(minutes=5)
"""How long an account that refused our credentials is left alone before one more try."""
LOOK_AGAIN = timedelta(hours=1)
"""A pause may be weeks long, and be ended by hand any time."""
_UNLOADED = {"synchronize_session": False}
# On the tables, each made once: built anew for every claim, and through the mapper, these few
# statements would take as long as the work itself.
_THESE = bindparam("these", expanding=True)
_NOW = bindparam("now", type_=UtcDateTime())
_ATTEMPTS = Attempt.metadata.tables[Attempt.__tablename__]
_OPEN = insert(_ATTEMPTS)
_CLOSE = update(_ATTEMPTS).where(
    _ATTEMPTS.c.subject_id.in_(_THESE), _ATTEMPTS.c.finished_at.is_(None)
)
_CONNECTIONS = Connection.metadata.tables[Connection.__tablename__]
_PAUSED = select(_CONNECTIONS.c.id, _CONNECTIONS.c.paused_until).where(
    _CONNECTIONS.c.id.in_(_THESE),
    or_(_CONNECTIONS.c.paused_until > _NOW, _CONNECTIONS.c.attention.is_not(None)),
)
_MEND = (
    update(_CONNECTIONS)
    .where(_CONNECTIONS.c.id == bindparam("this"), _CONNECTIONS.c.attention.is_not(None))
    .values(attention=None, paused_until=None)
    .returning(_CONNECTIONS.c.id)
)


@dataclass(slots=True)
class Claim:
    """What became of the subjects of a job."""

    mine: list[str] = field(default_factory=list)
    alone: list[tuple[Any, timedelta]] = field(default_factory=list)
    """Cut off by a kill: each runs again in a job of its own, so that a deadly one is found."""
    paused: list[tuple[Any, timedelta]] = field(default_factory=list)


def claim(
    runtime: Runtime, session: Session, task: Task, subjects: Sequence[str], attempt: int
) -> Claim:
    """Take what is due, free, and not yet run under this attempt's number."""
    now = runtime.clock()
    asked = session.connection().execute(_held(task.row), {"these": subjects})
    # In the job's order, which is that of arrival: an erasure must not be read before its case.
    order = {id_: number for number, id_ in enumerate(subjects)}
    due = (row for row in asked if row.state == WorkState.DUE.value)
    rows = sorted(due, key=lambda row: order[row.id])
    found = Claim()
    pauses = _pauses(session, task, rows, now)
    for row in rows:
        if attempt < row.attempts or (attempt == row.attempts and row.running_since is None):
            continue
        pause = pauses.get(getattr(row, "connection_id", ""))
        if row.running_since is None and pause is None:
            found.mine.append(row.id)
            continue
        owed = session.get_one(task.row, row.id, options=[owed_columns(task.row)])
        if row.running_since is not None and not _take_over(
            runtime, session, owed, now, found, alone=len(subjects) == 1
        ):
            continue
        if pause is not None:
            owed.attempts = attempt
            found.paused.append((owed, pause))
            continue
        found.mine.append(row.id)
    session.flush()
    _begin(runtime, session, task, found.mine, attempt, now)
    return found


@cache
def _held(row: type[Any]) -> Executable:
    # By id alone: asked for the state too, PostgreSQL walks the index of due work, which it
    # believes to be nearly empty and which in a bulk is not.
    table, names = row.__table__, ("id", "state", "attempts", "running_since", "connection_id")
    asked = select(*(table.c[name] for name in names if name in table.c))
    return asked.where(table.c.id.in_(_THESE)).with_for_update()


@cache
def _changed(row: type[Any]) -> Update:
    """Rows by their ids; the parameters say what is set."""
    return update(row.__table__).where(row.__table__.c.id.in_(_THESE))


@cache
def _begun(row: type[Any]) -> Update:
    # What is begun is due: came in while a clock ran ahead, the sweep would not look at it before
    # that hour, should this run not come to its end.
    due_at = row.__table__.c.due_at
    return _changed(row).values(due_at=case((due_at > _NOW, _NOW), else_=due_at))


def owed_columns(row: type[Any]) -> Any:
    """Load what is common to owed work and leave the rest, such as a signal's whole body."""
    names = [*OwedWork.__annotations__, "connection_id", "relay_id"]
    return load_only(*(getattr(row, name) for name in names if hasattr(row, name)))


def _begin(
    runtime: Runtime,
    session: Session,
    task: Task,
    ids: Sequence[str],
    attempt: int,
    now: datetime,
) -> None:
    if not ids:
        return
    connection = session.connection()
    mine = {"attempts": attempt, "running_since": now, "running_by": runtime.process_id}
    connection.execute(_begun(task.row), {"these": ids, "now": now, **mine})
    begun = {"task": task.name, "number": attempt, "started_at": now}
    connection.execute(_OPEN, [{**begun, "subject_id": id_} for id_ in ids])


def _take_over(
    runtime: Runtime, session: Session, row: Any, now: datetime, found: Claim, *, alone: bool
) -> bool:
    """Whether to run what another run left behind; its process may still be at it."""
    if is_alive(runtime, session, row.running_by, now):
        return False
    row.crashes += 1
    close_attempt(session, row, now, outcome="cut_off")
    row.running_since = row.running_by = None
    if row.crashes > len(PAUSES_AFTER_KILLS):
        kill(session, row, now, code="crashed", message=f"{row.crashes} processes died doing this")
        return False
    pause = PAUSES_AFTER_KILLS[row.crashes - 1]
    if pause or not alone:
        row.due_at = now + pause
        found.alone.append((row, pause))
        return False
    return True


def is_alive(runtime: Runtime, session: Session, process: str | None, now: datetime) -> bool:
    """The process that claimed a row is still there."""
    if process == runtime.process_id:
        return True
    if runtime.database.is_sqlite or process is None:
        return False
    beat = session.get(Heartbeat, process)
    return beat is not None and is_fresh(beat.beat_at, now, within=runtime.lease)


def is_fresh(noted: datetime, now: datetime, *, within: timedelta) -> bool:
    """Not from long ago, nor from far ahead: a clock that ran an hour ahead and was set right
    must not keep a dead process alive for that hour."""
    return abs(now - noted) < within


def _pauses(
    session: Session, task: Task, rows: Sequence[Any], now: datetime
) -> dict[str, timedelta]:
    """Connections of these rows that must not be called now, and for how long."""
    if not task.waits:
        return {}
    return gate(session, {row.connection_id for row in rows}, now)


def gate(session: Session, connections: Collection[str], now: datetime) -> dict[str, timedelta]:
    """Which of them must not be called now, and for how long.

    Of a parked one whose pause is over, exactly one caller is let through to try; whoever comes
    second waits for what the ATS says to the first.
    """
    found = session.connection().execute(_PAUSED, {"these": list(connections), "now": now})
    pauses: dict[str, timedelta] = {}
    for id_, until in found:
        if until is not None and until > now:
            pauses[id_] = min(until - now, LOOK_AGAIN)
        elif until is not None and not _may_try(session, id_, until, now):
            pauses[id_] = PARKED
    return pauses


def _may_try(session: Session, connection_id: str, until: datetime, now: datetime) -> bool:
    ours = (
        update(Connection)
        .where(Connection.id == connection_id, Connection.paused_until == until)
        .values(paused_until=now + PARKED)
        .returning(Connection.id)
    )
    return session.execute(ours, execution_options=_UNLOADED).first() is not None


def park(session: Session, connection_id: str, error: CareerRelayError, now: datetime) -> None:
    """The ATS refuses our credentials, or the month's calls are used up. Told once, however many
    pieces of work find out."""
    first = (
        update(Connection)
        .where(Connection.id == connection_id, Connection.attention.is_(None))
        .values(attention=error.message)
        .returning(Connection.id)
    )
    if session.execute(first, execution_options=_UNLOADED).first():
        log.warning("connection_parked", connection=connection_id, code=error.code)
    wait = timedelta(seconds=error.retry_after or 0)
    pause(session, connection_id, now + max(wait, PARKED))


def pause(session: Session, connection_id: str, until: datetime) -> None:
    """No call before ``until``."""
    paused = update(Connection).where(Connection.id == connection_id).values(paused_until=until)
    session.execute(paused, execution_options=_UNLOADED)


def settle(
    session: Session,
    row: Any,
    now: datetime,
    *,
    state: WorkState = WorkState.DONE,
    code: str = "",
    ats_answered: bool = False,
) -> None:
    """The end of owed work, written in the transaction that writes its effect.

    ``ats_answered``: the work was done with the ATS's help, so the account is well again.
    """
    row.finish(now, state=state, code=code)
    close_attempt(session, row, now, outcome=state.value)
    if ats_answered:
        mend(session, row.connection_id)


def mend(session: Session, connection_id: str) -> None:
    """The ATS answered: an account that had refused us is well again."""
    if session.connection().execute(_MEND, {"this": connection_id}).first():
        log.info("connection_mended", connection=connection_id)


def settle_all(
    session: Session,
    row: type[Any],
    ids: Sequence[str],
    now: datetime,
    *,
    state: WorkState = WorkState.DONE,
    code: str = "",
    **values: Any,
) -> None:
    """``settle`` for rows of a claim that the session has not loaded.

    ``values``: further columns, the same for all.
    """
    done: dict[str, Any] = {
        "state": state.value,
        "finished_at": now,
        "error_code": code or None,
        **dict.fromkeys(("running_since", "running_by", "error")),
    }
    connection = session.connection()
    connection.execute(_changed(row), {"these": ids, **done, **values})
    connection.execute(_CLOSE, {"these": ids, "finished_at": now, "outcome": state.value})


def kill(session: Session, row: Any, now: datetime, *, code: str, message: str) -> None:
    """No further attempt: visible, replayable."""
    row.finish(now, state=WorkState.DEAD, code=code)
    row.error = message
    close_attempt(session, row, now, outcome="dead", code=code, message=message)
    log.warning("work_dead", table=row.__tablename__, subject=row.id, code=code)


def give_back(
    session: Session, row: Any, now: datetime, *, error: CareerRelayError, delay: timedelta
) -> None:
    """Due again after ``delay``."""
    close_attempt(
        session,
        row,
        now,
        outcome="retry",
        code=error.code,
        message=error.message,
        retry_at=now + delay,
    )
    row.running_since = row.running_by = None
    row.error_code, row.error = error.code, error.message
    row.due_at = now + delay


def let_go(session: Session, row: type[Any], ids: Sequence[str], *, process: str) -> None:
    """Claimed by ``process``, and free again, as if no run had begun."""
    ours = row.id.in_(ids), row.running_by == process
    held = session.scalars(select(row.id).where(*ours).with_for_update()).all()
    session.execute(
        update(row).where(row.id.in_(held)).values(running_since=None, running_by=None),
        execution_options=_UNLOADED,
    )
    session.execute(
        delete(Attempt).where(Attempt.subject_id.in_(held), Attempt.finished_at.is_(None)),
        execution_options=_UNLOADED,
    )


def close_attempt(
    session: Session,
    row: Any,
    now: datetime,
    *,
    outcome: str,
    code: str | None = None,
    message: str | None = None,
    retry_at: datetime | None = None,
) -> None:
    """The open attempt of this row ends, whatever its number: the sweep may have moved on."""
    session.execute(
        update(Attempt)
        .where(Attempt.subject_id == row.id, Attempt.finished_at.is_(None))
        .values(finished_at=now, outcome=outcome, error_code=code, error=message, retry_at=retry_at)
    )
