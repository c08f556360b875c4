"""The operator's mails to a registrant: the proof of the mailbox, and the welcome.

Sent again, a few times, after a cut-off hand-over: the same code twice harms nobody, none at
all would.
"""

from __future__ import annotations

from datetime import datetime

from babel.dates import format_datetime

from ..link_signing import Purpose
from ..mail import smtp
from ..mail.addresses import sending_form
from ..mail.compose import ConsentScope, Kind, RelayBlock, block, load_template, render
from ..mail.message import Mail, Mailbox, build_message
from ..models.errors import ConfigurationError, SmtpUnavailableError, SmtpUncertainError
from ..models.registrations import RegistrationState
from ..models.tables import Company, OutgoingMail, Registration, WorkState
from .claims import settle
from .own_mail import open_account
from .registration import PROOF_VALID
from .runtime import Runtime
from .sealing import unseal

VALID_FOR = {"ja": "{hours}時間", "en": "{hours} hours"}
WHEN = {"ja": "y年M月d日 H:mm", "en": "d MMMM y"}
"""As a person writes it: no seconds, and no abbreviated time zone."""
AGAIN = 2
"""Further attempts when the server takes the mail and its answer is lost."""


def send_mail(runtime: Runtime, mail_id: str) -> None:
    """Task: one owed mail to a registrant."""
    with runtime.database.read() as session:
        owed = session.get_one(OutgoingMail, mail_id)
        registration = session.get_one(Registration, owed.registration_id)
        company = session.get_one(Company, registration.company_id)
    obstacle = _obstacle(owed, registration, runtime.clock())
    if obstacle:
        _finish(runtime, mail_id, state=WorkState.SKIPPED, code=obstacle)
        return
    account = operator_account(runtime)
    sender = Mailbox(runtime.settings.mail["sender"], runtime.settings.operator["name"])
    message = build_message(
        _compose(runtime, owed, registration, company),
        sender=sender,
        to=Mailbox(unseal(runtime, registration, "email")),
        message_id=f"<{owed.id}@{sender.address.rpartition('@')[2]}>",
        date=owed.created_at,
        locale=registration.locale,
        reply_to=_reply_to(runtime),
        automatic=True,
    )
    try:
        smtp.send(
            message,
            account=account,
            envelope_from=sending_form(sender.address),
            to=sending_form(unseal(runtime, registration, "email")),
            before_data=lambda: None,
        )
    except SmtpUncertainError as error:
        if owed.failures >= AGAIN:
            raise
        raise SmtpUnavailableError(error.message, phase=error.phase) from None
    _finish(runtime, mail_id, state=WorkState.DONE)


def _obstacle(owed: OutgoingMail, registration: Registration, now: datetime) -> str | None:
    """Why the mail is not wanted any more."""
    wanted = RegistrationState.STARTED if owed.kind == "proof" else RegistrationState.PROVED
    if registration.state != wanted.value:
        return registration.state
    late = owed.kind == "proof" and registration.code_expires_at <= now
    return "expired" if late else None


def _reply_to(runtime: Runtime) -> Mailbox | None:
    address = runtime.settings.operator["contact_email"]
    return Mailbox(address) if address else None


def operator_account(runtime: Runtime) -> smtp.SmtpAccount:
    """The operator's SMTP account. Raises ConfigurationError naming the setting."""
    values = runtime.settings.mail
    for name in ("host", "sender"):
        if not values[name]:
            raise ConfigurationError(f"[mail] {name} is not set; proof mails cannot be sent")
    return open_account(values, password=values["password"])


def _compose(
    runtime: Runtime, owed: OutgoingMail, registration: Registration, company: Company
) -> Mail:
    locale = registration.locale
    operator = runtime.settings.operator
    values = {
        "candidate_name": unseal(runtime, registration, "name"),
        "company_name": company.name,
        "relay_operator_name": operator["name"],
        "agency_license_no": operator["license_no"],
        "company_address": operator["address"],
        "contact_email": operator["contact_email"],
        "contact_phone": operator["contact_phone"],
    }
    if owed.kind == "proof":
        return render(
            load_template(Kind.PROOF, locale=locale),
            values=values | _proof_values(runtime, registration),
            relay=RelayBlock.NONE,
        )
    scope = ConsentScope.NAMED if registration.named_to_company else ConsentScope.ANONYMOUS
    values |= {
        "registered_at": format_datetime(
            registration.proved_at, WHEN[locale], locale=locale, tzinfo=_zone(company)
        ),
        "consent_scope_sentence": block(scope, locale=locale),
        "my_page_link": runtime.signer.url_for(registration.id, purpose=Purpose.MY_DATA),
    }
    return render(load_template(Kind.WELCOME, locale=locale), values=values, relay=RelayBlock.NONE)


def _proof_values(runtime: Runtime, registration: Registration) -> dict[str, str]:
    hours = int(PROOF_VALID.total_seconds() // 3600)
    return {
        "proof_link": runtime.signer.url_for(registration.id, purpose=Purpose.PROOF),
        "proof_code": unseal(runtime, registration, "code"),
        "proof_valid_for": VALID_FOR[registration.locale].format(hours=hours),
    }


def _zone(company: Company):
    from zoneinfo import ZoneInfo

    return ZoneInfo(company.timezone)


def _finish(runtime: Runtime, mail_id: str, *, state: WorkState, code: str = "") -> None:
    with runtime.database.begin() as session:
        settle(
            session, session.get_one(OutgoingMail, mail_id), runtime.clock(), state=state, code=code
        )
