"""How a mail's way through the relay ended, on its row and on the delivery it was counted to."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from ..mail.injection.values import Status
from ..models.tables import Delivery, RelayedMail, WorkState
from .claims import settle
from .mail_relay_words import remedy
from .runtime import Runtime

log = structlog.get_logger(__name__)

LINKED = frozenset({Status.INJECTED, Status.REPLACED, Status.ALREADY})
"""The link was in the mail that went out."""
NEXT_HOP = "next_hop_refused"


def note_end(
    runtime: Runtime,
    mail_id: str,
    *,
    status: Status,
    code: str,
    notes: Sequence[str],
    reply: int,
) -> None:
    """Write down what the next hop answered (``reply``, the SMTP code) to a judged mail.

    A delivery is done once a mail with its link was taken, and whatever is told later changes
    that no more.
    """
    now = runtime.clock()
    with runtime.database.begin() as session:
        mail = session.get(RelayedMail, mail_id, with_for_update=True)
        if mail is None:
            # Past its retention: a spooled mail may take days.
            log.warning("relayed_mail_forgotten", mail=mail_id)
            return
        mail.status, mail.code, mail.notes, mail.reply = status.value, code, list(notes), reply
        mail.last_at = now
        taken = 200 <= reply < 300
        if taken:
            mail.sent_at = now
        if mail.delivery_id is None:
            return
        delivery = session.get_one(Delivery, mail.delivery_id, with_for_update=True)
        if delivery.state == WorkState.DONE.value:
            return
        if taken and status in LINKED:
            settle(session, delivery, now)
            delivery.detail = {**delivery.detail, "mail": mail.id, "notes": list(notes)}
        elif taken:
            settle(session, delivery, now, state=WorkState.SKIPPED, code=code)
            delivery.error = remedy(code, locale="en")
        elif reply >= 500:
            # Still waited for: the ATS or the recruiter may send it again.
            delivery.error_code, delivery.error = NEXT_HOP, remedy(NEXT_HOP, locale="en")
