"""``careerrelay init``: a folder, keys and a database, and what to do next."""

from __future__ import annotations

import click

from ..engine.installation import Step, prepare
from .context import Cli, with_output
from .output import Output

NEXT = (
    "careerrelay company add",
    "careerrelay connections add",
    "careerrelay doctor",
    "careerrelay serve",
)


@click.command("init", short_help="Make data folder, keys and database.")
@with_output
def init(cli: Cli, out: Output) -> None:
    """Make the data folder, the key file and the database, or bring them up to date.

    May be run any number of times: what is there stays. Keep a copy of the key file apart from
    the copies of the database; without it nobody, you included, can open what is stored.
    """
    steps = prepare(cli.settings())
    if not out.data({"steps": steps, "next": NEXT}):
        tell_steps(out, steps)
        out.line()
        out.line("Next: " + "\n      ".join(NEXT))


def tell_steps(out: Output, steps: list[Step]) -> None:
    """What was made, and what was there."""
    for step in steps:
        out.line(f"{step.name + ':':<10} {step.detail} ({'made' if step.made else 'was there'})")
