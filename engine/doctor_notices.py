"""What doctor says of the notices that own_mail sends: each has a value for all it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from ..mail.compose import Hiring, Kind, kind_for, render, usual_block
from ..models.candidates import Stage
from ..models.companies import Strategy
from ..models.errors import TemplateError
from ..models.tables import Company, Connection
from .config import LOCALES
from .connections import MAIL_VALUES
from .findings import Finding, fail, ok
from .own_mail import values_for
from .runtime import Runtime
from .templates import wording

SOMEBODY = {
    "candidate_name": "応募 花子",
    "job_title": "営業職",
    "relay_link": "https://relay.example.jp/r/x",
    "optout_link": "https://relay.example.jp/s/x",
}
"""What a case brings; the rest is the company's to set."""
OF_COMPANY = frozenset(
    {
        "careers_url", "company_address", "company_name",
        "contact_email", "contact_phone", "recruiter_name",
    }
)  # fmt: skip
_NAMED = re.compile(r"\{\{(\w+)\}\} has no value")


def notice_findings(runtime: Runtime, connection: Connection) -> Iterator[Finding]:
    """Every notice that its cases may get, before one of them is owed and dies."""
    if Strategy.OWN_MAIL not in connection.strategies:
        return
    faults: dict[str, list[str]] = {}
    for kind, locale in product(_kinds(connection), LOCALES):
        problem = _problem(runtime, connection, kind, locale)
        if problem:
            faults.setdefault(problem, []).append(f"{kind.value} ({locale})")
    if not faults:
        yield ok(connection.id, "notices", "every notice has a value for all that it names")
    for problem, notices in faults.items():
        yield fail(
            connection.id, "notices", f"{', '.join(notices)} cannot be sent: {problem}",
            remedy=_remedy(connection, problem),
        )  # fmt: skip


def _kinds(connection: Connection) -> list[Kind]:
    """By stage; after an offer nothing is sent."""
    hiring = Hiring(connection.hiring)
    stages = (stage for stage in Stage if stage is not Stage.OFFER)
    return list(dict.fromkeys(kind_for(stage, hiring=hiring) for stage in stages))


def _problem(runtime: Runtime, connection: Connection, kind: Kind, locale: str) -> str:
    with runtime.database.read() as session:
        company = session.get_one(Company, connection.company_id)
    template = wording(runtime, company.id, kind=kind, locale=locale).template
    values = values_for(runtime, company, connection, locale=locale)
    try:
        render(template, values={**values, **SOMEBODY}, relay=usual_block(kind))
    except TemplateError as error:
        return error.message
    return ""


def _remedy(connection: Connection, problem: str) -> str:
    named = _NAMED.match(problem)
    if named is None:
        return f"careerrelay company template show {connection.company_id}"
    name = named[1]
    if name in MAIL_VALUES:
        return f"careerrelay connections set {connection.id} --mail-value {name}=VALUE"
    if name in ("relay_operator_name", "agency_license_no"):
        return "set [operator] name and license_no"
    if name not in OF_COMPANY:
        return f"careerrelay company template show {connection.company_id}"
    option = name.removeprefix("company_").replace("_", "-")
    return f"careerrelay company set {connection.company_id} --{option} VALUE"
