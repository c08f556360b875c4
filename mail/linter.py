"""Judge a company's own template before anybody receives it.

The rules are those of docs/mail-templates.md: errors refuse the template, warnings and
remarks are shown beside it. A text is judged, never a person.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..models.candidates import Stage
from ..models.errors import TemplateError
from .compose import LOCALES, Kind
from .findings import Draft, Finding, Severity
from .layout import layout_findings
from .wording import wording_findings

SHOWN = 3  # errors named in one exception


def lint(
    template_text: str,
    *,
    subject: str,
    kind: Kind,
    locale: str,
    ats_adds_salutation: bool = False,
    charset: str = "utf-8",
    stage: Stage | None = None,
    reapply_barred: bool = False,
) -> list[Finding]:
    """Every remark on the template, by line.

    ``ats_adds_salutation``: the ATS writes 〇〇様 itself. ``charset``: what the company's mail
    system sends in. ``stage``: where the template is going to be used, if that is known.
    ``reapply_barred``: the company takes no second application.
    Raises TemplateError for an unknown locale or character set.
    """
    if locale not in LOCALES:
        raise TemplateError(f"there are no rules for the locale {locale!r}")
    draft = Draft(
        body=template_text.replace("\r\n", "\n"),
        subject=subject,
        kind=Kind(kind),
        locale=locale,
        ats_adds_salutation=ats_adds_salutation,
        charset=charset,
        stage=stage,
        reapply_barred=reapply_barred,
    )
    found = [*layout_findings(draft), *wording_findings(draft)]
    return sorted(found, key=lambda f: (f.line, list(Severity).index(f.severity)))


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Raises TemplateError with the first errors among ``findings``; warnings pass."""
    errors = [f for f in findings if f.severity is Severity.ERROR]
    if not errors:
        return
    said = " ".join(f"line {f.line}: {f.message_en}" for f in errors[:SHOWN])
    more = f" ({len(errors) - SHOWN} more)" if len(errors) > SHOWN else ""
    raise TemplateError(f"the template is refused: {said}{more}")
