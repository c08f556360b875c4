"""The desk as the milter asks it: whose mail it is, the MTA says."""

from __future__ import annotations

import ipaddress

from sqlalchemy import select

from ..mail.relay.desk import Account
from ..models.tables import MailRelay
from .mail_relay import MailDesk
from .mail_relays import rules_of


class MilterMailDesk(MailDesk):
    """Implements ``MilterDesk`` over the house's store."""

    def account_of_sender(self, sender: str, *, client: str, signed_in: bool) -> Account | None:
        """The account of the milter relay that lists the sender, or the sender's domain.

        Only where the MTA vouches for it: somebody signed in there, is a program on its machine
        (``client`` "" or a loopback address), or comes from one of the relay's networks.
        """
        lower = sender.lower()
        wanted = {lower, lower.rpartition("@")[2]}
        with self._runtime.database.read() as session:
            query = select(MailRelay).where(MailRelay.removed_at.is_(None)).order_by(MailRelay.id)
            found = [r for r in session.scalars(query) if wanted & set(_milter_senders(r))]
        if len(found) != 1 or not (signed_in or _may_send(found[0], client)):
            return None
        return self.account_of(found[0])


def _milter_senders(relay: MailRelay) -> list[str]:
    return list(relay.senders) if rules_of(relay)["milter"] else []


def _may_send(relay: MailRelay, client: str) -> bool:
    """A client that did not sign in at the MTA; what is no address is nobody we know."""
    if not client:
        return True
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or any(
        address in ipaddress.ip_network(network) for network in relay.networks
    )
