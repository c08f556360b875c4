"""``careerrelay signals``: what arrived, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..engine.explanations import explain
from ..engine.inspection import STATES, CaseTrace, SignalTrace, signal_lines, trace
from ..engine.replay import found_work, work_lines
from ..models.tables import Attempt, Decision, Delivery
from .context import Cli, Group, command
from .output import Output
from .replaying import replay_all, replay_options

_AGO = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.group(short_help="What arrived, and what became of it.", cls=Group)
def signals() -> None:
    """Signals: webhooks, polled changes, and requests that were refused."""


class Moment(click.ParamType):
    """``2026-11-04``, an ISO time, or ``90m``, ``12h``, ``7d`` ago."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        ago = _AGO.fullmatch(value)
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("must be a date, an ISO time, or 90m, 12h, 7d (ago)", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@command(signals, "list")
@click.option("--connection", help="Only this connection's.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--since", type=Moment(), help="Only since then: a date, or 90m, 12h, 7d ago.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="At most so many.",
)
def list_(
    cli: Cli,
    out: Output,
    connection: str | None,
    state: str | None,
    since: datetime | None,
    limit: int,
) -> None:
    """List what arrived, newest first; also requests that were refused, with the cause.

    'due' waits to be read, 'done' was read, 'skipped' meant nothing to us, 'dead' could not be
    read (see 'signals show'), 'refused' was not authentic.
    """
    with cli.runtime() as runtime:
        lines = signal_lines(runtime, connection=connection, state=state, since=since, limit=limit)
    if not out.data(lines):
        columns = ("received", "connection", "source", "state", "outcome", "id", "problem")
        out.table(columns, [
            (s.received_at, s.connection, s.source, s.state, s.outcome, s.id, s.problem)
            for s in lines
        ])  # fmt: skip


@command(signals, "show")
@click.argument("signal_id", metavar="ID")
@click.option("--reveal", is_flag=True, help="Show names and addresses; it is written down.")
def show(cli: Cli, out: Output, signal_id: str, reveal: bool) -> None:
    """Show one signal: as it came, every attempt to read it, and what came of it."""
    with cli.runtime() as runtime:
        found = trace(runtime, signal_id, reveal_by=cli.actor if reveal else "")
    if not out.data(_plain(found, cli.lang)):
        _tell(out, found, cli.lang)


def _plain(found: SignalTrace, lang: str) -> dict[str, Any]:
    return {
        **{name: getattr(found.line, name) for name in found.line.__slots__},
        "request": found.request,
        "body": found.body,
        "sha256": found.sha256,
        "events": found.events,
        "attempt_log": [_attempt(a) for a in found.attempts],
        "cases": [_case(case, lang) for case in found.cases],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    names = ("number", "started_at", "finished_at", "outcome", "error_code", "error", "retry_at")
    return {name: getattr(attempt, name) for name in names}


def _case(case: CaseTrace, lang: str) -> dict[str, Any]:
    return {
        "application": case.application_id,
        "state": case.state,
        "decisions": [_decision(d, case, lang) for d in case.decisions],
        "deliveries": [_delivery(d) for d in case.deliveries],
    }


def _decision(decision: Decision, case: CaseTrace, lang: str) -> dict[str, Any]:
    return {
        "id": decision.id,
        "link": decision.link,
        "code": decision.code,
        "explanation": explain(decision.code, locale=lang),
        "rule_version": decision.rule_version,
        "decided_at": decision.decided_at,
        "current": decision.id == case.current_decision_id,
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    names = ("id", "strategy", "purpose", "state", "error_code", "error", "due_at", "finished_at")
    return {name: getattr(delivery, name) for name in names}


def _tell(out: Output, found: SignalTrace, lang: str) -> None:
    line = found.line
    out.facts({name: getattr(line, name) for name in line.__slots__ if getattr(line, name) != ""})
    if found.request:
        out.facts({"request": found.request, "sha256": found.sha256})
    out.line(found.body)
    for event in found.events:
        out.line(f"says: {event}")
    for attempt in found.attempts:
        told = f"{attempt.outcome or 'running'} {attempt.error or ''}".strip()
        out.line(f"attempt {attempt.number}, {attempt.started_at:%Y-%m-%d %H:%M:%S} UTC: {told}")
    for case in found.cases:
        _tell_case(out, case, lang)


def _tell_case(out: Output, case: CaseTrace, lang: str) -> None:
    out.line(f"case {case.application_id}: {case.state}")
    for decision in case.decisions:
        standing = "" if decision.id == case.current_decision_id else " (superseded)"
        out.line(f"  decision {decision.code}{standing}: {explain(decision.code, locale=lang)}")
    for delivery in case.deliveries:
        problem = f": {delivery.error}" if delivery.error else ""
        out.line(f"  delivery {delivery.id} by {delivery.strategy}: {delivery.state}{problem}")


@command(signals, "replay")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--dead", is_flag=True, help="All dead ones (of --connection).")
@click.option("--connection", help="With --dead: only this connection's.")
@replay_options
def replay(
    cli: Cli, out: Output, ids: Sequence[str], dead: bool, connection: str | None, yes: bool
) -> None:
    """Read stored signals again. What they did already stays done once.

    Shows first what would be read; --yes does it without asking. It is written down.
    """
    if bool(ids) == dead:
        raise click.UsageError("give the IDs of signals, or --dead")
    with cli.runtime() as runtime:
        if dead:
            lines = work_lines(runtime, kind="signal", connection=connection, limit=10_000)
        else:
            lines = found_work(runtime, ids, kind="signal")
        replay_all(cli, out, runtime, lines, yes=yes)
