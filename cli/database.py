"""``careerrelay database``: upgrade, copy, check, move."""

from __future__ import annotations

from pathlib import Path

import click

from ..engine import relocation
from ..engine.installation import backup as copy_database
from ..engine.installation import check_engine_tables, opened, prepare
from ..models.errors import ConfigurationError
from .context import Cli, Group, command
from .output import Output


@click.group(cls=Group)
def database() -> None:
    """Upgrade, copy, check and move the database."""


@command(database, "upgrade")
def upgrade(cli: Cli, out: Output) -> None:
    """Bring the tables, ours and the engine's, to this version's.

    Make a copy first. 'serve' does the same at its start.
    """
    settings = cli.settings()
    if not settings.key_file.exists():
        raise ConfigurationError(
            f"the key file {settings.key_file} does not exist; run 'careerrelay init'"
        )
    step = prepare(settings)[-1]
    if not out.data(step):
        out.line(f"database: {step.detail} ({'upgraded' if step.made else 'was up to date'})")


@command(database, "backup")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False), required=False)
def backup(cli: Cli, out: Output, target: Path | None) -> None:
    """Copy the live SQLite file to TARGET, whole and checked (0600).

    Without TARGET: into 'backups' in the data folder. The key file is not in it: keep a copy of
    that elsewhere. PostgreSQL has its own tools (pg_dump, or point-in-time recovery).
    """
    with cli.runtime() as runtime:
        path = target or _default_target(runtime.settings.folder, runtime.clock().isoformat())
        size = copy_database(runtime.database, path)
    if not out.data({"path": str(path), "bytes": size}):
        out.line(f"{path}: {size} bytes, checked")


def _default_target(folder: Path, moment: str) -> Path:
    backups = folder / "backups"
    backups.mkdir(mode=0o700, exist_ok=True)
    stamp = moment[:19].replace(":", "").replace("-", "")
    return backups / f"careerrelay-{stamp}.db"


@command(database, "check")
def check(cli: Cli, out: Output) -> None:
    """Ask whether the database answers, is this version's, and is not damaged."""
    with cli.runtime() as runtime:
        runtime.database.check()
        check_engine_tables(runtime)
        revision = runtime.database.revision()
    if not out.data({"ok": True, "revision": revision}):
        out.line(f"database: in order, revision {revision}")


@command(database, "move")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def move(cli: Cli, out: Output, file: Path) -> None:
    """Move from SQLite: copy the stopped FILE into the empty database of these settings.

    The settings name the new database ([store] url) and the same key file; run 'init' with them
    first. After a kill the same command goes on. When all rows are there, both sides are read
    whole and compared; only then can the new database be worked on, and FILE, which stays as it
    is, no longer be served.
    """
    with opened(cli.settings(), moving=True) as runtime, out.progress() as step:
        sums = relocation.move(runtime, file, actor=cli.actor, progress=step)
    if out.data({name: {"rows": s.rows, "checksum": s.checksum} for name, s in sums.items()}):
        return
    out.table(
        ("table", "rows", "checksum"), [(name, s.rows, s.checksum) for name, s in sums.items()]
    )
    rows = sum(s.rows for s in sums.values())
    out.line(f"{rows} rows moved and compared; next: careerrelay doctor")
