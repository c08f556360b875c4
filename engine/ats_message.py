"""The company's own notice, sent by the ATS because we ask it to.

Most ATSs can be asked afterwards what they have sent. For one that cannot, the hand-over is noted
before the call, as for a mail of our own: it is made at most once, and an answer that was lost is
left to a person.
"""

from __future__ import annotations

from ..models.errors import (
    ApiError,
    ApiRateLimitedError,
    ApiUncertainError,
    ConfigurationError,
)
from ..models.events import OutgoingMessage
from ..models.tables import ApplicationRecord, Company, Connection, Delivery
from .own_mail import compose, note_hand_over
from .people import open_application
from .runtime import Runtime

OPERATION = "send a message"
REQUEST_TIMEOUT = 408
"""The one status of the client's errors that does not say no."""


def send(
    runtime: Runtime,
    delivery: Delivery,
    record: ApplicationRecord,
    connection: Connection,
    company: Company,
    *,
    with_link: bool,
) -> None:
    """Have the ATS send the notice. Raises ApiUncertainError where nobody can tell if it did."""
    connector = runtime.connector(connection)
    spec = connector.spec
    if why := spec.message_refusal(connector.settings):
        raise ConfigurationError(f"connection {connection.id}: {why}")
    if delivery.handed_over_at is not None:
        raise _uncertain(spec.title, delivery, "the process died without the answer")
    mail = compose(runtime, delivery, record, company, with_link=with_link)
    message = OutgoingMessage(marker=delivery.id, subject=mail.subject, text=mail.text)
    application = open_application(runtime.vault, record)
    if not spec.message_unseen:
        connector.send_message(application, message)
        return
    note_hand_over(runtime, delivery.id, at=runtime.clock())
    try:
        connector.send_message(application, message)
    except (ApiError, ConfigurationError) as error:
        if not _is_no(error):
            raise _uncertain(spec.title, delivery, "no answer says what became of it") from error
        # Nobody has the message, so a later attempt doubles nothing.
        note_hand_over(runtime, delivery.id, at=None)
        raise


def _is_no(error: ApiError | ConfigurationError) -> bool:
    """Refused by the ATS, or by us before anything was sent."""
    if isinstance(error, (ApiRateLimitedError, ConfigurationError)):
        return True
    return 400 <= (error.status or 0) < 500 and error.status != REQUEST_TIMEOUT


def _uncertain(title: str, delivery: Delivery, why: str) -> ApiUncertainError:
    return ApiUncertainError(
        f"the notice was handed to {title} before, and {why}; look whether it stands in the "
        f"candidate's mailbox there, then replay it with --not-sent, or close it ({delivery.id})",
        connector=title,
        operation=OPERATION,
    )
