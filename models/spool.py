"""Mails that were taken in the mode ``spool`` and are still to be handed on."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, OwedWork, new_id


class SpooledContent(Base):
    """One message as it came, our trace line before it; gone once nobody waits for it."""

    __tablename__ = "spooled_contents"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    content_sealed: Mapped[bytes] = mapped_column(
        LargeBinary, info={"sealed": "bytes", "large": True}
    )
    received_at: Mapped[datetime]


class SpooledMail(OwedWork, Base):
    """One mail for one recipient. Done or skipped, its content and addresses are forgotten."""

    __tablename__ = "spooled_mails"
    __table_args__ = (
        Index("ix_spooled_mails_state_due_at", "state", "due_at"),
        Index("ix_spooled_mails_dedupe_key", "dedupe_key"),
        Index("ix_spooled_mails_content_id", "content_id"),
    )

    relay_id: Mapped[str] = mapped_column(ForeignKey("mail_relays.id"))
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id"))
    content_id: Mapped[str | None] = mapped_column(ForeignKey("spooled_contents.id"))
    sender_sealed: Mapped[str | None] = mapped_column(info={"sealed": "text"})
    recipient_sealed: Mapped[str | None] = mapped_column(info={"sealed": "text"})
    dedupe_key: Mapped[str]
    """Keyed hash of envelope and content: a client whose answer was lost sends the same again."""
    eight_bit: Mapped[bool] = mapped_column(default=False)
    utf8: Mapped[bool] = mapped_column(default=False)
    is_notice: Mapped[bool] = mapped_column(default=False)
    """Our own, that a mail was not delivered: nothing is put in, and its failure tells nobody."""
    uncertain: Mapped[int] = mapped_column(default=0)
    """How often it was handed over and the answer was lost."""
    reply: Mapped[int | None]
    received_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    @property
    def partition(self) -> str:
        """A line of its own in the queue: a next hop that stalls keeps no web hook waiting."""
        return f"spool:{self.relay_id}"
