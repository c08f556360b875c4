"""``careerrelay reasons``: what a company says its rejection reasons mean."""

from __future__ import annotations

from typing import Any

import click

from ..engine.reasons import NOT_MAPPED, ReasonLine, decide_cases, map_reason, reason_lines
from ..models.candidates import RejectionSide
from ..models.companies import ReasonMeaning
from .context import Cli, Group, command, named_connection
from .output import Output


@click.group(short_help="What rejection reasons mean.", cls=Group)
def reasons() -> None:
    """The reason map: which reasons are rejections, and which never get a link."""


@command(reasons, "list")
@click.argument("connection_id", metavar="[CONNECTION]", required=False)
@click.option("--offline", is_flag=True, help="Only reasons seen in cases; do not ask the ATS.")
def list_(cli: Cli, out: Output, connection_id: str | None, offline: bool) -> None:
    """List the ATS's reasons, those that nobody has mapped yet first.

    'waiting' counts the cases that get no link only because their reason is not mapped.
    """
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        lines = reason_lines(runtime, connection.id, fetch=not offline)
    if out.data([_plain(line) for line in lines]):
        return
    if not lines:
        out.line("no reason yet: none was seen, and the ATS lists none")
        return
    rows = [(_meaning(line), line.external_id, line.text, line.cases, line.waiting)
            for line in lines]  # fmt: skip
    out.table(("meaning", "reason", "text", "cases", "waiting"), rows)


def _plain(line: ReasonLine) -> dict[str, Any]:
    return {
        "id": line.external_id,
        "text": line.text,
        "meaning": line.meaning,
        "side": line.side,
        "open": line.is_open,
        "cases": line.cases,
        "waiting": line.waiting,
    }


def _meaning(line: ReasonLine) -> str:
    if line.meaning is not None:
        return line.meaning.value
    if line.side is RejectionSide.UNKNOWN:
        return "NOT MAPPED"
    by = "rejected" if line.side is RejectionSide.COMPANY else "withdrawn"
    return f"{by} (says the ATS)"


@command(reasons, "map")
@click.argument("connection_id", metavar="CONNECTION")
@click.argument("reason")
@click.argument("meaning", type=click.Choice([*(m.value for m in ReasonMeaning), NOT_MAPPED]))
def map_(cli: Cli, out: Output, connection_id: str, reason: str, meaning: str) -> None:
    """Say what REASON (its id or exact text) means, and decide the cases that wait on it.

    'rejected' gets a link; the others never do; 'none' takes the line out of the map again.
    After a kill in between, the same command again decides the rest.
    """
    with cli.runtime() as runtime, out.progress() as step:
        id_ = map_reason(runtime, connection_id, reason, meaning=meaning, actor=cli.actor)
        codes = decide_cases(
            runtime, connection_id, id_, progress=lambda done, all_: step("cases", done, all_)
        )
    decided = sum(codes.values())
    if not out.data({"reason": id_, "meaning": meaning, "decided": decided, "codes": codes}):
        told = ", ".join(f"{number} {code}" for code, number in codes.items())
        out.line(
            f"{id_} means {meaning}; {decided} cases decided anew{f': {told}' if told else ''}"
        )
