"""``careerrelay csv profile``: which heading is which column, and what the words mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from ..engine.runtime import Runtime
from ..engine.sheets.opening import Manner, look_at
from ..engine.sheets.profiles import (
    Profile,
    profiles_of,
    reading_spec,
    remove_profile,
    save_profile,
    suggested_columns,
)
from ..models.tables import Connection
from .context import Cli, command, named_connection
from .output import Output
from .prompts import pairs
from .sheets import FILE, csv_files, opened_file


@command(csv_files, "profile")
@click.argument("connection_id", metavar="CONNECTION")
@click.argument("name", metavar="NAME")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN=HEADING",
    help="The heading of a column of ours; without heading the column is left out. May be "
    "repeated.",
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="WORD=MEANING",
    help="What a word of the status column means: rejected, withdrawn, hired, active, "
    "offer_rescinded, erased, ignored. May be repeated.",
)
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="WORD=SIDE",
    help="A word of the closed list of reasons, and who ended the case: company, candidate, or "
    "unknown (the reason map says). May be repeated.",
)
@click.option("--from-file", type=FILE, help="Begin with what this file's headings suggest.")
def profile(
    cli: Cli,
    out: Output,
    connection_id: str,
    name: str,
    columns: Sequence[str],
    statuses: Sequence[str],
    reasons: Sequence[str],
    from_file: Path | None,
) -> None:
    """Keep under NAME how the files of CONNECTION's company are read, in place of what it said.

    Headings are compared without regard to full and half width, spaces and letter case.
    """
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        begun = _suggested(runtime, connection, from_file) if from_file else {}
        chosen = {**begun, **pairs(columns, option="--column")}
        made = Profile(
            name,
            {column: heading.strip() for column, heading in chosen.items() if heading.strip()},
            pairs(statuses, option="--status"),
            pairs(reasons, option="--reason"),
        )
        save_profile(runtime, connection, made, actor=cli.actor)
    if not out.data(made):
        tell_profiles(out, [made])


def _suggested(runtime: Runtime, connection: Connection, path: Path) -> Mapping[str, str]:
    with opened_file(path) as content:
        sheet, _ = look_at(runtime, connection, content, Manner())
    return suggested_columns(reading_spec(connection), sheet)


@command(csv_files, "profiles")
@click.argument("connection_id", metavar="CONNECTION")
def profiles(cli: Cli, out: Output, connection_id: str) -> None:
    """List the profiles of CONNECTION's company."""
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        found = profiles_of(runtime, connection.company_id)
    if not out.data(found):
        tell_profiles(out, found)


def tell_profiles(out: Output, found: Sequence[Profile]) -> None:
    """Each with its columns and words."""
    for known in found:
        out.facts({
            "profile": known.name,
            "columns": known.columns,
            "status words": known.statuses,
            "reasons": known.reasons,
        })  # fmt: skip


@command(csv_files, "profile-remove")
@click.argument("connection_id", metavar="CONNECTION")
@click.argument("name", metavar="NAME")
def profile_remove(cli: Cli, out: Output, connection_id: str, name: str) -> None:
    """Forget the profile NAME; what was imported by it stays."""
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        remove_profile(runtime, connection.company_id, name, actor=cli.actor)
    if not out.data({"removed": name}):
        out.line(f"profile {name} is removed")
