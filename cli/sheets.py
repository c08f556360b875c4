"""``careerrelay csv``: files of ATSs without an API."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from zoneinfo import ZoneInfo

import click

from ..engine.runtime import Runtime
from ..engine.sheets.encoding import ENCODINGS
from ..engine.sheets.folder import check_size
from ..engine.sheets.importing import FailedRows, FileReading, Outcome, import_file, looking
from ..engine.sheets.opening import Manner, look_at, preview, settled
from ..engine.sheets.profiles import (
    find_profile,
    profiles_of,
    reading_spec,
    suggested_columns,
    takes_csv,
)
from ..engine.sheets.registrations import write_registrations
from ..models.errors import ConfigurationError, RefusedError
from ..models.tables import Connection
from .context import Cli, Group, command, named_connection
from .output import Output
from .prompts import confirm

Command = TypeVar("Command", bound=Callable[..., Any])

SIGNS = {"comma": ",", "tab": "\t"}
FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("csv", short_help="CSV files of ATSs without an API.", cls=Group)
def csv_files() -> None:
    """CSV files of ATSs without an API: map the columns once, then import; registrations back.

    Columns that no profile maps are dropped before anything is stored.
    """


def manner_options(function: Command) -> Command:
    """How a file is read, where it cannot be found out."""
    options = (
        click.option("--header-row", type=click.IntRange(1, 100), help="The row of the headings."),
        click.option("--delimiter", type=click.Choice(list(SIGNS)), help="What parts the cells."),
        click.option("--encoding", type=click.Choice(list(ENCODINGS)), help="The encoding."),
        click.option("--profile", help="The profile; by default the one whose headings fit."),
    )
    for option in options:
        function = option(function)
    return function


def _manner(options: dict[str, Any]) -> Manner:
    delimiter = options["delimiter"] and SIGNS[options["delimiter"]]
    return Manner(options["encoding"], delimiter, options["header_row"], options["profile"])


@contextmanager
def opened_file(path: Path) -> Any:
    """The file's bytes. Raises ConfigurationError."""
    try:
        file = path.open("rb")
    except OSError:
        raise ConfigurationError(f"cannot read the file {path}") from None
    with file:
        if not file.seekable():
            raise ConfigurationError(f"{path} is no file that can be read twice; save it first")
        yield file


@command(csv_files, "columns")
@click.argument("connection_id", metavar="CONNECTION")
@click.argument("file", type=FILE)
@manner_options
def columns(cli: Cli, out: Output, connection_id: str, file: Path, **options: Any) -> None:
    """Show how FILE is read: encoding and how certain, headings, first values, suggested columns.

    Nothing is stored. Ordinary headings are suggested and, for HRMOS, those of its documents;
    'careerrelay csv profile' says what is right.
    """
    with cli.runtime() as runtime, opened_file(file) as content:
        connection = named_connection(runtime, connection_id)
        sheet, profile = look_at(runtime, connection, content, _manner(options))
        spec = reading_spec(connection)
        found = dict(profile.columns) if profile else suggested_columns(spec, sheet)
        shown = preview(content, sheet, found)
    name = profile.name if profile else None
    if out.data({"profile": name, "columns": found, **_plain(shown)}):
        return
    sure = "certain" if shown.encoding_certain else "NOT certain; say it with --encoding"
    out.facts({
        "encoding": f"{shown.encoding} ({sure})",
        "delimiter": shown.delimiter,
        "headings in row": f"{shown.header_row}{'' if shown.header_certain else ' (NOT certain)'}",
        "headings twice": shown.doubled,
        "profile that fits": name,
    })  # fmt: skip
    ours = {heading: column for column, heading in found.items()}
    rows = [(h, ours.get(h, ""), " | ".join(v for v in s if v)) for h, s in shown.samples.items()]
    out.table(("heading", "column", "first values"), rows)
    for column, words in shown.words.items():
        out.table((f"{column}: word", "rows"), list(words.items()))


def _plain(shown: Any) -> dict[str, Any]:
    return {name: getattr(shown, name) for name in shown.__dataclass_fields__}


@command(csv_files, "import")
@click.argument("connection_id", metavar="CONNECTION")
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="Only say what would happen; store nothing.")
@click.option("--failed-rows", type=FILE, help="Write the rows with errors to this CSV.")
@click.option("--as-of", help="When the file was exported, like 2026-11-28 or 2026-11-28T10:30.")
@click.option("--yes", is_flag=True, help="Do not ask before the import.")
@manner_options
def import_(
    cli: Cli,
    out: Output,
    connection_id: str,
    file: Path,
    dry_run: bool,
    failed_rows: Path | None,
    as_of: str | None,
    yes: bool,
    **options: Any,
) -> None:
    """Import FILE into CONNECTION: look first, then ask, then take the good rows. Exit 1 with bad.

    The same row twice is one rejection, and a changed row changes it. Rows with errors are told by
    number and heading; --failed-rows writes them as they stood, in the same encoding, with a
    column that says what to write: correct them there and import that file.
    """
    with cli.runtime() as runtime, opened_file(file) as content:
        connection = named_connection(runtime, connection_id)
        before = os.fstat(content.fileno())
        check_size(runtime, before.st_size)
        sheet, found = look_at(runtime, connection, content, _manner(options))
        profile = settled(sheet, found)
        moment = _moment(runtime, as_of, connection)
        reading = FileReading(
            runtime, connection, content, sheet=sheet, profile=profile, as_of=moment
        )
        _refuse_same(file, failed_rows)
        with _failed(failed_rows, lambda f: FailedRows(f, sheet, locale=cli.lang)) as failed:
            outcome = reading.run(looking(runtime, connection, as_of=moment), failed=failed)
        if not dry_run:
            _ask(outcome, yes=yes)
            _refuse_changed(content, before)
            outcome = import_file(runtime, connection, reading, as_of=moment, actor=cli.actor)
    read_as = f"{sheet.encoding.label}, profile {profile.name}"
    tell_outcome(out, outcome, lang=cli.lang, read_as=read_as, dry_run=dry_run)
    if outcome.failed:
        raise click.exceptions.Exit(1)


def _ask(outcome: Outcome, *, yes: bool) -> None:
    counts = outcome.counts()
    confirm(
        f"Import {counts['new'] + counts['changed']} rows, among them "
        f"{counts['new_rejections']} rejections that are new here?",
        yes=yes,
    )


def _refuse_same(file: Path, failed_rows: Path | None) -> None:
    if failed_rows is not None and failed_rows.exists() and failed_rows.samefile(file):
        raise click.UsageError("--failed-rows would overwrite FILE; name another file")


def _refuse_changed(content: BinaryIO, before: os.stat_result) -> None:
    """What was said yes to is what was looked at."""
    now = os.fstat(content.fileno())
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise RefusedError("the file was changed while it was looked at; nothing was imported")


@contextmanager
def _failed(path: Path | None, make: Callable[[BinaryIO], FailedRows]) -> Any:
    if path is None:
        yield None
        return
    try:
        file = path.open("wb")
    except OSError:
        raise ConfigurationError(f"{path} cannot be written") from None
    with file:
        rows = make(file)
        yield rows
        rows.close()


def _moment(runtime: Runtime, text: str | None, connection: Connection) -> datetime:
    now = runtime.clock()
    zone = runtime.connector(connection).settings.get("timezone", "Asia/Tokyo")
    if text is None:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError("--as-of takes a day or time like 2026-11-28T10:30") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
    if moment > now:
        raise RefusedError("--as-of lies in the future")
    return moment.astimezone(now.tzinfo)


def tell_outcome(out: Output, outcome: Outcome, *, lang: str, read_as: str, dry_run: bool) -> None:
    """Counts, then every fault shown."""
    faults = [
        {"row": f.number, "heading": f.heading, "error": f.told(lang)} for f in outcome.faults
    ]
    counts = outcome.counts()
    if out.data({**counts, "faults": faults, "dry_run": dry_run, "read_as": read_as}):
        return
    out.facts({"read as": read_as, **{n.replace("_", " "): str(v) for n, v in counts.items()}})
    for fault in faults:
        out.line(fault["error"])
    if outcome.failed > len(faults):
        out.line(f"... and {outcome.failed - len(faults)} more")
    if dry_run:
        out.line("dry run: nothing was stored")


@command(csv_files, "registrations")
@click.argument("connection_id", metavar="CONNECTION")
@click.option("--output", type=FILE, required=True, help="The CSV to write.")
@click.option(
    "--encoding",
    type=click.Choice(list(ENCODINGS)),
    default="utf-8-sig",
    show_default=True,
    help="That of the files that you import, so that the ATS reads it.",
)
@click.option("--profile", help="Take the ATS's own headings from this profile.")
def registrations(
    cli: Cli, out: Output, connection_id: str, output: Path, encoding: str, profile: str | None
) -> None:
    """Write the registrations of people who chose to be named, with the ATS's own ids.

    Of any connection: also of an ATS with an API that nothing can be written to.
    Cells that a spreadsheet would compute get an apostrophe in front.
    """
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        known = profiles_of(runtime, connection.company_id) if takes_csv(connection) else []
        chosen = known[0] if len(known) == 1 else None
        if profile is not None:
            chosen = find_profile(runtime, connection.company_id, profile)
        try:
            file = output.open("wb")
        except OSError:
            raise ConfigurationError(f"{output} cannot be written") from None
        with file:
            written = write_registrations(
                runtime, connection, file, profile=chosen, codec=encoding, actor=cli.actor
            )
    if not out.data(written):
        out.line(f"{written.rows} registrations in {output}")
        if written.replaced:
            out.line(f"{written.replaced} cells have signs that {ENCODINGS[encoding]} lacks: 〓")
