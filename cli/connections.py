"""``careerrelay connections``: a company's accounts on ATSs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ..connectors import registry
from ..connectors.registry import connector_class
from ..connectors.spec import ConnectorSpec, Setting
from ..engine.connections import (
    MAIL_VALUES,
    ConnectionPlan,
    add_connection,
    all_connections,
    change_connection,
    check_kinds,
    find_connection,
    possible_strategies,
    remove_connection,
    shown_connection,
)
from ..engine.doctor_connections import account_findings
from ..engine.findings import Finding, Status
from ..engine.runtime import Runtime
from ..mail.compose import Hiring
from ..models.errors import ConfigurationError
from ..models.tables import Connection
from .context import Cli, Group, command, named_connection
from .guide import guide_section, polling_entry, webhook_entry
from .output import Output
from .prompts import (
    Command,
    ask,
    ask_secret,
    confirm,
    is_interactive,
    pairs,
    read_secrets,
    secret_options,
)
from .wording import area, term, translated


@click.group(short_help="A company's accounts on ATSs.", cls=Group)
def connections() -> None:
    """Connections: a company's accounts on ATSs, their settings and secrets."""


def plan_options(function: Command) -> Command:
    """What ``add`` and ``set`` have in common."""
    options = (
        click.option(
            "--mail-value",
            "mail_values",
            multiple=True,
            metavar="NAME=VALUE",
            help=f"A value its notices need: {', '.join(MAIL_VALUES)}. May be repeated.",
        ),
        click.option(
            "--hiring",
            type=click.Choice([h.value for h in Hiring]),
            help="What kind of people the jobs are for; chooses the notice's wording.",
        ),
        click.option(
            "--set",
            "settings",
            multiple=True,
            metavar="NAME=VALUE",
            help="A setting of the connector ('connectors show'); empty: its default, '-': nothing "
            "in place of its default. May be repeated. Secrets are not taken here.",
        ),
        click.option(
            "--strategy",
            "strategies",
            multiple=True,
            help="How links get into the mails, best first. May be repeated.",
        ),
    )
    for option in options:
        function = option(function)
    return secret_options(function)


@command(connections, "add")
@click.argument("connection_id", metavar="[ID]", required=False)
@click.option("--company", help="The company whose account it is.")
@click.option("--connector", help="The ATS ('connectors list').")
@plan_options
def add(
    cli: Cli,
    out: Output,
    connection_id: str | None,
    company: str | None,
    connector: str | None,
    **options: Any,
) -> None:
    """Add a connection under the short name ID, which will stand in its webhook URL.

    On a terminal, what is missing is asked for; secrets are never shown. Without --strategy the
    links go out by static_link, which every ATS can do.
    """
    with cli.runtime() as runtime:
        connector = _asked(connector, "--connector", choices=list(registry.connector_classes()))
        spec = connector_class(connector).spec
        connection_id = _asked(connection_id, "ID", default=connector)
        company = _asked(company, "--company")
        plan = _completed(spec, _plan(options), lang=cli.lang)
        made = add_connection(
            runtime,
            connection_id,
            company=company,
            connector=connector,
            plan=plan,
            actor=cli.actor,
        )
        _tell_entered(cli, out, runtime, made, verb="added")


def _asked(
    given: str | None, label: str, *, default: str | None = None, choices: Sequence[str] = ()
) -> str:
    if given:
        return given
    if not is_interactive():
        raise click.UsageError(f"{label} is missing")
    return ask(label.removeprefix("--"), default=default, choices=choices)


def _plan(options: dict[str, Any]) -> ConnectionPlan:
    values = pairs(options["mail_values"], option="--mail-value")
    return ConnectionPlan(
        strategies=options["strategies"] or None,
        hiring=options["hiring"],
        mail_values=values or None,
        settings=pairs(options["settings"], option="--set"),
        secrets=read_secrets(
            files=options["secret_files"],
            variables=options["secret_env"],
            names=options["secret_names"],
        ),
    )


def _completed(spec: ConnectorSpec, plan: ConnectionPlan, *, lang: str) -> ConnectionPlan:
    """The plan with what is missing asked for; the connector's own words are the prompts."""
    check_kinds(spec, plan)
    given = {**plan.settings, **plan.secrets}
    lacking = [s for s in spec.settings if s.required and not given.get(s.name) and not s.default]
    if lacking and not is_interactive():
        told = ", ".join(f"{s.name} ({_option_for(s)})" for s in lacking)
        raise ConfigurationError(f"missing settings of {spec.title}: {told}")
    settings, secrets = dict(plan.settings), dict(plan.secrets)
    for setting in lacking:
        label = f"{setting.help_ja if lang == 'ja' else setting.help}\n{setting.name}"
        if setting.secret:
            secrets[setting.name] = ask_secret(label)
        else:
            settings[setting.name] = ask(label, choices=setting.choices)
    return ConnectionPlan(plan.strategies, plan.hiring, plan.mail_values, settings, secrets)


def _option_for(setting: Setting) -> str:
    if setting.secret:
        return f"--secret-file {setting.name}=PATH"
    return f"--set {setting.name}=VALUE"


def _tell_entered(
    cli: Cli, out: Output, runtime: Runtime, connection: Connection, *, verb: str
) -> None:
    """What was stored, and what is left to do in the ATS."""
    entry = webhook_entry(runtime, connection)
    if out.data({**shown_connection(runtime, connection), "enter_in_ats": entry}):
        return
    spec = connector_class(connection.connector).spec
    out.line(f"{verb} connection {connection.id} ({spec.title})")
    out.line(f"links go out by: {', '.join(connection.strategies)}")
    out.line(f"possible: {', '.join(possible_strategies(spec))}")
    _tell_webhook(out, spec, entry)
    section = guide_section(connection.connector, lang=cli.lang)
    if section:
        out.line(f"\n{section}")
    out.line(f"\nnext: careerrelay connections check {connection.id}")


def _tell_webhook(out: Output, spec: ConnectorSpec, entry: dict[str, Any] | None) -> None:
    if entry is None:
        out.line(polling_entry(spec))
        return
    out.line(f"\nEnter in {spec.title}:")
    out.line(f"  webhook URL: {entry['url']}")
    out.line(f"  events:      {', '.join(entry['events'])}")
    out.line(f"  secret:      the same as in {', '.join(entry['secrets'])}")
    out.line(f"  ({entry['verification']})")


@command(connections, "set")
@click.argument("connection_id", metavar="ID")
@plan_options
def set_(cli: Cli, out: Output, connection_id: str, **options: Any) -> None:
    """Change settings, secrets or strategies of a connection; it is tried again at once.

    --strategy replaces the whole list. What is not given stays as it is.
    """
    plan = _plan(options)
    if plan == ConnectionPlan():
        raise click.UsageError("nothing to change was given")
    with cli.runtime() as runtime:
        changed = change_connection(runtime, connection_id, plan=plan, actor=cli.actor)
        shown = shown_connection(runtime, changed)
    if not out.data(shown):
        out.line(f"changed connection {connection_id}")


@command(connections, "list")
@click.option("--company", help="Only this company's.")
def list_(cli: Cli, out: Output, company: str | None) -> None:
    """List the connections, and which of them want attention."""
    with cli.runtime() as runtime:
        found = [shown_connection(runtime, c) for c in all_connections(runtime, company=company)]
    if out.data(found):
        return
    if not found:
        out.line("no connection yet; add one with 'careerrelay connections add'")
        return
    names = ("id", "company", "connector", "strategies", "attention")
    out.table(names, [[c[name] for name in names] for c in found])


@command(connections, "show")
@click.argument("connection_id", metavar="[ID]", required=False)
def show(cli: Cli, out: Output, connection_id: str | None) -> None:
    """Show a connection and what to enter in the ATS; of secrets only whether they are set."""
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        values = shown_connection(runtime, connection)
        entry = webhook_entry(runtime, connection)
    if out.data({**values, "enter_in_ats": entry}):
        return
    settings = values.pop("settings")
    out.facts({**values, **{f"setting {name}": value for name, value in settings.items()}})
    _tell_webhook(out, connector_class(connection.connector).spec, entry)


@command(connections, "check")
@click.argument("connection_id", metavar="[ID]", required=False)
def check(cli: Cli, out: Output, connection_id: str | None) -> None:
    """Ask the ATS whether settings and permissions do; names what is missing. Exit 1 then.

    Without ID every connection is checked.
    """
    with cli.runtime() as runtime:
        if connection_id is None:
            chosen = list(all_connections(runtime))
        else:
            chosen = [find_connection(runtime, connection_id)]
        findings = [f for c in chosen for f in account_findings(c, runtime.connector(c))]
    if not out.data(findings):
        tell_findings(out, findings)
    if any(f.status is Status.FAIL for f in findings):
        raise click.exceptions.Exit(1)


def tell_findings(out: Output, findings: Sequence[Finding]) -> None:
    """Findings as a table, remedies below what they mend."""
    rows = []
    for found in findings:
        detail, remedy = (translated(t, lang=out.lang) for t in (found.detail, found.remedy))
        status, name = (term(t, lang=out.lang) for t in (found.status.value, found.name))
        told = detail + (f"\n-> {remedy}" if remedy else "")
        rows.append((status, area(found.area, lang=out.lang), name, told))
    out.table(("", "what", "check", "detail"), rows)


@command(connections, "remove")
@click.argument("connection_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(cli: Cli, out: Output, connection_id: str, yes: bool) -> None:
    """Stop using a connection and forget its secrets.

    Its cases, links, registrations and the count stay; the ID cannot be used again.
    """
    with cli.runtime() as runtime:
        find_connection(runtime, connection_id)
        confirm(f"Remove the connection {connection_id} and forget its secrets?", yes=yes)
        remove_connection(runtime, connection_id, actor=cli.actor)
    if not out.data({"id": connection_id, "removed": True}):
        out.line(f"removed connection {connection_id}; take its webhooks out of the ATS too")
