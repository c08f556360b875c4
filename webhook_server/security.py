"""Response headers and the session cookie."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, request
from flask.sessions import SecureCookieSessionInterface, SessionInterface
from flask_wtf.csrf import CSRFProtect

from ..engine.runtime import Runtime
from .server import Server

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

CSP = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Robots-Tag": "noindex, nofollow",
}
ONE_YEAR = 365 * 24 * 3600
SESSION_LIVES = timedelta(hours=24)


class RotatingSessions(SecureCookieSessionInterface):
    """Signs with the newest session key of the key file and opens with every one of it.

    The key file is looked at for each request, so a rotation needs no restart; Flask-WTF signs
    its form tokens with the same setting.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def get_signing_serializer(self, app: Flask):
        *older, newest = self._runtime.keys.current().session
        app.config["SECRET_KEY"] = newest
        app.config["SECRET_KEY_FALLBACKS"] = older
        return super().get_signing_serializer(app)


class NoSessions(SessionInterface):
    """For requests that nobody makes twice in one browser."""

    def open_session(self, app: Flask, request: Request) -> None:  # noqa: ARG002 - Flask's signature
        return None


def protect(app: Flask, server: Server) -> CSRFProtect:
    """Cookies, and form tokens on every POST."""
    app.session_interface = RotatingSessions(server.runtime)
    app.config.update(
        SESSION_COOKIE_NAME=server.cookie_name("session"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=server.is_secure,
        PERMANENT_SESSION_LIFETIME=SESSION_LIVES,
        # A page may lie open on a phone for hours; the session's own life is the limit.
        WTF_CSRF_TIME_LIMIT=None,
        # That check wants a Referer, which our Referrer-Policy tells browsers not to send.
        WTF_CSRF_SSL_STRICT=False,
    )

    return CSRFProtect(app)


def add_headers(app: Flask, server: Server) -> None:
    """The same on every response."""
    headers = _headers(server)

    @app.after_request
    def add(response: Response) -> Response:
        response.headers.extend(headers)
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response


def with_headers(app: WSGIApplication, server: Server) -> WSGIApplication:
    """The same for an app without static files, where Flask's look at each header is too dear."""
    fixed = [*_headers(server).items(), ("Cache-Control", "no-store")]

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, [*headers, *fixed], exc_info)

        return app(environ, start)

    return answer


def _headers(server: Server) -> dict[str, str]:
    if server.is_secure:
        return {**HEADERS, "Strict-Transport-Security": f"max-age={ONE_YEAR}"}
    return HEADERS
