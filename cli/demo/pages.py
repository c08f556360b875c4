"""Pages of the sandbox ATS and the mailbox, in Japanese or English."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from ...connectors.testing.standin import Request, Response
from .steps import Words

LANGUAGES = ("ja", "en")
LINK = re.compile(r"https?://[^\s<>\"'、。（）]+")
POLICY = (
    "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)

_environment = Environment(
    loader=PackageLoader(__package__ or "", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def language_of(request: Request) -> str:
    """By the address, then the cookie, then the browser."""
    for wanted in (request.args.get("lang"), request.cookies.get("demo_lang")):
        if wanted in LANGUAGES:
            return wanted
    return request.accept_languages.best_match(LANGUAGES) or "ja"


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page of the demo, never kept by the browser."""
    lang = language_of(request)
    html = _environment.get_template(template).render(
        lang=lang, t=_translator(lang), linked=linked, time=_local_time, **values
    )
    response = Response(html, status, mimetype="text/html")
    response.headers.update({"Cache-Control": "no-store", "Content-Security-Policy": POLICY})
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.args.get("lang") in LANGUAGES:
        response.set_cookie("demo_lang", lang, samesite="Lax", httponly=True)
    return response


def resource(name: str, *, mimetype: str) -> Response:
    """A file beside the templates."""
    text = files(__package__ or "").joinpath("templates", name).read_text(encoding="utf-8")
    return Response(text, 200, {"Cache-Control": "no-store"}, mimetype=mimetype)


def back_to(path: str) -> Response:
    """After a POST: a page that is safe to load again."""
    return Response(status=303, headers={"Location": path})


def linked(text: str) -> Markup:
    """Plain text with its addresses made into links that open beside it."""
    parts, at = [], 0
    for found in LINK.finditer(text):
        url = escape(found[0])
        parts += [escape(text[at : found.start()])]
        parts += [Markup('<a href="{0}" target="_blank" rel="noopener">{0}</a>').format(url)]
        at = found.end()
    return Markup("").join([*parts, escape(text[at:])])


def _translator(lang: str) -> Callable[[str, str], str]:
    return lambda ja, en: Words(en, ja).in_language(lang)


def _local_time(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M:%S")
