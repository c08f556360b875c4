"""``careerrelay work``: everything owed, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..engine.replay import KINDS, close, found_work, work_lines
from ..models.tables import WorkState
from .context import Cli, Group, command
from .output import Output
from .prompts import confirm
from .replaying import replay_all, replay_options, tell_work


@click.group(short_help="Owed work, and what was given up.", cls=Group)
def work() -> None:
    """Owed work: signals to read, deliveries, mails to registrants, reports to the ATS."""


@command(work, "list")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only this kind.")
@click.option(
    "--state",
    type=click.Choice([s.value for s in WorkState]),
    default=WorkState.DEAD.value,
    show_default=True,
    help="Work in this state.",
)
@click.option("--connection", help="Only this connection's.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=50,
    show_default=True,
    help="At most so many.",
)
def list_(
    cli: Cli, out: Output, kind: str | None, state: str, connection: str | None, limit: int
) -> None:
    """List work that was given up ('dead'), with the reason; or that in another state."""
    with cli.runtime() as runtime:
        lines = work_lines(runtime, kind=kind, state=state, connection=connection, limit=limit)
    if not out.data(lines):
        tell_work(out, lines)


@command(work, "replay")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--not-sent",
    is_flag=True,
    help="You have looked: this mail, handed over without an answer, did not go out.",
)
@replay_options
def replay(cli: Cli, out: Output, ids: Sequence[str], not_sent: bool, yes: bool) -> None:
    """Do given-up work again: any effect it had already is found and not repeated.

    A mail that was handed over without an answer cannot be looked up by us; look in the mail
    server's log, then say --not-sent, or 'work close' it.
    """
    with cli.runtime() as runtime:
        replay_all(cli, out, runtime, found_work(runtime, ids), yes=yes, not_sent=not_sent)


@command(work, "close")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@replay_options
def close_(cli: Cli, out: Output, ids: Sequence[str], yes: bool) -> None:
    """Count given-up work as done: somebody has seen to it by hand. It is written down."""
    with cli.runtime() as runtime:
        lines = found_work(runtime, ids)
        tell_work(out, lines)
        confirm(f"Count these {len(lines)} as done?", yes=yes)
        done = [{"id": line.id, "closed": close(runtime, line, actor=cli.actor)} for line in lines]
    if not out.data(done):
        out.line(f"{sum(entry['closed'] is True for entry in done)} closed")
