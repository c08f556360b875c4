"""``careerrelay doctor``: is everything in order, and what is to be done where it is not."""

from __future__ import annotations

import click

from ..engine.doctor import examine
from ..engine.findings import Status
from .connections import tell_findings
from .context import Cli, with_output
from .output import Output
from .wording import counted, translated


@click.command("doctor", short_help="Check everything; say what is missing.")
@click.option("--connection", "connection_id", help="Of the connections look at this one only.")
@with_output
def doctor(cli: Cli, out: Output, connection_id: str | None) -> None:
    """Look at everything, in the order in which things depend on each other.

    Keys, settings, database, the operator's fields, mail accounts, every connection (account,
    webhook, reasons, strategy), templates, work that was given up, the ledger. Nothing is
    changed and nothing is sent. Exit 1 when something fails; 'hint' is no failure.
    """
    findings = list(examine(cli.settings, connection=connection_id, locale=cli.lang))
    if not out.data(findings):
        tell_findings(out, findings)
        failed = sum(f.status is Status.FAIL for f in findings)
        hints = sum(f.status is Status.HINT for f in findings)
        out.line(_summary(len(findings), failed, hints, lang=cli.lang))
    if any(f.status is Status.FAIL for f in findings):
        raise click.exceptions.Exit(1)


def _summary(checks: int, failed: int, hints: int, *, lang: str) -> str:
    looked = counted("{number} check", "{number} checks", checks, lang=lang)
    wanting = counted("{number} hint", "{number} hints", hints, lang=lang)
    return translated(f"{looked}: {failed} failed, {wanting}", lang=lang)
