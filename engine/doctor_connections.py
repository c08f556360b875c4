"""What doctor says of one connection: its account, its webhook, its reasons, its strategies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from gettext import ngettext

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..connectors.base import Connector
from ..connectors.spec import Capability, ConnectorSpec, Evidence
from ..models.companies import Strategy
from ..models.errors import CareerRelayError
from ..models.tables import Connection, Delivery, RefusedRequest, SheetRow, Signal
from . import mail_record
from .call_budgets import budget_of
from .connections import obstacle, switched_off, webhook_url
from .doctor_notices import notice_findings
from .doctor_polls import poll_findings
from .doctor_relays import relay_findings
from .findings import Finding, fail, hint, ok
from .reasons import reason_lines
from .runtime import Runtime
from .sheets.profiles import profiles_of, takes_csv

BETTER = (
    Strategy.FIELD_TOKEN,
    Strategy.ATS_MESSAGE,
    Strategy.MAIL_RELAY,
    Strategy.OWN_MAIL,
    Strategy.STATIC_LINK,
)
"""Best first: the person's own link in the mail the ATS sends, ..., one link for everybody."""
SHORT = 0.9
"""Of the month's calls; from here on it is worth a word."""
_CAPABILITY = {
    Strategy.FIELD_TOKEN: Capability.FIELD_TOKEN,
    Strategy.ATS_MESSAGE: Capability.ATS_MESSAGE,
    Strategy.MAIL_RELAY: Capability.MAIL_RELAY,
}


def connection_findings(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """Settings first; where they do not do, nothing else is asked."""
    try:
        connector = runtime.connector(connection)
    except CareerRelayError as error:
        yield fail(
            connection.id, "settings", error.message,
            remedy=f"careerrelay connections set {connection.id}",
        )  # fmt: skip
        return
    yield ok(connection.id, "settings", f"{connector.spec.title}, all settings are there")
    yield from account_findings(connection, connector)
    yield from _budget(runtime, connection, connector.spec)
    yield from _webhook(runtime, connection, connector.spec)
    yield from poll_findings(runtime, connection, connector.spec)
    yield from _files(runtime, connection)
    yield from _reasons(runtime, connection)
    yield from _strategy(connection, connector.spec)
    yield from notice_findings(runtime, connection)
    yield from _records(runtime, connection, connector.spec)
    yield from relay_findings(runtime, connection)


def account_findings(connection: Connection, connector: Connector) -> Iterator[Finding]:
    """What the connector itself finds when it asks the ATS."""
    if connection.attention:
        yield fail(
            connection.id, "attention", connection.attention,
            remedy=f"careerrelay connections set {connection.id}, with the value it names",
        )  # fmt: skip
    try:
        checks = connector.check()
    except CareerRelayError as error:
        yield fail(connection.id, "account", error.message)
        return
    for check in checks:
        make = ok if check.ok else fail
        found = make(connection.id, check.name, check.detail)
        yield Finding(found.area, found.name, found.status, found.detail, check.remedy)


def _budget(runtime: Runtime, connection: Connection, spec: ConnectorSpec) -> Iterator[Finding]:
    """How much is left of the calls of the month, where the account has so many."""
    with runtime.database.read() as session:
        budget = budget_of(session, connection.id, spec, runtime.clock())
    if budget is None or spec.rate_limit is None:
        return
    said = f"{budget.used} of {budget.allowed} made in this month"
    if budget.used < SHORT * budget.allowed:
        yield ok(connection.id, "calls", said)
        return
    yield hint(
        connection.id, "calls", said,
        remedy=f"raise {spec.rate_limit.monthly} if the account has more to give; once they are "
        "used up, the ATS is not called until next month",
    )  # fmt: skip


def _webhook(runtime: Runtime, connection: Connection, spec: ConnectorSpec) -> Iterator[Finding]:
    """Whether the ATS reaches us, which the account's own checks do not tell."""
    if not spec.can(Capability.WEBHOOK):
        return
    with runtime.database.read() as session:
        taken = _last_webhook(session, connection.id)
        refused, cause = _refused_since(session, connection.id, taken)
    url = webhook_url(runtime, connection.id)
    if refused:
        # Anybody can send rubbish to the address; only if nothing good ever came is it ours.
        yield (fail if taken is None else hint)(
            connection.id,
            "webhook",
            f"{refused} refused and no good one since: {cause}",
            remedy="compare the secret in the ATS with the connection's",
        )
    elif taken is None:
        yield hint(
            connection.id,
            "webhook",
            "none has arrived yet",
            remedy=f"enter {url} in {spec.title}, then send its test event",
        )
    else:
        yield ok(connection.id, "webhook", f"the last one arrived {taken:%Y-%m-%d %H:%M} UTC")


def _last_webhook(session: Session, connection_id: str) -> datetime | None:
    query = select(func.max(Signal.received_at)).where(
        Signal.connection_id == connection_id, Signal.source == "webhook"
    )
    return session.scalar(query)


def _refused_since(session: Session, connection_id: str, since: datetime | None) -> tuple[int, str]:
    query = (
        select(RefusedRequest)
        .where(RefusedRequest.connection_id == connection_id)
        .order_by(RefusedRequest.received_at.desc())
        .limit(1000)
    )
    if since is not None:
        query = query.where(RefusedRequest.received_at > since)
    found = session.scalars(query).all()
    return len(found), found[0].cause if found else ""


def _files(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """Whether anybody has said how this company's CSV is read, and brought any."""
    if not takes_csv(connection):
        return
    if not profiles_of(runtime, connection.company_id):
        yield hint(
            connection.id, "csv", "no profile says how the CSV files are read",
            remedy=f"careerrelay csv columns {connection.id} FILE, or the page that 'careerrelay "
            f"csv link {connection.id}' opens",
        )  # fmt: skip
        return
    query = select(func.max(SheetRow.seen_at)).where(SheetRow.connection_id == connection.id)
    with runtime.database.read() as session:
        last = session.scalar(query)
    said = f"the last new row came {last:%Y-%m-%d %H:%M} UTC" if last else "no row came yet"
    yield (ok if last else hint)(connection.id, "csv", said)


def _reasons(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """Only reasons that cases wait on: an ATS lists many that nobody uses."""
    lines = reason_lines(runtime, connection.id, fetch=False)
    waiting = [line for line in lines if line.is_open and line.cases]
    if not waiting:
        yield ok(connection.id, "reasons", "no case waits for a reason to be mapped")
        return
    cases = sum(line.cases for line in waiting)
    rest = f"not mapped; cases without a link because of that: {cases}"
    told = ngettext(f"1 reason is {rest}", f"{len(waiting)} reasons are {rest}", len(waiting))
    yield hint(
        connection.id,
        "reasons",
        told,
        remedy=f"careerrelay reasons list {connection.id}",
    )


def _records(runtime: Runtime, connection: Connection, spec: ConnectorSpec) -> Iterator[Finding]:
    """Whether the mails that we send in the company's name are also found in its ATS."""
    if Strategy.OWN_MAIL not in connection.strategies or not spec.can(Capability.MAIL_RECORD):
        return
    note = spec.capabilities[Capability.MAIL_RECORD].note
    query = (
        select(Delivery.error_code)
        .where(Delivery.connection_id == connection.id, Delivery.strategy == mail_record.STRATEGY)
        .order_by(Delivery.created_at.desc())
    )
    with runtime.database.read() as session:
        refused = session.scalar(query.limit(1)) == mail_record.NOT_PERMITTED
    if refused:
        yield hint(
            connection.id, "mail record",
            f"{spec.title} does not permit recording the mails we send on the candidate",
            remedy=note,
        )  # fmt: skip
    else:
        yield ok(connection.id, "mail record", f"the mails we send are recorded. {note}".strip())


def _strategy(connection: Connection, spec: ConnectorSpec) -> Iterator[Finding]:
    """The strategy in use, and what the next better one would take."""
    for name in connection.strategies:
        why = obstacle(spec, name)
        if why:
            yield fail(connection.id, f"strategy {name}", why, remedy="choose another one")
    if why := switched_off(spec, connection):
        set_it = f"careerrelay connections set {connection.id}"
        yield fail(connection.id, f"strategy {Strategy.ATS_MESSAGE}", why, remedy=set_it)
    first = connection.strategies[0] if connection.strategies else ""
    yield ok(connection.id, "strategy", f"links go out by {first}")
    for better in BETTER[: _rank(first)]:
        yield _improvement(connection, spec, better)


def _rank(strategy: str) -> int:
    names = [s.value for s in BETTER]
    return names.index(strategy) if strategy in names else len(names)


def _improvement(connection: Connection, spec: ConnectorSpec, better: Strategy) -> Finding:
    name = f"better: {better.value}"
    why = obstacle(spec, better.value)
    if why:
        return ok(connection.id, name, why)
    set_it = f"careerrelay connections set {connection.id} --strategy {better.value}"
    company = connection.company_id
    if better is Strategy.OWN_MAIL:
        return hint(
            connection.id,
            name,
            "possible: we would send the company's notice itself, in place of the ATS's mail",
            remedy=f"careerrelay company set {company} --smtp-host HOST, then {set_it}",
        )
    support = spec.capabilities[_CAPABILITY[better]]
    proof = "" if support.evidence is Evidence.LIVE else f" ({support.evidence.value})"
    return hint(
        connection.id,
        name,
        f"possible{proof}: each applicant would get a link of their own. {support.note}".strip(),
        remedy=f"see the connector's guide, then {set_it}",
    )
