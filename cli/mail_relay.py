"""``careerrelay mail-relay``: how mails come to the relay, and what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
from marshmallow import fields

from ..engine.mail_relay_report import mail_lines, mail_report
from ..engine.mail_relay_values import RelayValues
from ..engine.mail_relays import (
    RelayPlan,
    add_relay,
    all_relays,
    change_relay,
    drop_old_password,
    find_relay,
    remove_relay,
    rotate_password,
    shown_relay,
)
from ..mail.relay.network_key import NAME
from ..models.tables import MailRelay
from .context import Cli, Group, command, named_connection
from .output import Output
from .prompts import Command, confirm, secret_file, secret_variable

SECRETS = ("next_hop_password", "signing_key")


@click.group(
    "mail-relay", short_help="How mails come to the relay, and what became of them.", cls=Group
)
def mail_relay() -> None:
    """Mail relays: how a connection's mails come to us, where they go on to, what became of them.

    'careerrelay serve' or 'careerrelay relay' listens ([mail_relay] in the settings).
    """


def plan_options(function: Command) -> Command:
    """One option for each value of a relay, and those for its secrets."""
    for name, label in (("signing_key", "dkim-key"), ("next_hop_password", "next-hop-password")):
        function = click.option(
            f"--forget-{label}", f"{name}_forget", is_flag=True, help=f"Forget the {label}."
        )(function)
        function = click.option(
            f"--{label}-env", f"{name}_env", metavar="VARIABLE",
            help=f"Take the {label} from an environment variable.",
        )(function)  # fmt: skip
        function = click.option(
            f"--{label}-file", f"{name}_file", metavar="PATH", help=f"Take the {label} from a file."
        )(function)
    for name, declared in reversed(RelayValues().fields.items()):
        function = _option(name, declared)(function)
    return function


def _option(name: str, declared: fields.Field) -> Any:
    option, help_ = f"--{name.replace('_', '-')}", declared.metadata["help"]
    if isinstance(declared, fields.List):
        return click.option(
            option.removesuffix("s"), name, multiple=True, metavar="TEXT",
            help=f"{help_} May be repeated; replaces the list; '' alone empties it.",
        )  # fmt: skip
    default = declared.metadata["default"]
    shown = {True: "yes", False: "no"}[default] if isinstance(default, bool) else default
    told = f" Default: {shown}." if shown not in ("", None) else ""
    return click.option(option, name, metavar="VALUE", help=f"{help_}{told}")


def _plan(options: dict[str, Any]) -> RelayPlan:
    given = {name: options[name] for name in RelayValues().fields if options[name]}
    values = {
        name: [part for part in value if part] if isinstance(value, tuple) else value
        for name, value in given.items()
    }
    empty = {n: "" for n in RelayValues().fields if options[n] == ""}
    return RelayPlan({**values, **empty}, *(_secret(options, name) for name in SECRETS))


def _secret(options: dict[str, Any], name: str) -> str | None:
    """From one source; None: keep what is there."""
    given = [how for how in ("file", "env", "forget") if options[f"{name}_{how}"]]
    if len(given) > 1:
        raise click.UsageError(f"give the {name.replace('_', ' ')} in one way only")
    if not given:
        return None
    value = options[f"{name}_{given[0]}"]
    return {"file": secret_file, "env": secret_variable, "forget": lambda _: ""}[given[0]](value)


@command(mail_relay, "add")
@click.argument("relay_id", metavar="ID")
@click.option("--connection", help="The connection whose mails they are; the only one, if omitted.")
@click.option("--no-password", is_flag=True, help="No sign-in: known by --network alone.")
@plan_options
def add(
    cli: Cli, out: Output, relay_id: str, connection: str | None, no_password: bool, **options: Any
) -> None:
    """Add a relay under the short name ID, which is its SMTP user.

    The SMTP password is made here and shown this once. Choose the strategy mail_relay for the
    connection as well.
    """
    plan = _plan(options)
    with cli.runtime() as runtime:
        made, password = add_relay(
            runtime, relay_id, connection=named_connection(runtime, connection).id, plan=plan,
            actor=cli.actor, sign_in=not no_password,
        )  # fmt: skip
        listening = runtime.settings.mail_relay
    if made.rules.get("milter"):
        _tell_milter(out, made, listening["milter"])
        return
    told = {"port": listening["port"], "user": made.id, "password": password or None}
    if out.data({**shown_relay(made), "enter_in_ats": told}):
        return
    out.line(f"added mail relay {made.id} for connection {made.connection_id}")
    out.line("\nEnter where the mails come from:")
    out.line(f"  SMTP port:     {listening['port']} (STARTTLS), at this server's public name")
    if password:
        out.line(f"  SMTP user:     {made.id}")
        out.line(f"  SMTP password: {password}   (not shown again)")
    if made.rules.get("network_key"):
        out.line(f"  mail header:   {NAME}: {password}   (by a rule there, in each mail)")
    out.line(f"\nnext: put {shown_relay(made)['marker']} into the rejection template, then")
    out.line(f"      careerrelay connections set {made.connection_id} --strategy mail_relay")


def _tell_milter(out: Output, made: MailRelay, place: str) -> None:
    values = shown_relay(made)
    if out.data({**values, "enter_in_mta": {"milter": place or None}}):
        return
    out.line(f"added mail relay {made.id} for connection {made.connection_id}")
    if place:
        out.line(f"\nName the milter in your mail server, before the one that signs: {place}")
    else:
        out.line("\nSet [mail_relay] milter: no place to listen is set yet")
    out.line(f"\nnext: put {values['marker']} into the rejection template, then")
    out.line(f"      careerrelay connections set {made.connection_id} --strategy mail_relay")


@command(mail_relay, "set")
@click.argument("relay_id", metavar="ID")
@plan_options
def set_(cli: Cli, out: Output, relay_id: str, **options: Any) -> None:
    """Change values of the relay ID; what is not given stays as it is."""
    plan = _plan(options)
    if plan == RelayPlan():
        raise click.UsageError("nothing to change was given")
    with cli.runtime() as runtime:
        changed = change_relay(runtime, relay_id, plan=plan, actor=cli.actor)
    if not out.data(shown_relay(changed)):
        out.line(f"changed mail relay {relay_id}")


@command(mail_relay, "list")
@click.option("--connection", help="Only this connection's.")
def list_(cli: Cli, out: Output, connection: str | None) -> None:
    """List the relays."""
    with cli.runtime() as runtime:
        found = [shown_relay(relay) for relay in all_relays(runtime, connection=connection)]
    if out.data(found):
        return
    if not found:
        out.line("no mail relay yet; add one with 'careerrelay mail-relay add'")
        return
    names = ("id", "connection", "next_hop_host", "senders", "networks", "password")
    out.table(names, [[relay[name] for name in names] for relay in found])


@command(mail_relay, "show")
@click.argument("relay_id", metavar="ID")
def show(cli: Cli, out: Output, relay_id: str) -> None:
    """Show every value of the relay ID; of its secrets only whether they are set."""
    with cli.runtime() as runtime:
        values = shown_relay(find_relay(runtime, relay_id))
    if not out.data(values):
        out.facts(values)


@command(mail_relay, "rotate")
@click.argument("relay_id", metavar="ID")
@click.option("--drop-old", is_flag=True, help="Make no new one: end the password before.")
def rotate(cli: Cli, out: Output, relay_id: str, drop_old: bool) -> None:
    """Make a new SMTP password for the relay ID, shown this once.

    The one before stays good, so that no mail is refused meanwhile: enter the new one where the
    mails come from, then run this with --drop-old.
    """
    with cli.runtime() as runtime:
        if drop_old:
            dropped = drop_old_password(runtime, relay_id, actor=cli.actor)
            if not out.data({"id": relay_id, "dropped": dropped}):
                out.line("the old password has ended" if dropped else "there was no old password")
            return
        password = rotate_password(runtime, relay_id, actor=cli.actor)
    if not out.data({"id": relay_id, "password": password}):
        out.line(f"SMTP user {relay_id}, new password: {password}   (not shown again)")
        out.line(f"once it is in use: careerrelay mail-relay rotate {relay_id} --drop-old")


@command(mail_relay, "remove")
@click.argument("relay_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(cli: Cli, out: Output, relay_id: str, yes: bool) -> None:
    """Take no more mail by the relay ID and forget its secrets; the ID cannot be used again."""
    with cli.runtime() as runtime:
        find_relay(runtime, relay_id)
        confirm(f"Remove the mail relay {relay_id}? Mails sent through it are refused.", yes=yes)
        remove_relay(runtime, relay_id, actor=cli.actor)
    if not out.data({"id": relay_id, "removed": True}):
        out.line(f"removed mail relay {relay_id}; take it out of the ATS's SMTP settings too")


@command(mail_relay, "mails")
@click.argument("connection_id", metavar="[CONNECTION]", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True,
              help="Most lines.")  # fmt: skip
def mails(cli: Cli, out: Output, connection_id: str | None, limit: int) -> None:
    """List the latest mails that were, or were to be, given a link. No address is kept."""
    with cli.runtime() as runtime:
        found = mail_lines(runtime, named_connection(runtime, connection_id).id, limit=limit)
    if not out.data(found):
        rows = [
            (m.last_at, m.relay, m.judgement, m.reason, m.status, m.code, m.reply,
             ", ".join(m.notes))
            for m in found
        ]  # fmt: skip
        out.table(("at", "relay", "to get", "why", "done", "code", "reply", "notes"), rows)


@command(mail_relay, "report")
@click.argument("connection_id", metavar="[CONNECTION]", required=False)
@click.option("--days", type=click.IntRange(1, 400), default=7, show_default=True,
              help="How far back.")  # fmt: skip
def report(cli: Cli, out: Output, connection_id: str | None, days: int) -> None:
    """Count mails by what became of them, each with what to do about it."""
    with cli.runtime() as runtime:
        connection = named_connection(runtime, connection_id)
        since = runtime.clock() - timedelta(days=days)
        found = mail_report(runtime, connection.id, since=since, locale=cli.lang)
    if not out.data(found):
        out.table(
            ("mails", "done", "code", "what to do"),
            [(line.mails, line.status, line.code, line.remedy) for line in found],
        )
