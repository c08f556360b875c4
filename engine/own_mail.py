"""The company's own notice, sent by us over the company's SMTP account.

SMTP cannot be asked afterwards whether it took a message. So the hand-over is noted just before
the data leave; a delivery that died behind that note is left to a person, for a notice twice is
as bad as none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from ..link_signing import Purpose
from ..mail import smtp
from ..mail.addresses import sending_form
from ..mail.compose import (
    DocumentPolicy,
    Hiring,
    Kind,
    RelayBlock,
    Template,
    block,
    kind_for,
    load_template,
    render,
    usual_block,
)
from ..mail.message import Mail, Mailbox, build_message
from ..models.candidates import Stage
from ..models.crypto import Vault
from ..models.errors import (
    ConfigurationError,
    PostponedError,
    SmtpRejectedError,
    SmtpUnavailableError,
    SmtpUncertainError,
)
from ..models.tables import ApplicationRecord, Company, Connection, Delivery, MailTemplate
from .config import LOCALES
from .people import open_candidate
from .runtime import Runtime

DOCUMENT_POLICIES = tuple(policy.name.lower() for policy in DocumentPolicy)
"""What ``Company.document_policy`` may hold instead of a sentence: discard, return, keep."""
SMTP_PASSWORD = "password_sealed"  # noqa: S105 - a key's name


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice with its envelope. ``linked``: it carries the person's link."""

    mail: Mail
    sender: Mailbox
    to: Mailbox
    message_id: str
    linked: bool

    def fingerprint(self, vault: Vault) -> str:
        """The same for the same letter alone; without our keys it tells nothing of it."""
        mail = self.mail
        parts = (mail.subject, mail.text, mail.html, self.sender.address, self.to.address)
        return vault.match(repr(parts))


def send(
    runtime: Runtime,
    delivery: Delivery,
    record: ApplicationRecord,
    company: Company,
    *,
    with_link: bool,
) -> Letter:
    """Hand the notice to the company's server, once."""
    if delivery.handed_over_at is not None:
        raise SmtpUncertainError(
            "the notice was handed over before, and the process died without the answer; look "
            f"for its Message-ID ({delivery.id}) in the mail server's log, then replay or close it"
        )
    account = account_of(runtime, company)
    letter = letter_of(runtime, delivery, record, company, id_=delivery.id, with_link=with_link)
    message = build_message(
        letter.mail,
        sender=letter.sender,
        to=letter.to,
        message_id=letter.message_id,
        date=delivery.created_at,
        locale=locale_of(record, company),
        unsubscribe_url=_stop_url(runtime, delivery) if letter.linked else None,
        reply_to=Mailbox(company.contact_email) if company.contact_email else None,
    )
    try:
        smtp.send(
            message,
            account=account,
            envelope_from=sending_form(letter.sender.address),
            to=sending_form(letter.to.address),
            before_data=lambda: note_hand_over(runtime, delivery.id, at=runtime.clock()),
        )
    except (SmtpRejectedError, SmtpUnavailableError):
        # A definite no: nobody has the message, so a later attempt doubles nothing.
        note_hand_over(runtime, delivery.id, at=None)
        raise
    return letter


def letter_of(
    runtime: Runtime,
    delivery: Delivery,
    record: ApplicationRecord,
    company: Company,
    *,
    id_: str,
    with_link: bool,
) -> Letter:
    """The notice and its envelope, as they are now; ``id_`` is of the delivery that sends it."""
    candidate = open_candidate(runtime.vault, record)
    sender = Mailbox(company.smtp.get("sender", ""), company.name)
    return Letter(
        mail=compose(runtime, delivery, record, company, with_link=with_link),
        sender=sender,
        to=Mailbox(candidate.emails[0], candidate.display_name(locale_of(record, company))),
        message_id=f"<{id_}@{sender.address.rpartition('@')[2]}>",
        linked=with_link and delivery.link_id is not None,
    )


def note_hand_over(runtime: Runtime, delivery_id: str, *, at: datetime | None) -> None:
    """Only by the process whose turn it is: one that slept through its lease must not send what
    another has taken over."""
    with runtime.database.begin() as session:
        delivery = session.get_one(Delivery, delivery_id, with_for_update=True)
        if delivery.running_by != runtime.process_id:
            raise PostponedError("another process has taken this delivery over")
        delivery.handed_over_at = at


def compose(
    runtime: Runtime,
    delivery: Delivery,
    record: ApplicationRecord,
    company: Company,
    *,
    with_link: bool,
) -> Mail:
    """The notice as this company words it. Raises TemplateError, ConfigurationError."""
    with runtime.database.read() as session:
        connection = session.get_one(Connection, record.connection_id)
        kind = kind_for(Stage(record.stage), hiring=Hiring(connection.hiring))
        locale = locale_of(record, company)
        own = session.scalars(
            select(MailTemplate).where(
                MailTemplate.company_id == company.id,
                MailTemplate.kind == kind.value,
                MailTemplate.locale == locale,
            )
        ).first()
    template = _template(own, kind, locale)
    linked = with_link and delivery.link_id is not None
    values = values_for(runtime, company, connection, locale=locale)
    values["candidate_name"] = open_candidate(runtime.vault, record).display_name(locale)
    values["job_title"] = record.job_title or ""
    if linked:
        values["relay_link"] = runtime.signer.url_for(str(delivery.link_id))
        values["optout_link"] = _stop_url(runtime, delivery)
    return render(template, values=values, relay=usual_block(kind) if linked else RelayBlock.NONE)


def _template(own: MailTemplate | None, kind: Kind, locale: str) -> Template:
    if own is None:
        return load_template(kind, locale=locale)
    return Template(kind=kind, locale=locale, subject=own.subject, body=own.body)


def values_for(
    runtime: Runtime, company: Company, connection: Connection, *, locale: str
) -> dict[str, str]:
    """Everything about company and operator that a notice may name."""
    operator = runtime.settings.operator
    return {
        "company_name": company.name,
        "recruiter_name": company.recruiter_name,
        "company_address": company.address,
        "contact_email": company.contact_email,
        "contact_phone": company.contact_phone,
        "careers_url": company.careers_url,
        "document_policy": document_policy(company, locale=locale),
        "relay_operator_name": operator["name"],
        "agency_license_no": operator["license_no"],
        **{name: str(value) for name, value in connection.mail_values.items()},
    }


def locale_of(record: ApplicationRecord, company: Company) -> str:
    """The applicant's language where we have it, else the company's."""
    wanted = (record.locale or "").split("-")[0].lower()
    return wanted if wanted in LOCALES else company.locale


def _stop_url(runtime: Runtime, delivery: Delivery) -> str:
    return runtime.signer.url_for(str(delivery.link_id), purpose=Purpose.STOP)


def document_policy(company: Company, *, locale: str) -> str:
    """What becomes of the papers: one of our sentences in the reader's language, or the
    company's own. Nothing chosen: they are destroyed."""
    chosen = company.document_policy or DOCUMENT_POLICIES[0]
    if chosen in DOCUMENT_POLICIES:
        return block(DocumentPolicy[chosen.upper()], locale=locale)
    return chosen


def account_of(runtime: Runtime, company: Company) -> smtp.SmtpAccount:
    """The company's SMTP account. Raises ConfigurationError naming what is not set."""
    values: dict[str, Any] = dict(company.smtp)
    for name in ("host", "sender"):
        if not values.get(name):
            raise ConfigurationError(
                f"company {company.id}: smtp {name} is not set; own_mail needs it "
                "(careerrelay company set)"
            )
    sealed = values.get(SMTP_PASSWORD)
    return open_account(
        values,
        password=runtime.vault.open(sealed, place=smtp_place(company.id)) if sealed else "",
    )


def smtp_place(company_id: str) -> str:
    """Where a company's SMTP password is sealed for."""
    return f"companies:{company_id}:smtp_password"


def open_account(values: Any, *, password: str) -> smtp.SmtpAccount:
    """An SMTP account from settings named host, port, security, username."""
    return smtp.SmtpAccount(
        host=values["host"],
        port=int(values.get("port") or 587),
        security=smtp.Security(values.get("security") or "starttls"),
        username=values.get("username") or "",
        password=password,
    )
