"""Doing finished work again: preview, a yes, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..engine.replay import WorkLine, replay
from ..engine.runtime import Runtime
from .context import Cli
from .output import Output
from .prompts import Command, confirm


def replay_options(function: Command) -> Command:
    """``--yes``."""
    return click.option("--yes", is_flag=True, help="Do it without asking.")(function)


def tell_work(out: Output, lines: Sequence[WorkLine]) -> None:
    """Work as a table."""
    columns = ("kind", "id", "connection", "state", "attempts", "problem")
    out.table(columns, [
        (w.kind, w.id, w.connection, w.state, w.attempts, w.problem or w.code) for w in lines
    ])  # fmt: skip


def replay_all(
    cli: Cli,
    out: Output,
    runtime: Runtime,
    lines: Sequence[WorkLine],
    *,
    yes: bool,
    not_sent: bool = False,
) -> None:
    """Show the work, and once that is wanted owe it again, each piece in its own transaction."""
    if lines:
        tell_work(out, lines)
        confirm(f"Do these {len(lines)} again?", yes=yes)
    done = []
    with out.progress() as step:
        for number, line in enumerate(lines, 1):
            again = replay(runtime, line, actor=cli.actor, not_sent=not_sent)
            done.append({"kind": line.kind, "id": line.id, "replayed": again})
            step("replay", number, len(lines))
    if not out.data(done):
        again = sum(entry["replayed"] is True for entry in done)
        waiting = f"; {len(done) - again} wait to be done anyway" if again < len(done) else ""
        out.line(f"{again} will be done again{waiting}")
