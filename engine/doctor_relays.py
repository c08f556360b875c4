"""What doctor says of a connection's mail relays: next hops, what passed, what never came."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import timedelta
from gettext import ngettext

from sqlalchemy import func, select

from ..mail import smtp
from ..mail.injection.charsets import written
from ..models.companies import Strategy
from ..models.errors import CareerRelayError
from ..models.tables import Connection, MailRelay, SpooledMail, WorkState
from .findings import Finding, fail, hint, ok
from .mail_relay_report import NOTED, mail_lines, mail_report, waiting_counts
from .mail_relays import NEXT_HOP_PASSWORD, all_relays, dkim_key, open_secret, rules_of
from .own_mail import open_account
from .runtime import Runtime

LOOK_BACK = timedelta(days=7)
JIS = "iso2022_jp"
SITE = {4: 24, 6: 48}
"""Bits of the largest network that is taken for one company's own, by version."""
WAITING_LONG = timedelta(hours=1)


def relay_findings(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """Nothing for a connection that neither chose mail_relay nor has a relay."""
    relays = all_relays(runtime, connection=connection.id)
    chosen = Strategy.MAIL_RELAY.value in connection.strategies[:1]
    if chosen and not relays:
        yield fail(
            connection.id, "mail relay", "links go out by mail_relay, but no mail can come in",
            remedy=f"careerrelay mail-relay add ID --connection {connection.id}",
        )  # fmt: skip
    for relay in relays:
        yield from _relay(runtime, relay)
    if relays and not chosen:
        yield hint(
            connection.id, "mail relay", "there is one, but links go out by another strategy",
            remedy=f"careerrelay connections set {connection.id} --strategy mail_relay",
        )  # fmt: skip
    if chosen and relays:
        yield from _written(runtime, connection)
        yield from _outcomes(runtime, connection)


def _relay(runtime: Runtime, relay: MailRelay) -> Iterator[Finding]:
    """Whether mails can go on: connect, encrypt and sign in at the next hop; send nothing."""
    change = f"careerrelay mail-relay set {relay.id}"
    if rules_of(relay)["milter"]:
        yield _milter(runtime, relay)
        return
    try:
        key = dkim_key(runtime, relay)
        password = open_secret(runtime, relay, relay.next_hop, NEXT_HOP_PASSWORD)
        seen = smtp.probe(open_account(relay.next_hop, password=password))
    except CareerRelayError as error:
        yield fail(relay.id, "next hop", error.message, remedy=change)
        return
    how = "encrypted" if seen.encrypted else "not encrypted"
    signs = f", signed for {key.domain}" if key else ""
    yield ok(
        relay.id,
        "next hop",
        f"it answers, {how}{', signed in' if seen.authenticated else ''}{signs}",
    )
    if _may_be_shared(relay):
        yield hint(
            relay.id, "networks", "wide enough to be shared with others, and no key is asked for",
            remedy=f"careerrelay mail-relay set {relay.id} --network-key yes",
        )  # fmt: skip
    yield from _kept(runtime, relay)
    if len(relay.password_hashes) > 1:
        yield hint(
            relay.id, "password", "the one before the last is still good",
            remedy=f"careerrelay mail-relay rotate {relay.id} --drop-old",
        )  # fmt: skip


def _may_be_shared(relay: MailRelay) -> bool:
    """As the networks of a mail provider, whose customers all send from them."""
    networks = [ipaddress.ip_network(network) for network in relay.networks]
    is_wide = any(network.prefixlen < SITE[network.version] for network in networks)
    return is_wide and not rules_of(relay)["network_key"]


def _milter(runtime: Runtime, relay: MailRelay) -> Finding:
    place = runtime.settings.mail_relay["milter"]
    if place:
        return ok(relay.id, "milter", f"its mail server asks us at {place}")
    return fail(
        relay.id, "milter", "its mails come by the milter, but that listens nowhere",
        remedy="set [mail_relay] milter in the settings, like inet:8894@127.0.0.1",
    )  # fmt: skip


def _kept(runtime: Runtime, relay: MailRelay) -> Iterator[Finding]:
    """Mails of the mode spool that have waited for longer than a short trouble lasts."""
    before = runtime.clock() - WAITING_LONG
    waiting = (SpooledMail.relay_id == relay.id) & (SpooledMail.state == WorkState.DUE.value)
    query = select(func.count()).where(waiting, SpooledMail.received_at < before)
    with runtime.database.read() as session:
        number = session.scalar(query) or 0
    if number:
        rest = "waited for more than an hour"
        told = ngettext(f"1 mail has {rest}", f"{number} mails have {rest}", number)
        yield hint(
            relay.id, "spool", told,
            remedy="careerrelay work list --kind relayed --state due",
        )  # fmt: skip


def _written(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """What a mail's charset does not hold, not even in another form, is not written into it."""
    name = runtime.settings.operator["name"] or ""
    if written(name, JIS) is None:
        yield hint(
            connection.id, "operator",
            "the name holds signs that ISO-2022-JP lacks, so mails in it get the English paragraph",
            remedy="write [operator] name with other signs, or have the mails sent in UTF-8",
        )  # fmt: skip


def _outcomes(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    since = runtime.clock() - LOOK_BACK
    last = mail_lines(runtime, connection.id, limit=1)
    lines = mail_report(runtime, connection.id, since=since, locale="en")
    troubled = [line for line in lines if line.remedy and line.status != NOTED]
    noted = [line for line in lines if line.status == NOTED]
    if not last:
        yield hint(
            connection.id, "mails", "no rejection mail has passed the relay yet",
            remedy="reject a test candidate, then 'careerrelay mail-relay mails'",
        )  # fmt: skip
    elif troubled:
        told = ", ".join(f"{line.mails} {line.code}" for line in troubled)
        yield hint(
            connection.id, "mails", f"without a personal link in 7 days: {told}",
            remedy=f"careerrelay mail-relay report {connection.id}",
        )  # fmt: skip
    else:
        yield ok(
            connection.id, "mails", f"the last one passed {last[0].last_at:%Y-%m-%d %H:%M} UTC"
        )
    if noted:
        told = ", ".join(f"{line.mails} {line.code}" for line in noted)
        yield hint(
            connection.id, "templates", f"to be corrected, by the mails of 7 days: {told}",
            remedy=f"careerrelay mail-relay report {connection.id}",
        )  # fmt: skip
    waiting = waiting_counts(runtime, connection.id, since=since).get(WorkState.DUE.value, 0)
    if waiting:
        rest = "whose mail has not passed yet"
        told = ngettext(f"1 rejection {rest}", f"{waiting} rejections {rest}", waiting)
        yield ok(connection.id, "waiting", told)
