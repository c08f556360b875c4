"""Our own mail on the candidate's record, in ATSs that keep such mails.

Owed in the transaction that ends the mail's delivery, as a delivery of its own: the mail has gone
out, whatever the ATS says to it, and a record that failed is seen and can be tried again. No copy
of the mail is kept for it. The mail is composed once more, and recorded only if it is to the
letter what was sent: a template may have changed meanwhile, and an ATS must not show what nobody
got.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from ..connectors.registry import connector_class
from ..connectors.spec import Capability
from ..models.errors import ApiPermissionError
from ..models.events import SentMail
from ..models.tables import ApplicationRecord, Company, Connection, Delivery, new_id
from . import own_mail, tracing
from .delivery import DELIVER
from .people import open_application
from .runtime import Runtime

STRATEGY = "mail_record"
"""Stands in the column of strategies, though no company chooses it."""
CHANGED = "mail_changed"
NOT_PERMITTED = "not_permitted"
_OF = "mail:"


def owe(
    runtime: Runtime,
    session: Session,
    connection: Connection,
    sent: Delivery,
    letter: own_mail.Letter,
) -> None:
    """After ``sent``, by which the letter went out; nothing where the ATS keeps no mails."""
    if not connector_class(connection.connector).spec.can(Capability.MAIL_RECORD):
        return
    now = runtime.clock()
    record = Delivery(
        id=new_id(),
        connection_id=sent.connection_id,
        application_id=sent.application_id,
        link_id=sent.link_id if letter.linked else None,
        strategy=STRATEGY,
        purpose=f"{_OF}{sent.id}",
        created_at=now,
        due_at=now,
        attempts=0,
        detail={**tracing.carried(), "letter": letter.fingerprint(runtime.vault)},
    )
    session.add(record)
    runtime.submit(session, DELIVER, record)


def write(
    runtime: Runtime,
    owed: Delivery,
    record: ApplicationRecord,
    connection: Connection,
    company: Company,
) -> str | None:
    """Record the mail; else the reason why it never will be.

    A company may well give us a key that only reads: its mails go out all the same, and doctor
    tells it what they lack.
    """
    sent_id = owed.purpose.removeprefix(_OF)
    letter = own_mail.letter_of(runtime, owed, record, company, id_=sent_id, with_link=True)
    if letter.fingerprint(runtime.vault) != owed.detail["letter"]:
        return CHANGED
    mail = SentMail(
        marker=sent_id,
        subject=letter.mail.subject,
        html=letter.mail.html or "",
        sender=letter.sender.address,
        to=letter.to.address,
        message_id=letter.message_id,
        sent_at=owed.created_at,
    )
    application = open_application(runtime.vault, record)
    try:
        runtime.connector(connection).record_mail(application, mail)
    except ApiPermissionError:
        return NOT_PERMITTED
    return None
