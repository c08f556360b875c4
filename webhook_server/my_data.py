"""/m/<token>: what the operator keeps about one registration, and its deletion."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import Blueprint, Response, url_for
from flask_babel import format_date

from ..engine import registration as engine
from ..engine.sealing import unseal
from ..link_signing import Purpose
from ..models.errors import LinkInvalidError
from ..models.registrations import RegistrationState
from ..models.tables import Company, Registration
from .i18n import prefer
from .pages import page, see_other
from .server import current_server

bp = Blueprint("my_data", __name__)


@bp.get("/m/<token:token>")
def show(token: str) -> Response:
    """That registration's data and nothing else."""
    registration, company = _open(token)
    if registration.state == RegistrationState.WITHDRAWN.value:
        return page("deleted.html", registration=registration, company=company)
    runtime = current_server().runtime
    at = (registration.proved_at or registration.started_at).astimezone(ZoneInfo(company.timezone))
    return page(
        "my_data.html",
        token=token,
        registration=registration,
        company=company,
        name=unseal(runtime, registration, "name"),
        email=unseal(runtime, registration, "email"),
        date=format_date(at.date(), "long"),
    )


@bp.get("/m/<token:token>/delete")
def ask(token: str) -> Response:
    """What deleting means, and the button."""
    registration, company = _open(token)
    if registration.state == RegistrationState.WITHDRAWN.value:
        return page("deleted.html", registration=registration, company=company)
    told = registration.named_to_company and registration.proved_at is not None
    return page(
        "delete.html",
        token=token,
        company=company,
        told=told and registration.state == RegistrationState.PROVED.value,
        counted=registration.counted,
        months=current_server().runtime.settings.retention["provision_months"],
    )


@bp.post("/m/<token:token>/delete")
def delete(token: str) -> Response:
    """Delete. Twice is once."""
    registration, _company = _open(token)
    engine.withdraw(current_server().runtime, registration.id)
    return see_other(url_for("my_data.show", token=token))


def _open(token: str) -> tuple[Registration, Company]:
    runtime = current_server().runtime
    id_ = runtime.signer.open(token, purpose=Purpose.MY_DATA)
    with runtime.database.read() as store:
        registration = store.get(Registration, id_)
        if registration is None:
            raise LinkInvalidError("the link is unknown here")
        company = store.get_one(Company, registration.company_id)
    prefer(registration.locale)
    return registration, company
