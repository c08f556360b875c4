"""``careerrelay candidates``: an applicant's request that the company answers by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..engine.erasure import erase, with_address
from ..models.errors import ConfigurationError
from .context import Cli, command
from .output import Output
from .prompts import ask, confirm, is_interactive


@click.group(short_help="Erase one candidate by hand.")
def candidates() -> None:
    """Candidates: what their ATS does by itself, done by hand."""


@command(candidates, "erase")
@click.argument("company_id", metavar="COMPANY")
@click.option(
    "--email-file",
    metavar="PATH",
    help="Take the address from this file; '-': from standard input.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def erase_(cli: Cli, out: Output, company_id: str, email_file: str | None, yes: bool) -> None:
    """Erase a candidate of COMPANY who asked for it by mail: what a deletion in the ATS does.

    The address is asked for, or read from a file, and never an argument: those stay in the
    shell's history. Names and addresses go for good, in every connection of the company; nothing
    is written to them again, and personal links end. Delete the person in the ATS as well. A
    registration belongs to the operator: its owner deletes it by the link in the welcome mail.
    """
    email = _address(email_file)
    with cli.runtime() as runtime:
        found = with_address(runtime, company_id, email=email)
        confirm(
            f"Erase this candidate with {sum(found.values())} cases at {company_id}, for good?",
            yes=yes,
        )
        done = erase(runtime, company_id, candidates=found, actor=cli.actor)
    if not out.data(done):
        out.line(f"erased: {done.cases} cases ({', '.join(done.connections)})")
        out.line("delete the person in the ATS too; copies of the database still hold them")


def _address(path: str | None) -> str:
    if path is None and not is_interactive():
        raise click.UsageError("--email-file is missing")
    try:
        if path is None:
            text = ask("e-mail address of the candidate")
        else:
            text = sys.stdin.readline() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"cannot read the file {path}") from None
    if not text.strip():
        raise click.UsageError("the e-mail address is empty")
    return text.strip()
