"""What doctor says of a connection's polls: when the last one ended, which rows it set aside."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from ..connectors.spec import Capability, ConnectorSpec
from ..models.events import UNREADABLE
from ..models.tables import Connection, Signal, WorkState
from .findings import Finding, hint, ok
from .runtime import Runtime

SHOWN = 5
"""Rows that are named; doctor says how many there are."""
OPEN = (WorkState.DUE.value, WorkState.DEAD.value)


def poll_findings(
    runtime: Runtime, connection: Connection, spec: ConnectorSpec
) -> Iterator[Finding]:
    """Nothing for a connection that does not poll."""
    if not spec.can(Capability.POLL):
        return
    if connection.polled_at is None:
        yield hint(
            connection.id, "poll", "the first poll has not ended yet",
            remedy="run 'careerrelay serve' or 'careerrelay worker'",
        )  # fmt: skip
    else:
        yield ok(
            connection.id, "poll", f"the last one ended {connection.polled_at:%Y-%m-%d %H:%M} UTC"
        )
    yield from _unreadable(runtime, connection, spec)


def _unreadable(runtime: Runtime, connection: Connection, spec: ConnectorSpec) -> Iterator[Finding]:
    """Rows that were set aside, and that asking for the case alone has not helped either."""
    rows = _set_aside(runtime, connection)
    if not rows:
        return
    shown = list(rows.items())[:SHOWN]
    named = "; ".join(f"{row} (signal {signal})" for row, signal in shown)
    more = f"; and {len(rows) - len(shown)} more" if len(rows) > len(shown) else ""
    yield hint(
        connection.id, "unreadable rows", f"cannot be read in {spec.title}'s list: {named}{more}",
        remedy=f"mend the record in {spec.title}, then careerrelay signals replay ID",
    )  # fmt: skip


def _set_aside(runtime: Runtime, connection: Connection) -> dict[str, str]:
    """Case and what is wrong with it -> the latest signal that says so."""
    said = Signal.request["ats_event"].as_string()
    query = (
        select(said, Signal.id)
        .where(
            Signal.connection_id == connection.id,
            Signal.source == "poll",
            Signal.state.in_(OPEN),
            said.startswith(UNREADABLE),
        )
        .order_by(Signal.received_at)
    )
    with runtime.database.read() as session:
        found = session.execute(query).all()
    return {told.removeprefix(UNREADABLE): id_ for told, id_ in found}
