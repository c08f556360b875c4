"""A company's own wording of its notices; the linter decides what may be stored."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..mail.compose import Kind, Template, load_template
from ..mail.findings import Finding as Remark
from ..mail.findings import Severity
from ..mail.linter import lint, refuse_errors
from ..models.errors import RefusedError, TemplateError
from ..models.tables import MailTemplate, new_id
from .audit import note
from .companies import company_of
from .config import LOCALES
from .findings import Finding, fail, hint, ok
from .runtime import Runtime

OURS = frozenset({Kind.PROOF, Kind.WELCOME})
"""The operator's own mails to registrants; no company words them."""
_SUBJECT = re.compile(r"\ASubject:[ \t]*(.+)\r?\n(?:\r?\n)?")


@dataclass(frozen=True, slots=True)
class Wording:
    """The text in use. ``own``: the company's; otherwise the shipped one."""

    template: Template
    own: bool


def kind_of(name: str) -> Kind:
    """A mail a company may word itself. Raises TemplateError naming them all."""
    if name not in set(Kind) - OURS:
        kinds = ", ".join(kind.value for kind in Kind if kind not in OURS)
        raise TemplateError(f"there is no template '{name}'; choose one of: {kinds}")
    return Kind(name)


def split_subject(text: str) -> tuple[str, str]:
    """Subject and body of a template file, whose first line is ``Subject: ...``."""
    found = _SUBJECT.match(text.removeprefix("\ufeff"))
    if found is None:
        raise TemplateError("the first line of a template file must be 'Subject: ...'")
    return found[1].strip(), text.removeprefix("\ufeff")[found.end() :].strip("\r\n") + "\n"


def set_template(
    runtime: Runtime, company_id: str, *, kind: Kind, locale: str, text: str, actor: str
) -> list[Remark]:
    """Store the company's version. Returns the linter's warnings; errors refuse it.

    Raises TemplateError, NotFoundError.
    """
    subject, body = split_subject(text)
    findings = lint(body, subject=subject, kind=kind, locale=locale)
    refuse_errors(findings)
    with runtime.database.begin() as session:
        company_of(session, company_id)
        row = _own(session, company_id, kind, locale)
        if row is None:
            row = MailTemplate(
                id=new_id(), company_id=company_id, kind=kind.value, locale=locale,
                subject=subject, body=body, updated_at=runtime.clock(),
            )  # fmt: skip
            session.add(row)
        row.subject, row.body, row.updated_at = subject, body, runtime.clock()
        note(
            runtime, session, actor=actor, action="template.set", subject=company_id,
            kind=kind.value, locale=locale,
        )  # fmt: skip
    return findings


def remove_template(
    runtime: Runtime, company_id: str, *, kind: Kind, locale: str, actor: str
) -> None:
    """Back to the shipped text."""
    with runtime.database.begin() as session:
        company_of(session, company_id)
        row = _own(session, company_id, kind, locale)
        if row is None:
            raise RefusedError(
                f"company '{company_id}' uses the shipped text for {kind.value} ({locale}) already"
            )
        session.delete(row)
        note(
            runtime, session, actor=actor, action="template.remove", subject=company_id,
            kind=kind.value, locale=locale,
        )  # fmt: skip


def wording(runtime: Runtime, company_id: str, *, kind: Kind, locale: str) -> Wording:
    """The text in use for one mail. Raises NotFoundError, TemplateError (unknown locale)."""
    shipped = load_template(kind, locale=locale)
    with runtime.database.read() as session:
        company_of(session, company_id)
        row = _own(session, company_id, kind, locale)
    if row is None:
        return Wording(shipped, own=False)
    return Wording(Template(kind, locale, row.subject, row.body), own=True)


def all_wordings(runtime: Runtime, company_id: str) -> list[Wording]:
    """Every mail a company may word, in every language."""
    kinds = (kind for kind in Kind if kind not in OURS)
    return [
        wording(runtime, company_id, kind=kind, locale=locale)
        for kind, locale in product(kinds, LOCALES)
    ]


def own_templates(session: Session, company_id: str) -> Sequence[MailTemplate]:
    """What a company has worded itself."""
    query = select(MailTemplate).where(MailTemplate.company_id == company_id)
    return session.scalars(query.order_by(MailTemplate.kind, MailTemplate.locale)).all()


def _own(session: Session, company_id: str, kind: Kind, locale: str) -> MailTemplate | None:
    query = select(MailTemplate).where(
        MailTemplate.company_id == company_id,
        MailTemplate.kind == kind.value,
        MailTemplate.locale == locale,
    )
    return session.scalars(query).first()


def findings_of_own(runtime: Runtime, company_id: str, *, locale: str) -> Iterator[Finding]:
    """For doctor: the linter on what the company has worded itself; rules may have grown."""
    with runtime.database.read() as session:
        rows = own_templates(session, company_id)
    for row in rows:
        name = f"template {row.kind} ({row.locale})"
        remarks = lint(row.body, subject=row.subject, kind=Kind(row.kind), locale=row.locale)
        told = " ".join(_said(remark, locale=locale) for remark in remarks)
        if any(r.severity is Severity.ERROR for r in remarks):
            remedy = "correct it, then run 'careerrelay company template set'"
            yield fail(company_id, name, told, remedy=remedy)
        elif remarks:
            yield hint(company_id, name, told)
        else:
            yield ok(company_id, name, "the linter has no remark")


def _said(remark: Remark, *, locale: str) -> str:
    if locale == "ja":
        return f"{f'{remark.line}行目' if remark.line else '件名'}：{remark.message_ja}"
    return f"{f'line {remark.line}' if remark.line else 'subject'}: {remark.message_en}"
