"""Connections as TOML, for those who keep configuration in git; never with a secret in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w
from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..connectors.registry import connector_class
from ..models.companies import ReasonMeaning
from ..models.errors import ConfigurationError
from ..models.tables import Connection, ReasonRule
from .audit import note
from .companies import check_id, checked
from .config import resolve
from .connections import ConnectionPlan, all_connections, find_connection, restage, stage
from .runtime import Runtime

UNCHANGED = "unchanged"
_MARK = "\ue000env:"
"""A private-use character, so that no setting somebody typed is taken for a placeholder."""
_PLACEHOLDER = re.compile(rf'"{_MARK}(\w+)"')


class ConnectionTable(Schema):
    """One ``[connections.<id>]``."""

    company = fields.String(required=True)
    connector = fields.String(required=True)
    strategies = fields.List(fields.String())
    hiring = fields.String()
    mail_values = fields.Dict(fields.String(), fields.Raw())
    settings = fields.Dict(fields.String(), fields.Raw(), load_default=dict)
    reasons = fields.Dict(
        fields.String(),
        fields.String(validate=validate.OneOf([meaning.value for meaning in ReasonMeaning])),
        load_default=dict,
    )


def export_connections(runtime: Runtime, *, only: str | None = None) -> str:
    """TOML of all connections, or one. Secrets are placeholders ``{ env = "..." }``."""
    found = [find_connection(runtime, only)] if only else all_connections(runtime)
    with runtime.database.read() as session:
        tables = {c.id: _exported(session, c) for c in found}
    text = tomli_w.dumps({"connections": tables})
    return _PLACEHOLDER.sub(r'{ env = "\1" }', text)


def _exported(session: Session, connection: Connection) -> dict[str, Any]:
    secrets = {n: f"{_MARK}{_variable(connection.id, n)}" for n in sorted(connection.secrets)}
    rules = {rule.external_id: rule.meaning for rule in _mapped(session, connection.id)}
    table: dict[str, Any] = {
        "company": connection.company_id,
        "connector": connection.connector,
        "strategies": list(connection.strategies),
        "hiring": connection.hiring,
        "mail_values": dict(connection.mail_values),
        "settings": {**connection.settings, **secrets},
        "reasons": rules,
    }
    return {name: value for name, value in table.items() if value not in ({}, [])}


def _variable(connection_id: str, name: str) -> str:
    return f"CAREERRELAY_{connection_id}_{name}".upper().replace("-", "_")


def _mapped(session: Session, connection_id: str) -> list[ReasonRule]:
    query = (
        select(ReasonRule)
        .where(ReasonRule.connection_id == connection_id, ReasonRule.meaning.is_not(None))
        .order_by(ReasonRule.external_id)
    )
    return list(session.scalars(query))


def import_connections(
    runtime: Runtime, text: str, *, environ: Mapping[str, str], actor: str
) -> dict[str, str]:
    """Make the connections as the TOML says; all of them or, on any fault, none.

    Returns ``added``, ``changed`` or ``unchanged`` per connection; the same file again changes
    nothing. Connections and settings that the file does not name stay as they are. Raises
    ConfigurationError naming table and key, NotFoundError for an unknown company.
    """
    tables = {id_: _read(id_, table, environ) for id_, table in _tables(text).items()}
    done = {}
    with runtime.database.begin() as session:
        for id_, table in tables.items():
            done[id_] = _import_one(runtime, session, id_, table)
            note(
                runtime, session, actor=actor, action="connection.import", subject=id_,
                outcome=done[id_],
            )  # fmt: skip
    return done


def _tables(text: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the file is not TOML: {error}") from None
    tables = data.get("connections")
    if set(data) != {"connections"} or not isinstance(tables, dict):
        raise ConfigurationError("the file must hold [connections.<id>] tables and nothing else")
    return tables


def _read(id_: str, table: Any, environ: Mapping[str, str]) -> dict[str, Any]:
    """One table, its shape checked and its ``{ env = }`` and ``{ file = }`` looked up."""
    check_id(id_, what="connection")
    where = f"[connections.{id_}]"
    if not isinstance(table, dict):
        raise ConfigurationError(f"{where} must be a table")
    known = checked(ConnectionTable(), table, where=f"{where} ")
    known["settings"] = {
        name: str(resolve(value, where=f"{where} {name}", environ=environ))
        for name, value in known["settings"].items()
    }
    return known


def _import_one(runtime: Runtime, session: Session, id_: str, table: Mapping[str, Any]) -> str:
    plan = _plan(table)
    connection = session.get(Connection, id_)
    if connection is None or connection.removed_at is not None:
        stage(
            runtime, session, id_,
            company=table["company"], connector=table["connector"], plan=plan,
        )  # fmt: skip
        _map(runtime, session, id_, table["reasons"])
        return "added"
    for name, is_now in (("company", connection.company_id), ("connector", connection.connector)):
        if table[name] != is_now:
            raise ConfigurationError(f"[connections.{id_}] {name}: is {is_now} and cannot change")
    differs = _differs(runtime, connection, plan)
    if differs:
        restage(runtime, connection, plan)
    mapped = _map(runtime, session, id_, table["reasons"])
    return "changed" if differs or mapped else UNCHANGED


def _plan(table: Mapping[str, Any]) -> ConnectionPlan:
    spec = connector_class(table["connector"]).spec
    secret = {s.name for s in spec.settings if s.secret}
    values = table["settings"]
    mail_values = table.get("mail_values")
    return ConnectionPlan(
        strategies=table.get("strategies"),
        hiring=table.get("hiring"),
        mail_values=mail_values and {k: str(v) for k, v in mail_values.items()},
        settings={k: v for k, v in values.items() if k not in secret},
        secrets={k: v for k, v in values.items() if k in secret},
    )


def _differs(runtime: Runtime, connection: Connection, plan: ConnectionPlan) -> bool:
    """Whether applying the plan would change anything: sealing again alone is no change."""
    given = {"strategies": plan.strategies, "hiring": plan.hiring}
    if any(v is not None and v != getattr(connection, n) for n, v in given.items()):
        return True
    known = {**connection.settings, **runtime.secrets(connection)}
    wanted = {**plan.settings, **plan.secrets}
    mail = plan.mail_values or {}
    return any(known.get(n, "") != v for n, v in wanted.items()) or any(
        connection.mail_values.get(n, "") != v for n, v in mail.items()
    )


def _map(runtime: Runtime, session: Session, id_: str, reasons: Mapping[str, str]) -> bool:
    """Enter the reason map; cases waiting on it are decided by ``reasons map``."""
    known = {
        rule.external_id: rule
        for rule in session.scalars(select(ReasonRule).where(ReasonRule.connection_id == id_))
    }
    changed = False
    for external_id, meaning in reasons.items():
        rule = known.get(external_id)
        if rule is None:
            rule = ReasonRule(connection_id=id_, external_id=external_id, text="")
            rule.meaning, rule.first_seen_at = meaning, runtime.clock()
            session.add(rule)
            changed = True
        elif rule.meaning != meaning:
            rule.meaning = meaning
            changed = True
    return changed
