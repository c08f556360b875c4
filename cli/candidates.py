"""``careerrelay candidates`` and ``registrations``: requests for erasure that came by mail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ..engine.erasure import erase, erase_registrations, registrations_with, with_address
from ..models.errors import ConfigurationError
from .context import Cli, Group, command
from .output import Output
from .prompts import ask, confirm, is_interactive

Command = TypeVar("Command", bound=Callable[..., Any])


def asked_options(function: Command) -> Command:
    """Whose data, never as an argument: those stay in the shell's history."""
    options = (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option(
            "--email-file",
            metavar="PATH",
            help="Take the address from this file; '-': from standard input.",
        ),
    )
    for option in options:
        function = option(function)
    return function


@click.group(short_help="Erase one candidate by hand.", cls=Group)
def candidates() -> None:
    """Candidates: what their ATS does by itself, done by hand."""


@command(candidates, "erase")
@click.argument("company_id", metavar="COMPANY")
@asked_options
def erase_(cli: Cli, out: Output, company_id: str, email_file: str | None, yes: bool) -> None:
    """Erase a candidate of COMPANY who asked for it by mail: what a deletion in the ATS does.

    The address is asked for, or read from a file, and never an argument: those stay in the
    shell's history. Names and addresses go for good, in every connection of the company; nothing
    is written to them again, and personal links end. Delete the person in the ATS as well. A
    registration belongs to the operator: see 'careerrelay registrations erase'.
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


@click.group(short_help="Erase one registration by hand.", cls=Group)
def registrations() -> None:
    """Registrations: what their owner does on the page, done by the operator's hand."""


@command(registrations, "erase")
@asked_options
def erase_registration(cli: Cli, out: Output, email_file: str | None, yes: bool) -> None:
    """Erase a person's registrations with all companies: what the link in the welcome mail does.

    For somebody who lost that mail and asked the operator. Make sure that the request comes from
    that address. The address is asked for, or read from a file, and never an argument. The count
    stays, and so does what was written to an ATS before.
    """
    email = _address(email_file)
    with cli.runtime() as runtime:
        found = registrations_with(runtime, email=email)
        confirm(f"Erase the registrations with {', '.join(found)}, for good?", yes=yes)
        erase_registrations(runtime, found, actor=cli.actor)
    if not out.data({"companies": sorted(found)}):
        out.line(f"erased: the registrations with {', '.join(sorted(found))}")


def _address(path: str | None) -> str:
    if path is None and not is_interactive():
        raise click.UsageError("--email-file is missing")
    try:
        if path is None:
            text = ask("e-mail address of the person")
        else:
            text = sys.stdin.readline() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"cannot read the file {path}") from None
    if not text.strip():
        raise click.UsageError("the e-mail address is empty")
    return text.strip()
