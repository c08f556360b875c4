"""/s/<token>: no more invitations; by a button, or by a mail program's one click (RFC 8058).

No form token and no session: the link itself is the right to stop, and a mail program sends
neither (https://www.rfc-editor.org/rfc/rfc8058#section-3.2).
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from ..engine import links, suppression
from ..engine.links import OpenedLink
from ..link_signing import Purpose
from ..models.links import LinkKind
from . import throttle
from .errors import plain
from .forms import StopForm
from .pages import page
from .server import current_server
from .throttle import network

bp = Blueprint("stopping", __name__)


@bp.get("/s/<token:token>")
def show(token: str) -> Response:
    """A button; a static link belongs to nobody, so it asks for the address."""
    opened = _open(token)
    return _form_page(opened, StopForm(), asks=_is_static(opened))


@bp.post("/s/<token:token>")
def stop(token: str) -> Response:
    """Stop links and follow-ups of this company, at once and for good."""
    opened = _open(token)
    server, is_static = current_server(), _is_static(opened)
    one_click = request.form.get("List-Unsubscribe") == "One-Click"
    if not is_static:
        # A static one is in all mails of a template: whoever used it up would use it up for all.
        server.limits.spend(throttle.STOP_BY_LINK, "stop", opened.link.id)
    if is_static or not one_click:
        server.limits.spend(throttle.STOP_BY_NETWORK, "stop", network())
    if one_click:
        return _one_click(token)
    form = StopForm(request.form)
    typed = "email" in request.form or is_static
    if typed and not form.validate():
        return _form_page(opened, form, asks=True)
    email = str(form.email.data) if typed else None
    if not suppression.stop(server.runtime, token, email=email, cause="stop_link"):
        return _form_page(opened, form, asks=True)
    return page("stopped.html", company=opened.company)


def _one_click(token: str) -> Response:
    runtime = current_server().runtime
    if suppression.stop(runtime, token, email=None, cause="one_click"):
        return plain(200, "stopped")
    # A static link is in nobody's List-Unsubscribe; success would be a lie.
    return plain(422, "this link needs the address; open it in a browser")


def _open(token: str) -> OpenedLink:
    runtime = current_server().runtime
    with runtime.database.read() as store:
        return links.open_link(runtime, store, token, purpose=Purpose.STOP)


def _is_static(opened: OpenedLink) -> bool:
    return opened.link.kind == LinkKind.STATIC.value


def _form_page(opened: OpenedLink, form: StopForm, *, asks: bool) -> Response:
    faults = list(form.email.errors)
    return page(
        "stop.html",
        status=422 if faults else 200,
        company=opened.company,
        form=form,
        asks=asks,
        errors=[("email", str(faults[0]))] if faults else [],
    )
