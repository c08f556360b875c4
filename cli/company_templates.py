"""``careerrelay company template``: a company's own wording, judged before it is stored."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..engine.companies import find_company
from ..engine.config import LOCALES
from ..engine.templates import (
    Wording,
    all_wordings,
    kind_of,
    remove_template,
    set_template,
    wording,
)
from ..models.errors import ConfigurationError
from .context import Cli, Group, command
from .output import Output

LOCALE = click.option(
    "--locale", type=click.Choice(LOCALES), help="Language of the mail; by default the company's."
)


@click.group(cls=Group)
def template() -> None:
    """A company's own text of its notices."""


@command(template, "list")
@click.argument("company_id", metavar="COMPANY")
def list_(cli: Cli, out: Output, company_id: str) -> None:
    """List the mails a company may word itself, and whose text is in use."""
    with cli.runtime() as runtime:
        found = all_wordings(runtime, company_id)
    if not out.data([_summary(w) for w in found]):
        rows = [(w.template.kind, w.template.locale, _whose(w), w.template.subject) for w in found]
        out.table(("kind", "language", "text", "subject"), rows)


def _summary(found: Wording) -> dict[str, str]:
    return {
        "kind": found.template.kind.value,
        "locale": found.template.locale,
        "text": _whose(found),
        "subject": found.template.subject,
    }


def _whose(found: Wording) -> str:
    return "own" if found.own else "shipped"


@command(template, "show")
@click.argument("company_id", metavar="COMPANY")
@click.argument("kind")
@LOCALE
def show(cli: Cli, out: Output, company_id: str, kind: str, locale: str | None) -> None:
    """Print the text in use, as a file that 'template set' takes."""
    with cli.runtime() as runtime:
        known = find_company(runtime, company_id)
        found = wording(runtime, company_id, kind=kind_of(kind), locale=locale or known.locale)
    if not out.data({**_summary(found), "body": found.template.body}):
        out.line(f"Subject: {found.template.subject}\n\n{found.template.body.rstrip()}")


@command(template, "set")
@click.argument("company_id", metavar="COMPANY")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@LOCALE
def set_(
    cli: Cli, out: Output, company_id: str, kind: str, file: Path, locale: str | None
) -> None:  # fmt: skip
    """Use the text in FILE ('-': standard input); its first line is 'Subject: ...'.

    The linter reads it first: an error refuses it, warnings are shown and it is stored.
    """
    text = _text(file)
    with cli.runtime() as runtime:
        chosen = locale or find_company(runtime, company_id).locale
        remarks = set_template(
            runtime, company_id, kind=kind_of(kind), locale=chosen, text=text, actor=cli.actor
        )
    told = [
        {
            "severity": r.severity.value,
            "code": r.code,
            "line": r.line,
            "message": r.message_ja if cli.lang == "ja" else r.message_en,
        }
        for r in remarks
    ]
    if not out.data({"company": company_id, "kind": kind, "locale": chosen, "remarks": told}):
        for remark in told:
            out.line(f"{remark['severity']}, line {remark['line']}: {remark['message']}")
        out.line(f"stored {kind} ({chosen}) for {company_id}")


def _text(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"cannot read the file {file} as UTF-8 text") from None


@command(template, "remove")
@click.argument("company_id", metavar="COMPANY")
@click.argument("kind")
@LOCALE
def remove(cli: Cli, out: Output, company_id: str, kind: str, locale: str | None) -> None:
    """Go back to the shipped text."""
    with cli.runtime() as runtime:
        chosen = locale or find_company(runtime, company_id).locale
        remove_template(runtime, company_id, kind=kind_of(kind), locale=chosen, actor=cli.actor)
    if not out.data({"company": company_id, "kind": kind, "locale": chosen, "text": "shipped"}):
        out.line(f"{company_id} uses the shipped {kind} ({chosen}) again")
