"""``careerrelay inject``: the paragraph into mails that lie in files."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from ..engine.mail_relay_words import remedy
from ..mail.injection import MARKER, Paragraph, Policy, Status, inject
from ..models.errors import ConfigurationError
from .context import Cli, with_output
from .inject_files import STREAM, Line, Mailbag, Treat, read_message, write_message
from .inject_paragraph import USUAL_TEXTS, paragraph_of
from .output import Output
from .wording import translated

TOKEN_LEFT = "token_left"  # noqa: S105 - a code, no secret
STILL_THERE = (
    "The marker stands where it cannot be replaced and is still seen: do not send this mail."
)
PATH = click.Path(path_type=Path, dir_okay=False)


@click.command("inject", short_help="Put the paragraph with a link into mails in files.")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--link", required=True, metavar="URL", help="The link that is put in.")
@click.option(
    "--marker", default=MARKER, show_default=True, metavar="TEXT",
    help="What the link takes the place of; where it is missing, the paragraph follows the text.",
)  # fmt: skip
@click.option(
    "--paragraph", "paragraph_file", type=PATH,
    help="The paragraph's words, UTF-8, with {link} where the link goes; else at its end.",
)  # fmt: skip
@click.option(
    "--ascii-paragraph", "ascii_file", type=PATH,
    help="The same in ASCII, for mails whose charset cannot hold it. English words by default.",
)  # fmt: skip
@click.option(
    "--language", type=click.Choice(list(USUAL_TEXTS)), default="ja", show_default=True,
    help="Language of the paragraph.",
)  # fmt: skip
@click.option("--batch", is_flag=True, help="IN and OUT are folders; those inside are kept.")
@click.option("--all", "every", is_flag=True, help="With --batch: any file, not only *.eml.")
@click.option(
    "--report", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False),
    help="With --batch: write one JSON object per mail to this file (- for stdout).",
)  # fmt: skip
@with_output
def inject_command(
    cli: Cli,  # noqa: ARG001 - as all have
    out: Output,
    source: Path,
    target: Path,
    link: str,
    marker: str,
    paragraph_file: Path | None,
    ascii_file: Path | None,
    language: str,
    batch: bool,
    every: bool,
    report: Path | None,
) -> None:
    """Put the paragraph with a link into the mail IN and write it to OUT; - is stdin or stdout.

    A mail that must not or cannot be changed safely - signed, encrypted, a calendar entry, ... -
    is written to OUT byte for byte as it was, and the code says why. No settings are needed.
    One with the code token_left shows the marker to whoever reads it, so do not send it.

    With --batch, all *.eml of the folder IN are treated and written under the same names to OUT.
    The report has an object for each: file, status, code, notes, milliseconds. A file that cannot
    be read or written is status failed, code unreadable or unwritable, and makes the exit code 1.
    """
    if (every or report) and not batch:
        raise click.UsageError("--all and --report go with --batch")
    paragraph = paragraph_of(link, language=language, file=paragraph_file, ascii_file=ascii_file)
    treat = treatment(paragraph, Policy(marker=marker, url_prefix=link))
    if batch:
        failed = _batch(out, Mailbag(source, target, every=every), treat=treat, report=report)
    else:
        failed = _single(out, source, target, treat=treat)
    if failed:
        raise click.exceptions.Exit(1)


def treatment(paragraph: Paragraph, policy: Policy) -> Treat:
    """What is done with the bytes of one mail."""

    def treat(message: bytes) -> tuple[bytes, Line]:
        began = time.perf_counter()
        result = inject(message, paragraph, policy)
        treated = result.assemble(message)
        line = Line("", result.status, result.code, result.notes, _since(began))
        return treated, line

    return treat


def _since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 3)


def _single(out: Output, source: Path, target: Path, *, treat: Treat) -> bool:
    to_stdout = target == STREAM
    if out.as_json and to_stdout:
        raise click.UsageError("with --json, OUT cannot be stdout")
    try:
        treated, line = treat(read_message(source))
    except OSError:
        raise ConfigurationError(f"cannot read the file {source}") from None
    try:
        write_message(target, treated, like=source)
    except OSError:
        raise ConfigurationError(f"{target} cannot be written") from None
    if not out.data(line.told(str(source))):
        click.echo(line.sentence(), err=to_stdout)
        if line.status in (Status.REFUSED, Status.FAILED):
            click.echo(_advice(line.code, lang=out.lang), err=to_stdout)
    return line.status is Status.FAILED


def _advice(code: str, *, lang: str) -> str:
    """What to do about a mail that is as it was."""
    if code == TOKEN_LEFT:
        return translated(STILL_THERE, lang=lang)
    return remedy(code, locale=lang)


def _batch(out: Output, bag: Mailbag, *, treat: Treat, report: Path | None) -> bool:
    """Whether any file failed."""
    counts: Counter[tuple[str, str]] = Counter()
    with _opened(report) as lines:
        for line in bag.treated(treat):
            counts[line.status.value, line.code] += 1
            if lines is not None:
                lines.write(line.as_json() + "\n")
    if report != STREAM and not out.data([_count(key, n) for key, n in counts.most_common()]):
        out.table(("status", "code", "mails"), [(*key, n) for key, n in counts.most_common()])
    return any(status == Status.FAILED for status, _ in counts)


def _count(key: tuple[str, str], number: int) -> dict[str, str | int]:
    return {"status": key[0], "code": key[1], "mails": number}


@contextmanager
def _opened(report: Path | None) -> Iterator[IO[str] | None]:
    """The report's stream; a file has its name only when it is complete."""
    if report is None or report == STREAM:
        yield None if report is None else sys.stdout
        return
    begun = report.with_name(f"{report.name}.part")
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        stream = begun.open("w", encoding="ascii")
    except OSError:
        raise ConfigurationError(f"{report} cannot be written") from None
    with stream:
        yield stream
    begun.replace(report)
