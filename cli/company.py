"""``careerrelay company``: who rejects and earns slots, and how it words its mails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..engine.companies import (
    CompanyValues,
    SmtpValues,
    add_company,
    all_companies,
    change_company,
    connection_counts,
    find_company,
    shown_company,
)
from . import company_templates
from .context import Cli, Group, command
from .output import Output
from .prompts import ask, ask_secret, is_interactive, secret_file, secret_variable

Function = TypeVar("Function", bound=Callable[..., Any])
SMTP_PREFIX = "smtp_"


@click.group(short_help="Who rejects and earns slots.", cls=Group)
def company() -> None:
    """Companies: names, mail accounts, sending hours, templates."""


company.add_command(company_templates.template)


def value_options(function: Function) -> Function:
    """One option per value a company may have, and one per value of its SMTP account."""
    for name, field in reversed(SmtpValues().fields.items()):
        option = f"--{SMTP_PREFIX}{name}".replace("_", "-")
        function = click.option(option, help=field.metadata["help"])(function)
    for name, field in reversed(CompanyValues().fields.items()):
        if name not in ("name", "switched_off"):
            option = f"--{name}".replace("_", "-")
            function = click.option(option, help=field.metadata["help"])(function)
    return function


def secret_source(function: Function) -> Function:
    """Where the SMTP password comes from; never the command line itself."""
    options = (
        click.option("--smtp-password-file", help="Take the SMTP password from this file."),
        click.option(
            "--smtp-password-env", help="Take the SMTP password from this environment variable."
        ),
        click.option("--smtp-password", is_flag=True, help="Ask for the SMTP password."),
        click.option("--forget-smtp-password", is_flag=True, help="Forget the SMTP password."),
        click.option(
            "--switched-off",
            help=f"{CompanyValues().fields['switched_off'].metadata['help']} "
            "Separated by commas; 'none' for none.",
        ),
    )
    for option in options:
        function = option(function)
    return function


@command(company, "add")
@click.argument("company_id", metavar="[ID]", required=False)
@click.option("--name", help="Formal name, as mails and the page show it.")
@value_options
@secret_source
def add(cli: Cli, out: Output, company_id: str | None, name: str | None, **options: Any) -> None:
    """Add a company under the short name ID (lower-case letters, digits, hyphens).

    On a terminal, what is missing is asked for.
    """
    company_id = _asked(company_id, "ID (short name)")
    values = _values(options)
    values["name"] = _asked(name, "Formal name")
    password, account = _password(options), _account(options)
    with cli.runtime() as runtime:
        made = add_company(runtime, company_id, actor=cli.actor, **values)
        if account or password is not None:
            made = change_company(
                runtime, company_id, actor=cli.actor, smtp=account, smtp_password=password
            )
    if not out.data(shown_company(made)):
        out.line(f"added company {company_id} ({made.name})")
        out.line(f"next: careerrelay connections add --company {company_id}")


def _asked(given: str | None, label: str) -> str:
    if given:
        return given
    if not is_interactive():
        raise click.UsageError(f"{label} is missing")
    return ask(label)


@command(company, "set")
@click.argument("company_id", metavar="ID")
@click.option("--name", help="Formal name, as mails and the page show it.")
@value_options
@secret_source
def set_(cli: Cli, out: Output, company_id: str, name: str | None, **options: Any) -> None:
    """Change values of the company ID; what is not given stays as it is."""
    values = _values(options)
    if name is not None:
        values["name"] = name
    password, account = _password(options), _account(options)
    if not values and not account and password is None:
        raise click.UsageError("nothing to change was given")
    with cli.runtime() as runtime:
        changed = change_company(
            runtime, company_id, actor=cli.actor, smtp=account, smtp_password=password, **values
        )
    if not out.data(shown_company(changed)):
        out.line(f"changed company {company_id}")


def _values(options: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in CompanyValues().fields if name not in ("name", "switched_off")]
    values = {name: options[name] for name in names if options.get(name) is not None}
    off = options.get("switched_off")
    if off is not None:
        codes = [] if off == "none" else [code.strip() for code in off.split(",")]
        values["switched_off"] = codes
    return values


def _account(options: dict[str, Any]) -> dict[str, Any]:
    given = {name: options.get(SMTP_PREFIX + name) for name in SmtpValues().fields}
    return {name: value for name, value in given.items() if value is not None}


def _password(options: dict[str, Any]) -> str | None:
    """From exactly one source; None: keep what is there."""
    sources: dict[str, Callable[[Any], str]] = {
        "smtp_password_file": secret_file,
        "smtp_password_env": secret_variable,
        "smtp_password": lambda _: ask_secret("SMTP password"),
        "forget_smtp_password": lambda _: "",
    }
    given = [name for name in sources if options.get(name)]
    if len(given) > 1:
        raise click.UsageError("give the SMTP password in one way only")
    return sources[given[0]](options[given[0]]) if given else None


@command(company, "list")
def list_(cli: Cli, out: Output) -> None:
    """List the companies."""
    with cli.runtime() as runtime:
        companies = all_companies(runtime)
        connected = connection_counts(runtime)
    if out.data([{"id": c.id, "name": c.name, "connections": connected.get(c.id, 0)}
                 for c in companies]):  # fmt: skip
        return
    if not companies:
        out.line("no company yet; add one with 'careerrelay company add'")
        return
    rows = [(c.id, c.name, c.locale, connected.get(c.id, 0)) for c in companies]
    out.table(("id", "name", "language", "connections"), rows)


@command(company, "show")
@click.argument("company_id", metavar="ID")
def show(cli: Cli, out: Output, company_id: str) -> None:
    """Show every value of the company ID; of the SMTP password only whether it is set."""
    with cli.runtime() as runtime:
        values = shown_company(find_company(runtime, company_id))
    if not out.data(values):
        account = values.pop("smtp")
        out.facts({**values, **{f"smtp {name}": value for name, value in account.items()}})
