"""What passed the relay with a link, or was to, as the company's administrator sees it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, cast, func, select

from ..models.companies import Strategy
from ..models.tables import Delivery, RelayedMail, WorkState
from .mail_relay_cases import Kind
from .mail_relay_ends import LINKED
from .mail_relay_words import remedy
from .runtime import Runtime

NOTED = "noted"
OF_TEMPLATES = ("token_misspelt", "token_in_subject")
"""Notes that whoever writes the templates should hear of."""


@dataclass(frozen=True, slots=True)
class MailLine:
    """One mail for one recipient, without anything of either."""

    id: str
    relay: str
    last_at: datetime
    judgement: str
    reason: str
    status: str
    code: str
    reply: int | None
    delivery: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportLine:
    """Mails that ended alike; ``remedy`` is "" where all is well."""

    mails: int
    status: str
    code: str
    remedy: str


def mail_lines(runtime: Runtime, connection_id: str, *, limit: int = 50) -> list[MailLine]:
    """The latest mails of a connection, newest first."""
    query = select(RelayedMail).where(RelayedMail.connection_id == connection_id)
    with runtime.database.read() as session:
        found = session.scalars(query.order_by(RelayedMail.last_at.desc()).limit(limit)).all()
    return [
        MailLine(
            id=mail.id, relay=mail.relay_id, last_at=mail.last_at, judgement=mail.judgement,
            reason=mail.reason, status=mail.status or "", code=mail.code or "", reply=mail.reply,
            delivery=mail.delivery_id, notes=tuple(mail.notes),
        )
        for mail in found
    ]  # fmt: skip


def mail_report(
    runtime: Runtime, connection_id: str, *, since: datetime, locale: str
) -> list[ReportLine]:
    """Counts by outcome since then, most first, and rejections whose mail never came."""
    number = func.count().label("number")
    query = (
        select(RelayedMail.judgement, RelayedMail.reason, RelayedMail.status, RelayedMail.code,
               number)
        .where(RelayedMail.connection_id == connection_id, RelayedMail.last_at >= since)
        .group_by(RelayedMail.judgement, RelayedMail.reason, RelayedMail.status, RelayedMail.code)
    )  # fmt: skip
    with runtime.database.read() as session:
        rows = session.execute(query).all()
    lines = [_line(*row, locale=locale) for row in rows]
    lines += _of_templates(runtime, connection_id, since=since, locale=locale)
    missing = waiting_counts(runtime, connection_id, since=since).get(WorkState.SKIPPED.value, 0)
    if missing:
        lines.append(ReportLine(missing, "none", "no_mail", remedy("no_mail", locale=locale)))
    return sorted(lines, key=lambda line: (-line.mails, line.code))


def _of_templates(
    runtime: Runtime, connection_id: str, *, since: datetime, locale: str
) -> list[ReportLine]:
    """Mails that went on, with something in them that their template is to be rid of."""
    query = select(RelayedMail.notes).where(
        RelayedMail.connection_id == connection_id, RelayedMail.last_at >= since,
        cast(RelayedMail.notes, String).like("%token_%"),
    )  # fmt: skip
    with runtime.database.read() as session:
        counts = Counter(note for notes in session.scalars(query) for note in notes)
    return [
        ReportLine(counts[note], NOTED, note, remedy(note, locale=locale))
        for note in OF_TEMPLATES
        if counts[note]
    ]


def _line(
    judgement: str, reason: str, status: str | None, code: str | None, mails: int, *, locale: str
) -> ReportLine:
    """The link was in it: nothing to do. Else what stood in the way, the message or the case."""
    if status in LINKED and judgement == Kind.PERSONAL.value:
        return ReportLine(mails, status or "", code or "", "")
    if judgement == Kind.PERSONAL.value:
        return ReportLine(mails, status or "", code or "", remedy(code or "", locale=locale))
    return ReportLine(mails, judgement, reason, _remedy_of_case(judgement, reason, locale))


def _remedy_of_case(judgement: str, reason: str, locale: str) -> str:
    if judgement == Kind.NONE.value and reason not in ("not_rejected", "unknown_recipient"):
        from .explanations import explain

        told = explain(reason, locale=locale)
        return told if told != reason else remedy(reason, locale=locale)
    return remedy(reason, locale=locale)


def waiting_counts(runtime: Runtime, connection_id: str, *, since: datetime) -> dict[str, int]:
    """Deliveries by mail relay since then whose mail has not come: by state (due: still waited
    for; skipped: given up)."""
    query = (
        select(Delivery.state, func.count().label("number"))
        .where(
            Delivery.connection_id == connection_id,
            Delivery.strategy == Strategy.MAIL_RELAY.value,
            Delivery.created_at >= since,
            (Delivery.state == WorkState.DUE.value) | (Delivery.error_code == "no_mail"),
        )
        .group_by(Delivery.state)
    )
    with runtime.database.read() as session:
        return {row.state: row.number for row in session.execute(query)}
