"""The relay's desk: who may send, what a passing mail is to get, and what became of it.

The relay asks here once for each mail and recipient, and tells how it ended. What is judged is
kept by a keyed hash of Message-ID and recipient: a mail that comes again, because an answer was
lost or a process died, finds the link it had.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from ..link_signing import Purpose
from ..mail.addresses import normalise_for_matching
from ..mail.dkim import DkimKey
from ..mail.injection import Paragraph, Policy, Result, marked_link, marker_in, nearly_marked
from ..mail.injection.mark import NAME
from ..mail.letterhead import Letterhead, read_letterhead
from ..mail.relay.desk import LOOP, Account, NextHop, Passing, Reply, Treatment
from ..mail.smtp import Security
from ..models.database import insert_into
from ..models.errors import ConfigurationError, OverloadedError
from ..models.links import LinkKind
from ..models.relays import WithoutLink
from ..models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Company,
    Connection,
    MailRelay,
    RelayedMail,
    RelayLink,
    new_id,
)
from . import links
from .mail_relay_cases import Judgement, Kind, ask_ats, judge
from .mail_relay_ends import note_end
from .mail_relay_values import SPOOL_MODE
from .mail_relays import NEXT_HOP_PASSWORD, dkim_key, open_secret, rules_of, signs_in
from .mail_spool import MailSpool
from .relay_paragraph import paragraph_for
from .runtime import Runtime

log = structlog.get_logger(__name__)

_OUR_HEADER = NAME.lower()
COPY = "internal_copy"
"""A copy for the company itself: nobody waits for a decision about it."""
TOO_LATE = "not_recent"
MISSPELT = "token_misspelt"
"""Nobody waits for such a mail, but the company is told of it."""


@dataclass(frozen=True, slots=True)
class _Route:
    """The relay a mail came by, with whom it belongs to and its rules."""

    relay: MailRelay
    connection: Connection
    company: Company
    rules: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read of a mail. ``marked``: a person would see the raw marker; ``misspelt``: one
    with a typing mistake; ``told``: a rule of the company's says that it is a rejection;
    ``linked``: the link that a header of ours says is in it."""

    mail_hash: str
    email_hash: str
    marked: bool
    misspelt: bool
    told: bool
    linked: str
    size: int
    internal: bool

    @property
    def is_told(self) -> bool:
        """It says itself that it is a rejection."""
        return self.marked or self.told


class MailDesk:
    """Implements the relay's ``Desk`` over the house's store."""

    def __init__(self, runtime: Runtime, *, spool: MailSpool | None = None) -> None:
        self._runtime = runtime
        self._spool = spool

    # Who may send.

    def account(self, login: str, password: str) -> Account | None:
        """The account of an SMTP sign-in; None where name or password are wrong."""
        with self._runtime.database.read() as session:
            relay = session.get(MailRelay, login)
        if relay is None or relay.removed_at is not None:
            return None
        return self.account_of(relay) if signs_in(self._runtime, relay, password) else None

    def accounts_of_address(self, peer: str) -> Sequence[Account]:
        """The accounts of an allow-listed address: several where companies share a provider's."""
        address = ipaddress.ip_address(peer.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        with self._runtime.database.read() as session:
            query = select(MailRelay).where(MailRelay.removed_at.is_(None)).order_by(MailRelay.id)
            found = [r for r in session.scalars(query) if _lists(r, address)]
        return [self.account_of(relay) for relay in found]

    def account_of(self, relay: MailRelay) -> Account:
        """The account of a relay, its secrets opened."""
        hop, rules = relay.next_hop, rules_of(relay)
        security = Security(hop.get("security") or Security.STARTTLS)
        signing, usable = self._signing(relay)
        return Account(
            id=relay.id,
            next_hop=NextHop(
                host=hop.get("host", ""),
                port=int(hop.get("port") or 587),
                security=security,
                username=hop.get("username", ""),
                password=open_secret(self._runtime, relay, hop, NEXT_HOP_PASSWORD),
            ),
            senders=frozenset(relay.senders),
            marker=rules["marker"],
            bare_line_ends=rules["bare_line_ends"],
            signing=signing,
            unsigned=not usable,
            spooled=rules["mode"] == SPOOL_MODE,
            max_bytes=self._runtime.settings.mail_relay["megabytes"] << 20,
            per_hour=rules["per_hour"],
            people_per_hour=rules["people_per_hour"],
            demand=rules["demand"],
            keyed=rules["network_key"],
        )

    def _signing(self, relay: MailRelay) -> tuple[DkimKey | None, bool]:
        """The key, and whether what is to sign can: mail passes without it, only unchanged."""
        try:
            return dkim_key(self._runtime, relay), True
        except ConfigurationError as error:
            log.error("relay_key_unusable", relay=relay.id, cause=error.message)
            return None, False

    # What a mail is to get.

    def keep(self, passings: Sequence[Passing]) -> None:
        """Raises OverloadedError where it is not on disk."""
        if self._spool is None:
            raise OverloadedError("this process keeps no mails")
        self._spool.keep(passings)

    def treat(self, passing: Passing) -> Treatment:
        """What one mail is to get for one recipient. Raises what the store raises: the relay
        then passes the mail as it is, or asks for it again where a marker would be seen."""
        route = self._route(passing.account.id)
        policy = self._policy(route)
        seen = self._look(passing, route, policy)
        if seen.linked and self._is_anothers(seen):
            judgement, mail_id = self._circling(route, seen)
        elif seen.is_told or seen.misspelt or route.rules["recent_hours"]:
            judgement, mail_id = self._judged(route, seen)
        else:
            return Treatment(paragraph=None, policy=policy, mail=seen.mail_hash)
        log.info(
            "mail_judged", relay=route.relay.id, mail=mail_id, kind=judgement.kind.value,
            reason=judgement.reason, message=seen.mail_hash,
        )  # fmt: skip
        return self._treatment(route, policy, seen, judgement, mail_id)

    def _route(self, relay_id: str) -> _Route:
        with self._runtime.database.read() as session:
            relay = session.get_one(MailRelay, relay_id)
            connection = session.get_one(Connection, relay.connection_id)
            company = session.get_one(Company, connection.company_id)
        return _Route(relay, connection, company, rules_of(relay))

    def _policy(self, route: _Route) -> Policy:
        domain = route.relay.signing.get("domain")
        return Policy(
            marker=route.rules["marker"],
            mark_key=bytes.fromhex(self._runtime.vault.match(f"relay-mark:{route.relay.id}")),
            next_hop_signs=route.rules["next_hop_signs"],
            signing_domains=frozenset({domain} if domain else ()),
            url_prefix=self._runtime.signer.prefix(Purpose.RELAY),
            max_bytes=self._runtime.settings.mail_relay["megabytes"] << 20,
        )

    def _look(self, passing: Passing, route: _Route, policy: Policy) -> _Seen:
        letterhead = read_letterhead(passing.message)
        recipient = normalise_for_matching(passing.recipient)
        marked = marker_in(passing.message, policy)
        # Without a Message-ID the content says which mail it is.
        identity = letterhead.message_id or hashlib.sha256(passing.message).hexdigest()
        vault = self._runtime.vault
        return _Seen(
            mail_hash=vault.match(f"mail:{identity}:{recipient}"),
            email_hash=vault.match(recipient),
            marked=marked,
            misspelt=not marked and nearly_marked(passing.message, policy),
            told=_tells_rejection(letterhead, route.rules),
            linked=marked_link(passing.message, policy) if _OUR_HEADER in letterhead.fields else "",
            size=len(passing.message),
            internal=recipient.rpartition("@")[2] in route.relay.senders,
        )

    def _is_anothers(self, seen: _Seen) -> bool:
        """It has the personal link of somebody else; copies within the company may."""
        with self._runtime.database.read() as session:
            link = session.get(RelayLink, seen.linked)
            if seen.internal or link is None or link.kind != LinkKind.PERSONAL.value:
                return False
            query = select(ApplicationAddress.application_id).join(ApplicationRecord).where(
                ApplicationAddress.email_hash == seen.email_hash,
                ApplicationRecord.connection_id == link.connection_id,
                ApplicationRecord.candidate_external_id == link.candidate_external_id,
            )  # fmt: skip
            return session.scalars(query.limit(1)).first() is None

    def _circling(self, route: _Route, seen: _Seen) -> tuple[Judgement, str]:
        with self._runtime.database.begin() as session:
            mail = self._mail(session, route, seen)
            mail.tries += 1
            return _noted(mail, Judgement(Kind.REFUSED, LOOP)), mail.id

    def _judged(self, route: _Route, seen: _Seen) -> tuple[Judgement, str]:
        """Judged as the store has it; where that says nothing, once more after asking the ATS."""
        with self._runtime.database.begin() as session:
            mail = self._mail(session, route, seen)
            mail.tries += 1
            judgement = self._judge(session, route, seen, mail)
            if not (seen.is_told or judgement.link or judgement.reason == MISSPELT):
                # Any mail of the company's, and none of ours: nothing is kept of it.
                session.delete(mail)
                return judgement, ""
            if judgement.kind is not Kind.WAITING:
                return _noted(mail, judgement), mail.id
        ask_ats(self._runtime, route.connection, email_hash=seen.email_hash)
        with self._runtime.database.begin() as session:
            mail = self._mail(session, route, seen)
            judgement = self._judge(session, route, seen, mail)
            if judgement.kind is Kind.WAITING:
                judgement = self._patience(session, route, seen, mail, judgement)
            return _noted(mail, judgement), mail.id

    def _mail(self, session: Session, route: _Route, seen: _Seen) -> RelayedMail:
        """The row of this mail, held until the end; two of the same at once are one."""
        now = self._runtime.clock()
        row = {
            "id": new_id(), "relay_id": route.relay.id, "connection_id": route.connection.id,
            "mail_hash": seen.mail_hash, "judgement": Kind.WAITING.value, "reason": "",
            "notes": [], "size": seen.size, "tries": 0, "first_at": now, "last_at": now,
        }  # fmt: skip
        session.execute(insert_into(session, RelayedMail).values(row).on_conflict_do_nothing())
        query = select(RelayedMail).where(
            RelayedMail.relay_id == route.relay.id, RelayedMail.mail_hash == seen.mail_hash
        )
        mail = session.scalars(query.with_for_update()).one()
        mail.last_at = now
        return mail

    def _judge(self, session: Session, route: _Route, seen: _Seen, mail: RelayedMail) -> Judgement:
        found = judge(
            self._runtime, session, session.get_one(Connection, route.connection.id),
            email_hash=seen.email_hash, before=mail.delivery_id,
        )  # fmt: skip
        if seen.is_told:
            return found
        if seen.misspelt:
            is_due = found.kind is Kind.PERSONAL and (found.waits or _is_again(found, mail))
            return found if is_due else Judgement(Kind.NONE, MISSPELT)
        return self._recent(route, found, mail)

    def _recent(self, route: _Route, found: Judgement, mail: RelayedMail) -> Judgement:
        """Nothing in the mail says that it is a rejection: only the first one soon after counts."""
        since = self._runtime.clock() - timedelta(hours=route.rules["recent_hours"])
        if found.kind is not Kind.PERSONAL or found.delivery is None:
            return Judgement(Kind.NONE, found.reason)
        if _is_again(found, mail) or (found.waits and found.delivery.created_at >= since):
            return found
        return Judgement(Kind.NONE, TOO_LATE)

    def _patience(
        self, session: Session, route: _Route, seen: _Seen, mail: RelayedMail, found: Judgement
    ) -> Judgement:
        """Nobody knows of a rejection: the mail comes again for a while, and then goes on so as
        the company has chosen."""
        if not seen.internal:
            until = mail.first_at + timedelta(minutes=route.rules["wait_minutes"])
            if self._runtime.clock() < until:
                return found
        reason = COPY if seen.internal else found.reason
        choice = WithoutLink(route.rules["without_link"])
        if not seen.marked or choice is WithoutLink.ERASE:
            return Judgement(Kind.NONE, reason)
        if choice is WithoutLink.REFUSE and not seen.internal:
            return Judgement(Kind.REFUSED, reason)
        connection = session.get_one(Connection, route.connection.id)
        return Judgement(Kind.STATIC, reason, links.static_link(self._runtime, session, connection))

    def _treatment(
        self, route: _Route, policy: Policy, seen: _Seen, judgement: Judgement, mail_id: str
    ) -> Treatment:
        treatment = Treatment(None, policy, mail_id, mail=seen.mail_hash)
        if judgement.kind is Kind.WAITING:
            return replace(treatment, retry_later=judgement.reason)
        if judgement.kind is Kind.REFUSED:
            return replace(treatment, refuse=judgement.reason)
        if judgement.link is None:
            return replace(treatment, erase=seen.marked)
        return replace(treatment, paragraph=self._paragraph(route, judgement))

    def _paragraph(self, route: _Route, judgement: Judgement) -> Paragraph:
        assert judgement.link is not None  # noqa: S101 - asked by the caller
        return paragraph_for(
            self._runtime, judgement.link, connection=route.connection, company=route.company,
            record=judgement.record,
        )  # fmt: skip

    # What became of it.

    def sent(
        self,
        passing: Passing,  # noqa: ARG002 - the protocol's; its content is of no more use
        treatment: Treatment,
        result: Result,
        *,
        reply: Reply,
    ) -> None:
        """The next hop's answer to the mail is known: it is told on row and delivery."""
        if not treatment.delivery:
            return
        note_end(
            self._runtime,
            treatment.delivery,
            status=result.status,
            code=result.code,
            notes=result.notes,
            reply=reply.code,
        )


def _lists(relay: MailRelay, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Of a relay whose mails come by the milter, the networks are the MTA's clients."""
    return not rules_of(relay)["milter"] and any(
        address in ipaddress.ip_network(network) for network in relay.networks
    )


def _tells_rejection(letterhead: Letterhead, rules: dict[str, Any]) -> bool:
    """By the subject or by a header, as the company has said."""
    if any(text.casefold() in letterhead.subject.casefold() for text in rules["subjects"]):
        return True
    wanted = (rule.partition(":") for rule in rules["headers"])
    return any(
        name.lower() in letterhead.fields
        and text.strip().casefold() in letterhead.fields[name.lower()].casefold()
        for name, _, text in wanted
    )


def _is_again(found: Judgement, mail: RelayedMail) -> bool:
    """The very mail that the delivery was counted to."""
    return found.delivery is not None and found.delivery.id == mail.delivery_id


def _noted(mail: RelayedMail, judgement: Judgement) -> Judgement:
    """The judgement, written on the mail's row."""
    mail.judgement, mail.reason = judgement.kind.value, judgement.reason
    mail.link_id = judgement.link.id if judgement.link else None
    mail.delivery_id = judgement.delivery.id if judgement.delivery else None
    return judgement
