"""Japanese or English: from the link, the cookie, what we know of the reader, the browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import Flask, Response, g, request
from flask_babel import Babel, get_locale, refresh
from flask_babel import lazy_gettext as _lazy

from ..engine.config import LOCALES
from .server import Server, current_server

ONE_YEAR = 365 * 24 * 3600
lazy_gettext = cast("Callable[[str], str]", _lazy)
"""For words in constants; it behaves as the text it becomes in the reader's language."""
NAMES = {"ja": "日本語", "en": "English"}


def install(app: Flask, server: Server) -> None:
    """Catalogues, the choice of language, and the cookie that keeps it."""
    Babel(
        app,
        default_locale=server.runtime.settings.server["locale"],
        default_timezone="Asia/Tokyo",
        default_translation_directories="translations",
        locale_selector=_select,
    )
    app.jinja_env.globals.update(locale=locale, other_locale=other_locale)

    @app.after_request
    def keep_choice(response: Response) -> Response:
        wanted = request.args.get("lang")
        if wanted in LOCALES and request.endpoint != "static":
            response.set_cookie(
                server.cookie_name("lang"),
                wanted,
                max_age=ONE_YEAR,
                httponly=True,
                samesite="Lax",
                secure=server.is_secure,
            )
        return response


def _select() -> str:
    server = current_server()
    for wanted in (
        request.args.get("lang"),
        request.cookies.get(server.cookie_name("lang")),
        g.get("readers_locale"),
        request.accept_languages.best_match(LOCALES),
    ):
        if wanted in LOCALES:
            return wanted
    return server.runtime.settings.server["locale"]


def prefer(locale: str) -> None:
    """The reader is known to read ``locale``; only their own choice outranks that."""
    g.readers_locale = locale
    refresh()


def locale() -> str:
    """The language of the page being made: ja or en."""
    return str(get_locale() or current_server().runtime.settings.server["locale"])


def other_locale() -> tuple[str, str]:
    """The other language and its own name, for the switch."""
    other = next(known for known in LOCALES if known != locale())
    return other, NAMES[other]
