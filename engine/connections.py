"""Administration of connections: a company's accounts on ATSs, their settings and secrets.

Forms and prompts are derived from what the connector declares; what it declares secret is
sealed for its place and never comes out of here again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..connectors.registry import connector_class
from ..connectors.spec import Capability, ConnectorSpec, Setting
from ..mail.compose import Hiring
from ..models.companies import Strategy
from ..models.errors import ConfigurationError, NotFoundError, RefusedError
from ..models.tables import Connection
from .audit import note
from .companies import check_id, company_of
from .runtime import Runtime, secret_place

MAIL_VALUES = ("graduation_year", "store_name", "reapply_months")
"""What a notice may need beside company and person; see ``Connection.mail_values``."""

_NEEDS = {
    Strategy.FIELD_TOKEN: Capability.FIELD_TOKEN,
    Strategy.ATS_MESSAGE: Capability.ATS_MESSAGE,
    Strategy.MAIL_RELAY: Capability.MAIL_RELAY,
}


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """What a connection shall be. None keeps what is there; ``secrets`` are in clear.

    In ``settings`` and ``secrets`` an empty value takes a setting out, back to its default.
    """

    strategies: Sequence[str] | None = None
    hiring: str | None = None
    mail_values: Mapping[str, str] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def add_connection(
    runtime: Runtime,
    connection_id: str,
    *,
    company: str,
    connector: str,
    plan: ConnectionPlan,
    actor: str,
) -> Connection:
    """A new connection, checked against its connector; a polling one is due at once.

    Raises ConfigurationError naming each setting at fault, NotFoundError (the company),
    RefusedError (the id is taken).
    """
    check_id(connection_id, what="connection")
    with runtime.database.begin() as session:
        added = stage(
            runtime, session, connection_id, company=company, connector=connector, plan=plan
        )
        note(
            runtime, session, actor=actor, action="connection.add", subject=connection_id,
            connector=connector, changed=_changed(plan),
        )  # fmt: skip
    return added


def stage(
    runtime: Runtime,
    session: Session,
    connection_id: str,
    *,
    company: str,
    connector: str,
    plan: ConnectionPlan,
) -> Connection:
    """``add_connection`` inside the caller's transaction, without the audit line."""
    company_of(session, company)
    if session.get(Connection, connection_id) is not None:
        raise RefusedError(
            f"the connection id '{connection_id}' is taken (also by a removed one); choose another"
        )
    spec = connector_class(connector).spec
    connection = Connection(
        id=connection_id, company_id=company, connector=connector, strategies=[], hiring="other",
        mail_values={}, settings={}, secrets={}, poll_cursor={}, created_at=runtime.clock(),
        next_poll_at=runtime.clock() if spec.can(Capability.POLL) else None,
    )  # fmt: skip
    default = [Strategy.STATIC_LINK.value]
    _apply(runtime, connection, plan, strategies=plan.strategies or default)
    session.add(connection)
    session.flush()
    return connection


def change_connection(
    runtime: Runtime, connection_id: str, *, plan: ConnectionPlan, actor: str
) -> Connection:
    """Change what the plan gives. The account is tried again at once, whatever it said before."""
    with runtime.database.begin() as session:
        connection = connection_of(session, connection_id)
        restage(runtime, connection, plan)
        note(
            runtime, session, actor=actor, action="connection.set", subject=connection_id,
            changed=_changed(plan),
        )  # fmt: skip
    return connection


def restage(runtime: Runtime, connection: Connection, plan: ConnectionPlan) -> None:
    """``change_connection`` on a row of the caller's transaction, without the audit line."""
    _apply(runtime, connection, plan, strategies=plan.strategies)
    connection.attention = connection.paused_until = None
    if connection.next_poll_at is not None:
        connection.next_poll_at = runtime.clock()


def _apply(
    runtime: Runtime,
    connection: Connection,
    plan: ConnectionPlan,
    *,
    strategies: Sequence[str] | None,
) -> None:
    spec = connector_class(connection.connector).spec
    where = f"connection {connection.id}: "
    if strategies is not None:
        connection.strategies = check_strategies(spec, strategies, where=where)
    if plan.hiring is not None:
        connection.hiring = _hiring(plan.hiring, where)
    if plan.mail_values is not None:
        merged = {**connection.mail_values, **_mail_values(plan.mail_values, where)}
        connection.mail_values = {k: v for k, v in merged.items() if v}
    check_kinds(spec, plan, where=where)
    connection.settings = _merged(connection.settings, plan.settings)
    sealed = {
        name: value and runtime.vault.seal(value, place=secret_place(connection.id, name))
        for name, value in plan.secrets.items()
    }
    connection.secrets = _merged(connection.secrets, sealed)
    if why := switched_off(spec, connection):
        raise ConfigurationError(f"{where}{why}")
    try:
        runtime.connector(connection)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}{error.message}") from None


def _merged(known: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in {**known, **given}.items() if value != ""}


def check_kinds(spec: ConnectorSpec, plan: ConnectionPlan, *, where: str = "") -> None:
    """Refuse a secret given as a plain setting, and a plain setting given as a secret."""
    for name, as_secret in ((n, given is plan.secrets) for given in _both(plan) for n in given):
        setting = spec.setting(name)
        if setting is None:
            raise ConfigurationError(f"{where}{name} is not a setting of {spec.title}")
        if setting.secret != as_secret:
            kind = "a secret" if setting.secret else "no secret"
            raise ConfigurationError(f"{where}{name} is {kind} of {spec.title}; give it as such")


def _both(plan: ConnectionPlan) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return plan.settings, plan.secrets


def check_strategies(spec: ConnectorSpec, wanted: Sequence[str], *, where: str = "") -> list[str]:
    """The strategies, each once, in order. Raises ConfigurationError for one that cannot work."""
    if not wanted:
        raise ConfigurationError(f"{where}strategies: at least one is needed")
    for name in wanted:
        why = obstacle(spec, name)
        if why:
            raise ConfigurationError(f"{where}strategy {name}: {why}")
    return list(dict.fromkeys(wanted))


def obstacle(spec: ConnectorSpec, strategy: str) -> str:
    """Why a connector cannot deliver by that strategy; "" when it can."""
    if strategy not in set(Strategy):
        return f"unknown; choose among {', '.join(possible_strategies(spec))}"
    needed = _NEEDS.get(Strategy(strategy))
    if needed is None or spec.can(needed):
        return ""
    support = spec.capabilities.get(needed)
    reason = f": {support.note}" if support and support.note else ""
    return f"{spec.title} offers no way{reason}".rstrip(".")


def switched_off(spec: ConnectorSpec, connection: Connection) -> str:
    """Why the ATS does not send what this connection's strategies leave to it; "" if it may."""
    if Strategy.ATS_MESSAGE not in connection.strategies:
        return ""
    why = spec.message_refusal(connection.settings)
    return why and f"strategy {Strategy.ATS_MESSAGE}: {why}"


def possible_strategies(spec: ConnectorSpec) -> list[str]:
    """What this version can do with that connector."""
    return [s.value for s in Strategy if not obstacle(spec, s.value)]


def _hiring(value: str, where: str) -> str:
    if value not in set(Hiring):
        raise ConfigurationError(f"{where}hiring: must be one of {', '.join(Hiring)}")
    return value


def _mail_values(values: Mapping[str, str], where: str) -> dict[str, str]:
    unknown = sorted(set(values) - set(MAIL_VALUES))
    if unknown:
        raise ConfigurationError(
            f"{where}mail value {unknown[0]}: must be one of {', '.join(MAIL_VALUES)}"
        )
    return {name: value.strip() for name, value in values.items()}


def _changed(plan: ConnectionPlan) -> list[str]:
    named = ("strategies", "hiring", "mail_values")
    return [*(n for n in named if getattr(plan, n) is not None), *plan.settings, *plan.secrets]


def remove_connection(runtime: Runtime, connection_id: str, *, actor: str) -> None:
    """No more signals, polls or deliveries; its credentials are forgotten.

    Cases, links, registrations and the count stay, and so does the id.
    """
    with runtime.database.begin() as session:
        connection = connection_of(session, connection_id)
        connection.removed_at = runtime.clock()
        connection.next_poll_at = None
        connection.secrets = {}
        note(runtime, session, actor=actor, action="connection.remove", subject=connection_id)


def connection_of(session: Session, connection_id: str) -> Connection:
    """A live connection. Raises NotFoundError naming those there are."""
    connection = session.get(Connection, connection_id)
    if connection is None or connection.removed_at is not None:
        live = select(Connection.id).where(Connection.removed_at.is_(None))
        known = session.scalars(live.order_by(Connection.id).limit(20)).all()
        names = ", ".join(known) or "none yet ('careerrelay connections add')"
        raise NotFoundError(f"there is no connection '{connection_id}'; known: {names}")
    return connection


def find_connection(runtime: Runtime, connection_id: str) -> Connection:
    """``connection_of`` in a session of its own."""
    with runtime.database.read() as session:
        return connection_of(session, connection_id)


def all_connections(runtime: Runtime, *, company: str | None = None) -> Sequence[Connection]:
    """Every live connection, by id, of all companies or one."""
    query = select(Connection).where(Connection.removed_at.is_(None)).order_by(Connection.id)
    if company is not None:
        query = query.where(Connection.company_id == company)
    with runtime.database.read() as session:
        if company is not None:
            company_of(session, company)
        return session.scalars(query).all()


def webhook_url(runtime: Runtime, connection_id: str) -> str:
    """Where the ATS sends this connection's webhooks; no secret."""
    return f"{runtime.signer.base_url}{webhook_path(connection_id)}"


def webhook_path(connection_id: str) -> str:
    """The path of ``webhook_url``."""
    return f"/webhooks/{connection_id}"


def shown_connection(runtime: Runtime, connection: Connection) -> dict[str, Any]:
    """Everything for people and JSON; secrets only as set or missing."""
    spec = connector_class(connection.connector).spec
    return {
        "id": connection.id,
        "company": connection.company_id,
        "connector": connection.connector,
        "strategies": list(connection.strategies),
        "hiring": connection.hiring,
        "mail_values": dict(connection.mail_values),
        "settings": {s.name: _shown(connection, s) for s in spec.settings},
        "webhook_url": webhook_url(runtime, connection.id) if spec.webhook else None,
        "attention": connection.attention,
        "paused_until": connection.paused_until,
        "polled_at": connection.polled_at,
        "next_poll_at": connection.next_poll_at,
        "created_at": connection.created_at,
    }


def _shown(connection: Connection, setting: Setting) -> str | None:
    if setting.secret:
        return "set" if setting.name in connection.secrets else "missing"
    return connection.settings.get(setting.name, setting.default)
