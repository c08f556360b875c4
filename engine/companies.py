"""Administration of companies: what may be set, checked in one place for CLI and console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..mail.addresses import read_address
from ..mail.smtp import Security
from ..models.errors import AddressError, ConfigurationError, NotFoundError, RefusedError
from ..models.ledger import EntryKind
from ..models.tables import Company, Connection
from .audit import note
from .config import LOCALES
from .counting import count
from .eligibility import SWITCHABLE
from .own_mail import SMTP_PASSWORD, smtp_place
from .runtime import Runtime

ID = validate.Regexp(
    r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z",
    error="must be 1 to 40 lower-case letters, digits and hyphens",
)
"""Short names of companies and connections: they stand in URLs and files."""


def _zone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValidationError("must be a time zone such as Asia/Tokyo") from None


def _address(value: str) -> None:
    try:
        if value:
            read_address(value)
    except AddressError:
        raise ValidationError("must be an e-mail address") from None


def _one_line(value: str) -> None:
    if any(ord(character) < 32 for character in value):
        raise ValidationError("must be one line")


def _text(help_: str, *checks: Any, **kwargs: Any) -> fields.String:
    return fields.String(validate=[_one_line, *checks], metadata={"help": help_}, **kwargs)


def _number(help_: str, low: int, high: int) -> fields.Integer:
    return fields.Integer(validate=validate.Range(low, high), metadata={"help": help_})


class CompanyValues(Schema):
    """What can be set on a company; every field optional, unknown ones refused."""

    name = _text("Formal name, as mails and the page show it.", validate.Length(1, 200))
    locale = _text("Language of its mails and reports.", validate.OneOf(LOCALES))
    timezone = _text("Time zone of its office hours.", _zone)
    address = _text("Postal address; every mail names its sender's (特定電子メール法).")
    contact_email = _text("Where applicants' replies and questions go.", _address)
    contact_phone = _text("Telephone for applicants.")
    careers_url = _text(
        "Its careers page.", validate.Regexp(r"(https?://\S+)?\Z", error="must be a URL")
    )
    recruiter_name = _text("Who signs its mails, for example 採用担当.")
    document_policy = _text(
        "What becomes of application papers: discard, return, keep, or a sentence of your own."
    )
    retention_months = _number("Months that rejected candidates stay searchable.", 1, 60)
    batch_size = _number("Registrations that earn one slot; fixed with the first count.", 1, 1000)
    send_from_hour = _number("First hour at which its mails may leave.", 0, 23)
    send_until_hour = _number("Hour from which they wait for the next day.", 1, 24)
    business_days_only = fields.Boolean(
        metadata={"help": "Send on Japanese business days only (yes or no)."}
    )
    hold_days = _number("Whole days a notice waits after the decision.", 0, 60)
    switched_off = fields.List(
        fields.String(validate=validate.OneOf(sorted(code.value for code in SWITCHABLE))),
        metadata={"help": f"Rules switched off, of: {', '.join(sorted(SWITCHABLE))}."},
    )

    @pre_load
    def trim(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        return {k: v.strip() if isinstance(v, str) else v for k, v in data.items()}


class SmtpValues(Schema):
    """The company's SMTP account for ``own_mail``; "" takes a value out."""

    host = _text("SMTP host.", validate.Regexp(r"[^\s/@]*\Z", error="must be a host name"))
    port = _number("SMTP port.", 1, 65535)
    security = _text("starttls, tls, or none.", validate.OneOf([s.value for s in Security]))
    username = _text("SMTP user; empty: no sign-in.")
    sender = _text("Address its mails come from.", _address)

    @validates_schema
    def not_half(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("username") and not data["username"].isascii():
            raise ValidationError("must be ASCII", "username")


def checked(schema: Schema, values: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """``values`` by the schema. Raises ConfigurationError naming ``where`` and the field."""
    try:
        return {**schema.load(values)}  # pyright: ignore - load's type allows lists (many=True)
    except ValidationError as error:
        name, problem = min(error.normalized_messages().items())
        raise ConfigurationError(f"{where}{name}: {_first(problem)}") from None


def _first(problem: Any) -> str:
    while isinstance(problem, (dict, list)):
        problem = next(iter(problem.values() if isinstance(problem, dict) else problem))
    text = str(problem).rstrip(".")
    return text[:1].lower() + text[1:]


def check_id(value: str, *, what: str) -> str:
    """A short name for a company or connection. Raises ConfigurationError."""
    try:
        ID(value)
    except ValidationError as error:
        raise ConfigurationError(f"{what} id: {_first(error.messages)}") from None
    return value


def add_company(runtime: Runtime, company_id: str, *, actor: str, **values: Any) -> Company:
    """A new company. Raises ConfigurationError for a value, RefusedError when the id is taken."""
    check_id(company_id, what="company")
    known = checked(CompanyValues(), values, where="company ")
    if not known.get("name"):
        raise ConfigurationError("company name: is missing")
    with runtime.database.begin() as session:
        if session.get(Company, company_id) is not None:
            raise RefusedError(f"there is a company '{company_id}' already")
        company = Company(id=company_id, created_at=runtime.clock(), smtp={}, **known)
        session.add(company)
        session.flush()
        _check_whole(company)
        note(runtime, session, actor=actor, action="company.add", subject=company_id)
    return company


def change_company(
    runtime: Runtime,
    company_id: str,
    *,
    actor: str,
    smtp: Mapping[str, Any] | None = None,
    smtp_password: str | None = None,
    **values: Any,
) -> Company:
    """Change what is given and nothing else; ``smtp_password`` "" forgets it.

    Raises NotFoundError, ConfigurationError, RefusedError.
    """
    known = checked(CompanyValues(), values, where="company ")
    account = checked(SmtpValues(), smtp or {}, where="company smtp ")
    with runtime.database.begin() as session:
        company = company_of(session, company_id, lock=True)
        _keep_batch_size(session, company, known)
        for name, value in known.items():
            setattr(company, name, value)
        _check_whole(company)
        company.smtp = _smtp(runtime, company, account, smtp_password)
        changed = [*known, *(f"smtp.{name}" for name in account)]
        if smtp_password is not None:
            changed.append("smtp.password")
        note(
            runtime, session, actor=actor, action="company.set", subject=company_id, changed=changed
        )
    return company


def _smtp(
    runtime: Runtime, company: Company, account: Mapping[str, Any], password: str | None
) -> dict[str, Any]:
    merged = {**company.smtp, **account}
    if password is not None:
        sealed = runtime.vault.seal(password, place=smtp_place(company.id)) if password else ""
        merged[SMTP_PASSWORD] = sealed
    return {name: value for name, value in merged.items() if value != ""}


def _check_whole(company: Company) -> None:
    """Rules over several values, defaults included."""
    if company.send_from_hour >= company.send_until_hour:
        raise ConfigurationError("company send_until_hour: must be later than send_from_hour")
    if not company.name:
        raise ConfigurationError("company name: must not be empty")


def _keep_batch_size(session: Session, company: Company, values: Mapping[str, Any]) -> None:
    """Slots are counted by it, so it stands from the first credit on."""
    wanted = values.get("batch_size", company.batch_size)
    if wanted != company.batch_size and count(session, company.id, EntryKind.CREDIT):
        raise RefusedError(
            f"company batch_size: registrations of '{company.id}' are counted already, "
            "so it cannot change any more"
        )


def company_of(session: Session, company_id: str, *, lock: bool = False) -> Company:
    """The company; locked, so that nobody is counted meanwhile. Raises NotFoundError."""
    company = session.get(
        Company, company_id, with_for_update={"key_share": True} if lock else None
    )
    if company is None:
        known = session.scalars(select(Company.id).order_by(Company.id).limit(20)).all()
        raise NotFoundError(f"there is no company '{company_id}'; known: {_names(known)}")
    return company


def _names(known: Sequence[str]) -> str:
    return ", ".join(known) or "none yet ('careerrelay company add')"


def find_company(runtime: Runtime, company_id: str) -> Company:
    """``company_of`` in a session of its own."""
    with runtime.database.read() as session:
        return company_of(session, company_id)


def all_companies(runtime: Runtime) -> Sequence[Company]:
    """Every company, by id."""
    with runtime.database.read() as session:
        return session.scalars(select(Company).order_by(Company.id)).all()


def connection_counts(runtime: Runtime) -> dict[str, int]:
    """How many live connections each company has."""
    query = (
        select(Connection.company_id, func.count().label("number"))
        .where(Connection.removed_at.is_(None))
        .group_by(Connection.company_id)
    )
    with runtime.database.read() as session:
        return {row.company_id: row.number for row in session.execute(query)}


def shown_company(company: Company) -> dict[str, Any]:
    """All values for people and JSON; the SMTP password only as set or missing."""
    names = [*CompanyValues().fields]
    account = {name: company.smtp.get(name, "") for name in SmtpValues().fields}
    account["password"] = "set" if company.smtp.get(SMTP_PASSWORD) else "missing"
    return {"id": company.id, **{n: getattr(company, n) for n in names}, "smtp": account}
