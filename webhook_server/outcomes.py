"""What became of a registration: done, done before, no application found, deleted."""

from __future__ import annotations

from flask import Response

from ..engine.sealing import unseal
from ..link_signing import Purpose
from ..models.registrations import RegistrationState
from ..models.tables import Company, Registration
from .pages import page
from .server import current_server

TEMPLATES = {
    RegistrationState.PROVED: "done.html",
    RegistrationState.UNMATCHED: "unmatched.html",
    RegistrationState.WITHDRAWN: "deleted.html",
}


def outcome_page(registration: Registration, company: Company) -> Response:
    """The page of a registration that is no longer waiting for its proof.

    The same however often it is opened. That a person counts is between the operator and the
    company and not said.
    """
    runtime = current_server().runtime
    return page(
        TEMPLATES[RegistrationState(registration.state)],
        registration=registration,
        company=company,
        again=runtime.signer.token_for(registration.link_id, purpose=Purpose.RELAY),
        my_data=runtime.signer.token_for(registration.id, purpose=Purpose.MY_DATA),
        days=runtime.settings.retention["unproved_days"],
        has_data=bool(unseal(runtime, registration, "email")),
    )
