"""``careerrelay slots``: what a company has earned."""

from __future__ import annotations

from typing import Any

import click

from ..engine.slots import SlotReport, ledger_lines, slot_reports
from ..models.errors import NotFoundError
from ..models.tables import LedgerEntry
from .context import Cli, Group, command
from .output import Output


@click.group(cls=Group)
def slots() -> None:
    """Counts and free placement slots."""


@command(slots, "show")
@click.argument("company", required=False)
@click.option("--ledger", is_flag=True, help="Every line of the ledger (needs COMPANY).")
def show(cli: Cli, out: Output, company: str | None, ledger: bool) -> None:
    """Show registrations counted, slots earned and how many are left to the next one.

    The ledger is added up again and compared with the people counted. Exit 1 if they disagree.
    """
    if ledger and company is None:
        raise click.UsageError("--ledger needs a COMPANY")
    with cli.runtime() as runtime:
        reports = slot_reports(runtime, company=company)
        lines = ledger_lines(runtime, company) if ledger and company else []
    if company is None and not reports:
        raise NotFoundError("there is no company yet; run 'careerrelay company add'")
    if not out.data(_plain(reports, lines, ledger=ledger)):
        _tell(out, reports, lines)
    if any(report.faults for report in reports):
        raise click.exceptions.Exit(1)


def _plain(reports: list[SlotReport], lines: Any, *, ledger: bool) -> Any:
    if not ledger:
        return reports
    return {"companies": reports, "ledger": [_line(line) for line in lines]}


def _line(line: LedgerEntry) -> dict[str, Any]:
    names = ("at", "kind", "number", "registration_id", "rule_version", "evidence")
    return {name: getattr(line, name) for name in names}


def _tell(out: Output, reports: list[SlotReport], lines: Any) -> None:
    columns = ("company", "counted", "slots", "to the next slot", "ledger")
    out.table(columns, [
        (r.company, r.credits, r.slots, r.remaining, "; ".join(r.faults) or "agrees")
        for r in reports
    ])  # fmt: skip
    if lines:
        rows = [(e.at, e.kind, e.number, e.registration_id, e.rule_version) for e in lines]
        out.table(("at", "kind", "number", "registration", "rule"), rows)
