"""A company's way through our mail relay, and what became of each mail that was linked there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, new_id


class WithoutLink(StrEnum):
    """What becomes of a marker in a mail to somebody whose rejection never became known."""

    STATIC = "static"
    """The company's own link stands there, the same for everybody."""
    ERASE = "erase"
    """Nothing stands there."""
    REFUSE = "refuse"
    """The mail goes back to the sender (550)."""


class MailRelay(Base):
    """How the mails of one connection come to the relay, and where they go on to.

    A connection may have several: the ATS's own SMTP settings, and a mail provider's route.
    """

    __tablename__ = "mail_relays"

    id: Mapped[str] = mapped_column(primary_key=True)
    """Short name; it is the SMTP user and is no secret."""
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"), index=True)
    password_hashes: Mapped[list[str]] = mapped_column(default=list)
    """Keyed, newest first: the one before stays good until it is dropped. Empty: no sign-in."""
    networks: Mapped[list[str]] = mapped_column(default=list)
    """Addresses that may send without signing in, as CIDR."""
    senders: Mapped[list[str]] = mapped_column(default=list)
    """Domains and addresses that may stand in the envelope and in From."""
    next_hop: Mapped[dict[str, Any]] = mapped_column(
        default=dict, info={"sealed": "values", "only": ("password_sealed",)}
    )
    """host, port, security (starttls | tls | none), username, password_sealed."""
    signing: Mapped[dict[str, Any]] = mapped_column(
        default=dict, info={"sealed": "values", "only": ("key_sealed",)}
    )
    """domain, selector, key_sealed (PEM) of our DKIM signature; empty: somebody after us signs."""
    rules: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Marker, what tells a rejection without one, what happens where no link is given."""
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class RelayedMail(Base):
    """One mail for one recipient that was, or was to be, given a link on its way.

    Nothing of the mail is kept but a keyed hash of its Message-ID with the recipient, by which a
    mail that is sent once more finds its link again. Mails that pass untouched leave no row.
    """

    __tablename__ = "relayed_mails"
    __table_args__ = (
        UniqueConstraint("relay_id", "mail_hash"),
        Index("ix_relayed_mails_last_at", "last_at"),
        Index("ix_relayed_mails_connection_id_last_at", "connection_id", "last_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    relay_id: Mapped[str] = mapped_column(ForeignKey("mail_relays.id"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    mail_hash: Mapped[str]
    delivery_id: Mapped[str | None] = mapped_column(ForeignKey("deliveries.id"), index=True)
    link_id: Mapped[str | None] = mapped_column(ForeignKey("relay_links.id"))
    judgement: Mapped[str]
    """personal | static | none | waiting | refused: what the mail was to get at its last try."""
    reason: Mapped[str]
    """Why, as a code: a decision's, or one of the relay's own."""
    status: Mapped[str | None]
    """What was done with the message: the injection's own word; None: nothing went out yet."""
    code: Mapped[str | None]
    notes: Mapped[list[str]] = mapped_column(default=list)
    size: Mapped[int]
    tries: Mapped[int] = mapped_column(default=0)
    reply: Mapped[int | None]
    """The next hop's answer to the last try."""
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    """When the next hop took it."""
