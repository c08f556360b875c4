"""``careerrelay connections export|import``: for those who keep configuration in git."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..engine.reasons import decide_mapped
from ..engine.transfer import UNCHANGED, export_connections, import_connections
from ..models.errors import ConfigurationError
from .connections import connections
from .context import Cli, command
from .output import Output


@command(connections, "export")
@click.argument("connection_id", metavar="[ID]", required=False)
@click.option(
    "--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file."
)
def export(cli: Cli, out: Output, connection_id: str | None, target: Path | None) -> None:
    """Print connections as TOML. Secrets stand in it as { env = "NAME" }, never themselves."""
    with cli.runtime() as runtime:
        text = export_connections(runtime, only=connection_id)
    if target is not None:
        target.write_text(text, encoding="utf-8")
        text = str(target)
    if not out.data({"path": text} if target else {"toml": text}):
        out.line(text.rstrip())


@command(connections, "import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def import_(cli: Cli, out: Output, file: Path) -> None:
    """Add or change connections as FILE says: all of them or, on any fault, none.

    { env = "NAME" } and { file = "PATH" } are looked up now. The same file again changes nothing.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"cannot read the file {file} as UTF-8 text") from None
    with cli.runtime() as runtime:
        done = import_connections(runtime, text, environ=os.environ, actor=cli.actor)
        decided = {id_: decide_mapped(runtime, id_) for id_ in done if done[id_] != UNCHANGED}
    told = [
        {"id": id_, "outcome": outcome, "decided": decided.get(id_, 0)}
        for id_, outcome in done.items()
    ]
    if not out.data(told):
        out.table(("id", "outcome", "cases decided"), [tuple(line.values()) for line in told])
