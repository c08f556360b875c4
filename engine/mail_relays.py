"""Administration of mail relays: how a connection's mails come to us and where they go on to.

Passwords are made here, 130 bits of chance, so a keyed hash of one is as good as a slow one, which
would cost every connection of an ATS a tenth of a second. They are shown once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..mail.dkim import DkimKey
from ..models.errors import ConfigurationError, NotFoundError, RefusedError
from ..models.tables import MailRelay, new_id
from .audit import note
from .companies import check_id, checked
from .connections import connection_of
from .mail_relay_values import NEXT_HOP, SIGNING, RelayValues, completed
from .runtime import Runtime

NEXT_HOP_PASSWORD = "password_sealed"  # noqa: S105 - a key's name
SIGNING_KEY = "key_sealed"
KEPT_PASSWORDS = 2


@dataclass(frozen=True, slots=True)
class RelayPlan:
    """What a relay shall be. ``values`` as ``RelayValues`` names them; what is not given stays.

    ``next_hop_password`` and ``signing_key`` (PEM) are in clear; "" forgets them, None keeps them.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    next_hop_password: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)


def add_relay(
    runtime: Runtime,
    relay_id: str,
    *,
    connection: str,
    plan: RelayPlan,
    actor: str,
    sign_in: bool = True,
) -> tuple[MailRelay, str]:
    """A new relay and its SMTP password, "" where it is known by its address only.

    Raises ConfigurationError naming the value, NotFoundError (the connection), RefusedError (the
    id is taken).
    """
    check_id(relay_id, what="mail relay")
    password = new_id() if sign_in else ""
    with runtime.database.begin() as session:
        connection_of(session, connection)
        if session.get(MailRelay, relay_id) is not None:
            raise RefusedError(
                f"the mail relay id '{relay_id}' is taken (also by a removed one); choose another"
            )
        relay = MailRelay(
            id=relay_id, connection_id=connection, password_hashes=[], networks=[], senders=[],
            next_hop={}, signing={}, rules={}, created_at=runtime.clock(),
        )  # fmt: skip
        if password:
            relay.password_hashes = [_password_hash(runtime, relay_id, password)]
        _apply(runtime, session, relay, plan)
        if rules_of(relay)["milter"]:
            password, relay.password_hashes = "", []
        session.add(relay)
        note(
            runtime, session, actor=actor, action="mail_relay.add", subject=relay_id,
            connection=connection, changed=_changed(plan),
        )  # fmt: skip
    return relay, password


def change_relay(runtime: Runtime, relay_id: str, *, plan: RelayPlan, actor: str) -> MailRelay:
    """Change what the plan gives and nothing else. Raises as ``add_relay`` does."""
    with runtime.database.begin() as session:
        relay = relay_of(session, relay_id)
        _apply(runtime, session, relay, plan)
        note(
            runtime, session, actor=actor, action="mail_relay.set", subject=relay_id,
            changed=_changed(plan),
        )  # fmt: skip
    return relay


def _apply(runtime: Runtime, session: Session, relay: MailRelay, plan: RelayPlan) -> None:
    where = f"mail relay {relay.id}: "
    values = checked(RelayValues(), plan.values, where=where)
    secrets = {
        NEXT_HOP_PASSWORD: _sealed(runtime, relay, NEXT_HOP_PASSWORD, plan.next_hop_password),
        SIGNING_KEY: _sealed(runtime, relay, SIGNING_KEY, plan.signing_key),
    }
    for name in ("networks", "senders"):
        setattr(relay, name, list(values.pop(name, getattr(relay, name))))
    relay.next_hop = _merged(relay.next_hop, values, NEXT_HOP, secrets[NEXT_HOP_PASSWORD])
    relay.signing = _merged(relay.signing, values, SIGNING, secrets[SIGNING_KEY])
    relay.rules = {**relay.rules, **values}
    _check_whole(session, relay, where)
    dkim_key(runtime, relay)


def _sealed(runtime: Runtime, relay: MailRelay, name: str, value: str | None) -> dict[str, str]:
    """Nothing to change, or the one sealed value by its name."""
    if value is None:
        return {}
    place = relay_place(relay.id, name)
    return {name: runtime.vault.seal(value, place=place) if value else ""}


def _merged(
    known: Mapping[str, Any], values: dict[str, Any], names: Mapping[str, str], sealed: Any
) -> dict[str, Any]:
    """One group of a relay's values, taken out of ``values``."""
    given = {own: values.pop(name) for own, name in names.items() if name in values}
    return {n: v for n, v in {**known, **given, **sealed}.items() if v != ""}


def _check_whole(session: Session, relay: MailRelay, where: str) -> None:
    """Rules over several values, defaults included."""
    if not relay.senders:
        raise ConfigurationError(f"{where}senders: is missing; name the domains that may send")
    if rules_of(relay)["milter"]:
        _check_milter(session, relay, where)
        return
    if not relay.next_hop.get("host"):
        raise ConfigurationError(f"{where}next_hop_host: is missing; mails must go on somewhere")
    if not relay.password_hashes and not relay.networks:
        raise ConfigurationError(
            f"{where}networks: is missing; without sign-in the senders' addresses must be listed"
        )
    if rules_of(relay)["network_key"] and not relay.password_hashes:
        raise ConfigurationError(
            f"{where}network_key: needs a password; leave out --no-password, or make one with "
            f"'careerrelay mail-relay rotate {relay.id}'"
        )
    parts = {name for name in ("domain", "selector", SIGNING_KEY) if relay.signing.get(name)}
    if parts and len(parts) < 3:
        raise ConfigurationError(
            f"{where}dkim_domain, dkim_selector and the DKIM key go together; one is missing"
        )
    _check_networks(session, relay, where)


def _check_milter(session: Session, relay: MailRelay, where: str) -> None:
    """The MTA hands on and signs, and a sender tells whose mail it is."""
    if relay.next_hop or relay.signing:
        raise ConfigurationError(
            f"{where}milter: the mail server hands on and signs, so next hop and DKIM key are its "
            "own; leave them out here"
        )
    if rules_of(relay)["network_key"]:
        raise ConfigurationError(
            f"{where}network_key: is for networks that send to the relay itself, not by a milter"
        )
    for other in _live(session):
        shared = set(other.senders) & set(relay.senders)
        if other.id != relay.id and rules_of(other)["milter"] and shared:
            raise ConfigurationError(
                f"{where}senders: mail relay '{other.id}' has the same sender by the milter; whose "
                "mail it is could not be told"
            )


def _check_networks(session: Session, relay: MailRelay, where: str) -> None:
    """One network at two relays is told apart by the senders alone, so these must differ."""
    for other in _live(session):
        shared = set(other.networks) & set(relay.networks)
        if other.id != relay.id and shared and set(other.senders) & set(relay.senders):
            raise ConfigurationError(
                f"{where}senders: mail relay '{other.id}' has the same network and sender; whose "
                "mail it is could not be told"
            )


def _changed(plan: RelayPlan) -> list[str]:
    secrets = ("next_hop_password", "signing_key")
    return [*plan.values, *(n for n in secrets if getattr(plan, n) is not None)]


def rotate_password(runtime: Runtime, relay_id: str, *, actor: str) -> str:
    """A new SMTP password; the one before stays good until ``drop_old_password``."""
    password = new_id()
    with runtime.database.begin() as session:
        relay = relay_of(session, relay_id)
        hashes = [_password_hash(runtime, relay_id, password), *relay.password_hashes]
        relay.password_hashes = hashes[:KEPT_PASSWORDS]
        note(runtime, session, actor=actor, action="mail_relay.rotate", subject=relay_id)
    return password


def drop_old_password(runtime: Runtime, relay_id: str, *, actor: str) -> bool:
    """Only the newest SMTP password is good from now on. False: there was one only."""
    with runtime.database.begin() as session:
        relay = relay_of(session, relay_id)
        dropped = len(relay.password_hashes) > 1
        if dropped:
            relay.password_hashes = relay.password_hashes[:1]
            note(runtime, session, actor=actor, action="mail_relay.drop_old", subject=relay_id)
    return dropped


def signs_in(runtime: Runtime, relay: MailRelay, password: str) -> bool:
    """Whether this is one of the relay's passwords."""
    given = _password_hash(runtime, relay.id, password)
    # Each is compared, so that the time tells nothing.
    return sum(hmac.compare_digest(given, known) for known in relay.password_hashes) > 0


def _password_hash(runtime: Runtime, relay_id: str, password: str) -> str:
    return runtime.vault.match(f"mail-relay:{relay_id}:{password}")


def remove_relay(runtime: Runtime, relay_id: str, *, actor: str) -> None:
    """It takes no more mail, and its secrets are forgotten; what it did stays told."""
    with runtime.database.begin() as session:
        relay = relay_of(session, relay_id)
        relay.removed_at = runtime.clock()
        relay.password_hashes, relay.networks = [], []
        relay.next_hop = {n: v for n, v in relay.next_hop.items() if n != NEXT_HOP_PASSWORD}
        relay.signing = {}
        note(runtime, session, actor=actor, action="mail_relay.remove", subject=relay_id)


def relay_of(session: Session, relay_id: str) -> MailRelay:
    """A live relay. Raises NotFoundError naming those there are."""
    relay = session.get(MailRelay, relay_id)
    if relay is None or relay.removed_at is not None:
        names = ", ".join(r.id for r in _live(session)) or "none yet ('careerrelay mail-relay add')"
        raise NotFoundError(f"there is no mail relay '{relay_id}'; known: {names}")
    return relay


def _live(session: Session, connection: str | None = None) -> Sequence[MailRelay]:
    query = select(MailRelay).where(MailRelay.removed_at.is_(None)).order_by(MailRelay.id)
    if connection is not None:
        query = query.where(MailRelay.connection_id == connection)
    return session.scalars(query).all()


def all_relays(runtime: Runtime, *, connection: str | None = None) -> Sequence[MailRelay]:
    """Every live relay, by id, of all connections or one."""
    with runtime.database.read() as session:
        return _live(session, connection)


def find_relay(runtime: Runtime, relay_id: str) -> MailRelay:
    """``relay_of`` in a session of its own."""
    with runtime.database.read() as session:
        return relay_of(session, relay_id)


def shown_relay(relay: MailRelay) -> dict[str, Any]:
    """Everything for people and JSON; secrets only as set or missing."""
    next_hop = {name: relay.next_hop.get(own, "") for own, name in NEXT_HOP.items()}
    signing = {name: relay.signing.get(own, "") for own, name in SIGNING.items()}
    passwords = ("missing", "set", "set, and the one before is good too")
    return {
        "id": relay.id,
        "connection": relay.connection_id,
        "password": passwords[len(relay.password_hashes)],
        "networks": list(relay.networks),
        "senders": list(relay.senders),
        **next_hop,
        "next_hop_password": "set" if relay.next_hop.get(NEXT_HOP_PASSWORD) else "missing",
        **signing,
        "dkim_key": "set" if relay.signing.get(SIGNING_KEY) else "missing",
        **rules_of(relay),
        "created_at": relay.created_at,
    }


def rules_of(relay: MailRelay) -> dict[str, Any]:
    """The relay's rules, those that were never set with their defaults."""
    return completed(relay.rules)


def relay_place(relay_id: str, name: str) -> str:
    """Where a relay's secret is sealed for."""
    return f"mail_relays:{relay_id}:{name}"


def open_secret(runtime: Runtime, relay: MailRelay, group: Mapping[str, Any], name: str) -> str:
    """A secret of ``next_hop`` or ``signing`` in clear, "" where there is none."""
    sealed = group.get(name)
    return runtime.vault.open(sealed, place=relay_place(relay.id, name)) if sealed else ""


def dkim_key(runtime: Runtime, relay: MailRelay) -> DkimKey | None:
    """What we sign with; None: somebody after us signs. Raises ConfigurationError."""
    pem = open_secret(runtime, relay, relay.signing, SIGNING_KEY)
    if not pem:
        return None
    return DkimKey(relay.signing["domain"], relay.signing["selector"], pem)
