"""``careerrelay doctor``: is everything in order, and what is to be done where it is not."""

from __future__ import annotations

import click

from ..engine.doctor import examine
from ..engine.findings import Status
from .connections import tell_findings
from .context import Cli, with_output
from .output import Output


@click.command("doctor", short_help="Check everything; say what is missing.")
@click.option("--connection", "connection_id", help="Of the connections look at this one only.")
@with_output
def doctor(cli: Cli, out: Output, connection_id: str | None) -> None:
    """Look at everything, in the order in which things depend on each other.

    Keys, settings, database, the operator's fields, mail accounts, every connection (account,
    webhook, reasons, strategy), templates, work that was given up, the ledger. Nothing is
    changed and nothing is sent. Exit 1 when something fails; 'hint' is no failure.
    """
    findings = list(examine(cli.settings, connection=connection_id))
    if not out.data(findings):
        tell_findings(out, findings)
        failed = sum(f.status is Status.FAIL for f in findings)
        hints = sum(f.status is Status.HINT for f in findings)
        out.line(f"{len(findings)} checks: {failed} failed, {hints} hints")
    if any(f.status is Status.FAIL for f in findings):
        raise click.exceptions.Exit(1)
