"""/p/<token>: the mailed link; opening it changes nothing, its button confirms."""

from __future__ import annotations

from flask import Blueprint, Response, g, url_for

from ..engine import registration as engine
from ..models.registrations import RegistrationState
from ..models.tables import Company, Registration
from .i18n import prefer
from .outcomes import outcome_page
from .pages import page, see_other
from .server import current_server

bp = Blueprint("proof", __name__)


@bp.get("/p/<token:token>")
def show(token: str) -> Response:
    """The button, or what became of it."""
    registration, company = _open(token)
    if registration.state != RegistrationState.STARTED.value:
        return outcome_page(registration, company)
    return page("proof.html", registration=registration, company=company)


@bp.post("/p/<token:token>")
def confirm(token: str) -> Response:
    """Prove the mailbox. Twice is once."""
    _open(token)
    engine.confirm_link(current_server().runtime, token)
    return see_other(url_for("proof.show", token=token))


def _open(token: str) -> tuple[Registration, Company]:
    g.opens_proof = True
    runtime = current_server().runtime
    with runtime.database.read() as store:
        registration = engine.open_proof(runtime, store, token)
        company = store.get_one(Company, registration.company_id)
    prefer(registration.locale)
    return registration, company
