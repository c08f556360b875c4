"""/r/<token>: who invites, the form, and the code of the proof mail."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, request, session, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import MethodNotAllowed

from ..engine import links
from ..engine import registration as engine
from ..engine.links import OpenedLink
from ..engine.sealing import unseal
from ..link_signing import Purpose
from ..models.registrations import RegistrationState
from ..models.tables import Company, Registration
from . import throttle
from .errors import without_cookies
from .forms import CodeForm, RegistrationForm
from .i18n import locale
from .outcomes import outcome_page
from .pages import page, see_other
from .server import current_server
from .throttle import network

bp = Blueprint("registration", __name__)

SESSION_KEY = "registration"
PROVED_KEY = "proved"
"""The registration whose code was typed in this browser, which so showed to be its owner's."""
MOST_OF_A_HINT = 255


@bp.get("/r/<token:token>")
def show(token: str) -> Response:
    """The invitation with its form; for an external installation the way to the operator's."""
    server = current_server()
    if not server.is_hosted:
        url = server.external_url()
        _open(token)
        return see_other(with_token(url, token))
    server.check_operator()
    return _form_page(_open(token), RegistrationForm())


def with_token(url: str, token: str) -> str:
    """The operator's page with the link's token in its query."""
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("token", token)])
    return urlunsplit(parts._replace(query=query))


@bp.post("/r/<token:token>")
def submit(token: str) -> Response:
    """Start a registration; the answer is the same whether the address is known or not."""
    _refuse_unless_hosted()
    opened = _open(token)
    form = RegistrationForm()
    if not form.validate():
        return _form_page(opened, form)
    server = current_server()
    server.limits.spend(throttle.START_BY_NETWORK, "start", network())
    session[SESSION_KEY] = engine.start(
        server.runtime,
        token,
        engine.Application(
            name=str(form.name.data),
            email=str(form.email.data),
            named_to_company=form.named.data == "yes",
            locale=locale(),
            job_title=request.args.get("job", "")[:MOST_OF_A_HINT],
        ),
    )
    return see_other(url_for("registration.show_code", token=token))


@bp.get("/r/<token:token>/code")
def show_code(token: str) -> Response:
    """Where the mailed code can be typed, or what became of it."""
    _refuse_unless_hosted()
    opened = _open(token)
    registration = _current(opened)
    if registration is None:
        return page("code_lost.html", token=token, company=opened.company)
    return _code_page(token, opened.company, registration, CodeForm())


@bp.post("/r/<token:token>/code")
def submit_code(token: str) -> Response:
    """Prove the mailbox by the code."""
    _refuse_unless_hosted()
    opened = _open(token)
    server = current_server()
    server.limits.spend(throttle.CODE_BY_NETWORK, "code", network())
    registration = _current(opened)
    if registration is None:
        return page("code_lost.html", status=400, token=token, company=opened.company)
    form = CodeForm()
    if not form.validate():
        return _code_page(token, opened.company, registration, form)
    outcome = engine.confirm_code(server.runtime, registration.id, str(form.code.data))
    if outcome is not None:
        session[PROVED_KEY] = registration.id
        return see_other(url_for("registration.show_code", token=token))
    form.code.errors = [_("This is not the code of the newest mail. Please check the 8 digits.")]
    return _code_page(token, opened.company, _current(opened) or registration, form)


def _refuse_unless_hosted() -> None:
    server = current_server()
    if not server.is_hosted:
        raise MethodNotAllowed(["GET", "HEAD"])
    server.check_operator()


def _open(token: str) -> OpenedLink:
    runtime = current_server().runtime
    with runtime.database.read() as store:
        return links.open_link(runtime, store, token)


def _current(opened: OpenedLink) -> Registration | None:
    """The registration this browser started on this link."""
    id_ = session.get(SESSION_KEY)
    if not isinstance(id_, str):
        return None
    with current_server().runtime.database.read() as store:
        registration = store.get(Registration, id_)
    if registration is None or registration.link_id != opened.link.id:
        return None
    return registration


def _form_page(opened: OpenedLink, form: RegistrationForm) -> Response:
    notice = ""
    if form["csrf_token"].errors:
        notice = _stale_notice()
    faulty = bool(form.errors)
    return page(
        "register.html",
        status=422 if faulty else 200,
        form=form,
        company=opened.company,
        stop_url=_stop_url(opened),
        notice=notice,
        errors=_listed(form, ("name", "email", "named", "terms", "note")),
    )


def _stop_url(opened: OpenedLink) -> str:
    """For mails that hold nothing but this link, as those with an ATS's own field do."""
    token = current_server().runtime.signer.token_for(opened.link.id, purpose=Purpose.STOP)
    return url_for("stopping.show", token=token)


def _stale_notice() -> str:
    if without_cookies():
        return _(
            "Your browser did not send our cookie back. Please allow cookies for this page and "
            "send the form again. The cookie only makes sure that it is you who sends the form."
        )
    return _("This page was open for a long time. Please send the form once more.")


def _listed(form: RegistrationForm | CodeForm, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """(field, its first error) in the order of the page."""
    fields = ((name, form[name].errors) for name in names)
    return [(name, str(errors[0])) for name, errors in fields if errors]


def _code_page(
    token: str, company: Company, registration: Registration, form: CodeForm
) -> Response:
    runtime = current_server().runtime
    if registration.state != RegistrationState.STARTED.value:
        if session.get(PROVED_KEY) == registration.id:
            return outcome_page(registration, company)
        # Whoever typed somebody's address must not see whether that person was rejected.
        return page("elsewhere.html")
    late = registration.code_expires_at <= runtime.clock()
    used_up = registration.code_tries >= engine.MAX_TRIES
    if late or used_up:
        return page("code_over.html", status=410, token=token, late=late)
    return page(
        "code.html",
        status=422 if form.errors else 200,
        token=token,
        form=form,
        notice=_stale_notice() if form["csrf_token"].errors else "",
        errors=_listed(form, ("code",)),
        email=unseal(runtime, registration, "email"),
        sender=runtime.settings.mail["sender"],
        tries_left=engine.MAX_TRIES - registration.code_tries,
    )
