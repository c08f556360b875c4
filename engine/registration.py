"""A person registers: form, proof of the mailbox, count, and what follows from it.

Holding a link proves nothing (recruiters and followers see the same mail), so a registration
counts only for an address that received a one-time code, and only if a rejection of this
company stands under that address. All counting is one transaction per company.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from ..link_signing import Purpose
from ..mail.addresses import normalise_for_matching
from ..models.errors import LinkExpiredError, LinkInvalidError
from ..models.registrations import RegistrationState
from ..models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Company,
    Connection,
    Consent,
    Decision,
    OutgoingMail,
    Provision,
    Registration,
    RelayLink,
    Report,
    new_id,
)
from . import delivery, links, quotas
from .counting import count_person, remaining
from .people import mailbox_hash
from .retention import months_after
from .runtime import Runtime
from .sealing import seal, unseal
from .suppression import suppress

log = structlog.get_logger(__name__)

SEND_MAIL = "send_mail"
REPORT = "report"
PROOF_VALID = timedelta(hours=24)
CODE_DIGITS = 8
MAX_TRIES = 5
TERMS_VERSION = "2026-11"
NAMING_VERSION = "2026-11"


@dataclass(frozen=True, slots=True)
class Application:
    """What the person typed and chose, already checked by the form."""

    name: str
    email: str
    named_to_company: bool
    locale: str
    job_title: str = ""
    """As a static link brought it, where the ATS's template filled it in; anybody may type it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a proof: the registration's state, and whether it counted just now."""

    registration_id: str
    state: RegistrationState
    counted: bool = False
    slot: int | None = None


def start(runtime: Runtime, token: str, form: Application) -> str:
    """A registration without proof, and the mail that asks for it. Returns its id.

    The answer never tells whether the address is known here. Raises LinkError kinds, TooOftenError.
    """
    now = runtime.clock()
    mailbox = mailbox_hash(runtime.vault, form.email)
    # One at a time per mailbox, or many at once would all find room.
    with runtime.locks.hold(f"mailbox:{mailbox}"), runtime.database.begin() as session:
        opened = links.open_link(runtime, session, token)
        quotas.check(session, mailbox_hash=mailbox, link=opened.link, now=now)
        registration = Registration(
            id=new_id(),
            link_id=opened.link.id,
            company_id=opened.company.id,
            state=RegistrationState.STARTED.value,
            email_hash=runtime.vault.match(normalise_for_matching(form.email)),
            mailbox_hash=mailbox,
            code_expires_at=now + PROOF_VALID,
            locale=form.locale,
            started_at=now,
            named_to_company=form.named_to_company,
        )
        registration.name_sealed = seal(runtime, registration.id, "name", form.name)
        registration.email_sealed = seal(runtime, registration.id, "email", form.email)
        registration.code_sealed = seal(runtime, registration.id, "code", _new_code())
        if form.job_title:
            registration.application_id = _hinted(session, registration, form.job_title)
        session.add(registration)
        session.flush()
        _add_consents(session, registration, form)
        owe_mail(runtime, session, registration, kind="proof")
    log.info("registration_started", registration=registration.id, company=opened.company.id)
    return registration.id


def _new_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def _add_consents(session: Session, registration: Registration, form: Application) -> None:
    choices = (
        ("terms", True, TERMS_VERSION),
        ("named_to_company", form.named_to_company, NAMING_VERSION),
    )
    for purpose, given, version in choices:
        session.add(
            Consent(
                registration_id=registration.id,
                purpose=purpose,
                given=given,
                text_version=version,
                locale=form.locale,
                given_at=registration.started_at,
            )
        )


def owe_mail(runtime: Runtime, session: Session, registration: Registration, *, kind: str) -> None:
    """Queue one of the operator's mails to the registrant."""
    now = runtime.clock()
    mail = OutgoingMail(
        id=new_id(),
        kind=kind,
        registration_id=registration.id,
        created_at=now,
        due_at=now,
        attempts=0,
    )
    session.add(mail)
    session.flush()
    runtime.submit(session, SEND_MAIL, mail)


def open_proof(runtime: Runtime, session: Session, token: str) -> Registration:
    """The registration behind a proof link; changes nothing. Raises LinkError kinds."""
    registration = session.get(Registration, runtime.signer.open(token, purpose=Purpose.PROOF))
    if registration is None:
        raise LinkInvalidError("the proof link is unknown here")
    waiting = registration.state == RegistrationState.STARTED.value
    if waiting and registration.code_expires_at <= runtime.clock():
        raise LinkExpiredError("the proof link is too old", issued_at=registration.started_at)
    return registration


def confirm_link(runtime: Runtime, token: str) -> Outcome:
    """The button behind the mailed link was pressed. Twice is once."""
    with runtime.database.begin() as session:
        registration = open_proof(runtime, session, token)
        return _prove(runtime, session, registration.id)


def confirm_code(runtime: Runtime, registration_id: str, code: str) -> Outcome | None:
    """The mailed code was typed. None: wrong, too late, too many tries, or nothing to prove."""
    with runtime.database.begin() as session:
        registration = session.get(Registration, registration_id, with_for_update=True)
        if registration is None or registration.state != RegistrationState.STARTED.value:
            return None
        expected = unseal(runtime, registration, "code")
        late = registration.code_expires_at <= runtime.clock()
        if not expected or late or registration.code_tries >= MAX_TRIES:
            return None
        registration.code_tries += 1
        if not hmac.compare_digest(expected.encode(), code.encode()):
            return None
        return _prove(runtime, session, registration.id)


def _prove(runtime: Runtime, session: Session, registration_id: str) -> Outcome:
    # The lock alone would hand back what this session read before it waited for the other one.
    registration = session.get_one(
        Registration, registration_id, with_for_update=True, populate_existing=True
    )
    if registration.state != RegistrationState.STARTED.value:
        return Outcome(registration.id, RegistrationState(registration.state))
    registration.proved_at = runtime.clock()
    registration.code_sealed = None
    record = find_rejection(session, registration)
    if record is None:
        registration.state = RegistrationState.UNMATCHED.value
        log.info("registration_unmatched", registration=registration.id)
        return Outcome(registration.id, RegistrationState.UNMATCHED)
    return _complete(runtime, session, registration, record)


def _complete(
    runtime: Runtime, session: Session, registration: Registration, record: ApplicationRecord
) -> Outcome:
    """A proved address and its rejection: the count, the welcome, the report."""
    registration.state = RegistrationState.PROVED.value
    registration.application_id = record.id
    entry, slot = count_person(runtime, session, registration, record)
    owe_mail(runtime, session, registration, kind="welcome")
    if registration.named_to_company and not _is_reported(session, record):
        _owe_report(runtime, session, registration, record)
    log.info("registration_proved", registration=registration.id, counted=entry is not None)
    return Outcome(registration.id, RegistrationState.PROVED, entry is not None, slot)


def match_late(runtime: Runtime) -> int:
    """Complete the registrations that were proved before their rejection was known here.

    A mail overtakes a poll: the person did all there was to do, so nothing more is asked of
    them. Returns how many were completed.
    """
    with runtime.database.read() as session:
        waiting = session.scalars(
            select(Registration.id)
            .join(ApplicationAddress, ApplicationAddress.email_hash == Registration.email_hash)
            .join(ApplicationRecord, ApplicationRecord.id == ApplicationAddress.application_id)
            .join(Connection, Connection.id == ApplicationRecord.connection_id)
            .join(Decision, Decision.id == ApplicationRecord.current_decision_id)
            .where(
                Registration.state == RegistrationState.UNMATCHED.value,
                Registration.company_id == Connection.company_id,
                Decision.link.is_(True),
            )
            .distinct()
        ).all()
    return sum(_match_late(runtime, id_) for id_ in waiting)


def _match_late(runtime: Runtime, registration_id: str) -> bool:
    with runtime.database.begin() as session:
        registration = session.get_one(Registration, registration_id, with_for_update=True)
        if registration.state != RegistrationState.UNMATCHED.value:
            return False
        record = find_rejection(session, registration)
        if record is None:
            return False
        _complete(runtime, session, registration, record)
    return True


def find_rejection(session: Session, registration: Registration) -> ApplicationRecord | None:
    """The latest linked rejection of this company under the proved address.

    A personal link narrows it to its own person; a static one to its job, where it has one, and
    goes first to the one that it came with a hint to.
    """
    found = session.scalars(_rejections(session, registration)).all()
    return next((r for r in found if r.id == registration.application_id), next(iter(found), None))


def _hinted(session: Session, registration: Registration, job_title: str) -> str | None:
    """Which of these rejections is for a job of that title, if one is: a choice among what the
    address is matched with anyway, once it is proved."""
    wanted = " ".join(job_title.split()).casefold()
    found = session.scalars(_rejections(session, registration)).all()
    titles = ((r.id, " ".join((r.job_title or "").split()).casefold()) for r in found)
    return next((id_ for id_, title in titles if title == wanted), None)


def _rejections(session: Session, registration: Registration) -> Select[ApplicationRecord]:
    link = session.get_one(RelayLink, registration.link_id)
    query = (
        select(ApplicationRecord)
        .join(ApplicationAddress, ApplicationAddress.application_id == ApplicationRecord.id)
        .join(Connection, Connection.id == ApplicationRecord.connection_id)
        .join(Decision, Decision.id == ApplicationRecord.current_decision_id)
        .where(
            ApplicationAddress.email_hash == registration.email_hash,
            Connection.company_id == registration.company_id,
            Decision.link.is_(True),
        )
        .order_by(Decision.rejected_at.desc())
    )
    if link.application_id is not None:
        query = query.where(ApplicationRecord.id == link.application_id)
    elif link.candidate_external_id is not None:
        query = query.where(
            ApplicationRecord.connection_id == link.connection_id,
            ApplicationRecord.candidate_external_id == link.candidate_external_id,
        )
    elif link.job_external_id is not None:
        query = query.where(ApplicationRecord.job_external_id == link.job_external_id)
    return query


def _is_reported(session: Session, record: ApplicationRecord) -> bool:
    """The record says it already: the same person registered before, and is still registered."""
    earlier = (
        select(Report.id)
        .join(Registration, Registration.id == Report.registration_id)
        .where(
            Report.application_id == record.id,
            Registration.state == RegistrationState.PROVED.value,
        )
    )
    return session.scalars(earlier.limit(1)).first() is not None


def _owe_report(
    runtime: Runtime, session: Session, registration: Registration, record: ApplicationRecord
) -> None:
    """Only with the person's choice to be named: the write-back, and the record of it."""
    company = session.get_one(Company, registration.company_id)
    now = runtime.clock()
    report = Report(
        id=new_id(),
        registration_id=registration.id,
        application_id=record.id,
        connection_id=record.connection_id,
        remaining=remaining(session, company),
        created_at=now,
        due_at=now,
        attempts=0,
        detail=dict(delivery.trace_of(session, record)),
    )
    session.add(report)
    session.add(_provision(runtime, session, registration, company))
    session.flush()
    runtime.submit(session, REPORT, report)


def _provision(
    runtime: Runtime, session: Session, registration: Registration, company: Company
) -> Provision:
    """APPI art. 29: to whom, about whom, which items, on which consent. Kept for years."""
    consent = session.scalars(
        select(Consent).where(
            Consent.registration_id == registration.id, Consent.purpose == "named_to_company"
        )
    ).one()
    now = runtime.clock()
    id_ = new_id()
    person = runtime.vault.seal(
        unseal(runtime, registration, "name"), place=f"provisions:{id_}:person"
    )
    return Provision(
        id=id_,
        registration_id=registration.id,
        company_id=company.id,
        recipient_name=company.name,
        person_sealed=person,
        items=["name", "registered_at"],
        consent_id=consent.id,
        provided_at=now,
        retain_until=months_after(now, runtime.settings.retention["provision_months"]),
    )


def withdraw(runtime: Runtime, registration_id: str) -> None:
    """The person deletes their data: the profile goes, the hash stays, the count stays true.

    All of it: what the same address left with this company's links before goes as well.
    """
    with runtime.database.begin() as session:
        withdraw_in(runtime, session, registration_id)


def withdraw_in(runtime: Runtime, session: Session, registration_id: str) -> None:
    """``withdraw`` in the caller's transaction."""
    now = runtime.clock()
    asked = session.get_one(Registration, registration_id)
    theirs = (
        select(Registration)
        .where(
            Registration.company_id == asked.company_id,
            Registration.email_hash == asked.email_hash,
            Registration.state != RegistrationState.WITHDRAWN.value,
        )
        .order_by(Registration.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(theirs).all()
    for registration in found:
        registration.state = RegistrationState.WITHDRAWN.value
        registration.withdrawn_at = now
        registration.name_sealed = registration.email_sealed = registration.code_sealed = None
    if found:
        hashes = [asked.email_hash]
        suppress(session, hashes, scope=asked.company_id, cause="withdrawn", at=now)
        delivery.clear(runtime, session, hashes, asked.company_id)
    log.info("registration_withdrawn", registration=registration_id)
