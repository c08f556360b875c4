"""Everything that can go wrong, as a page in the reader's language or a line for a machine."""

from __future__ import annotations

import math

import structlog
from flask import Flask, Response, current_app, g, request
from flask_babel import format_date, to_user_timezone
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, TooManyRequests
from werkzeug.http import HTTP_STATUS_CODES

from ..engine.health import STORE_ERRORS
from ..models.errors import ConfigurationError, LinkError, LinkExpiredError, TooOftenError
from . import words
from .pages import page
from .server import current_server
from .words import Words

log = structlog.get_logger(__name__)

MONITORS = ("/healthz", "/readyz", "/metrics")
RETRY_SECONDS = 30
MISCONFIGURED_RETRY_SECONDS = 300


def install(app: Flask) -> None:
    """Register the handlers; none of them shows a trace, a body or a token."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _form_token_error)
    app.register_error_handler(LinkError, _link_error)
    app.register_error_handler(TooOftenError, _too_often)
    app.register_error_handler(Exception, _failure)


def plain(status: int, text: str = "") -> Response:
    """One line for a machine."""
    line = text or HTTP_STATUS_CODES[status].lower()
    return Response(f"{line}\n", status, mimetype="text/plain")


def without_cookies() -> bool:
    """The browser sent no session back, although every page with a form gives it one."""
    return current_app.config["SESSION_COOKIE_NAME"] not in request.cookies


def _answer(status: int, said: Words, *, retry_after: int = 0, back: str = "") -> Response:
    """The error page, or one plain line where a machine asked."""
    if request.path.startswith(MONITORS):
        response = plain(status)
    else:
        response = page(
            "error.html", status=status, title=str(said.title), text=str(said.text), back=back
        )
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    retry_after = _retry_after(error) if isinstance(error, TooManyRequests) else 0
    response = _answer(status, words.for_status(status), retry_after=retry_after)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(allowed)
    return response


def _retry_after(error: TooManyRequests) -> int:
    if isinstance(error, RateLimitExceeded) or not isinstance(error.retry_after, int):
        return current_server().limits.retry_after()
    return error.retry_after


def _form_token_error(_error: CSRFError) -> Response:
    log.info("form_token_refused", endpoint=request.endpoint)
    if without_cookies():
        return _answer(400, words.NO_COOKIES)
    return _answer(400, words.PAGE_TOO_OLD, back=request.path)


def _link_error(error: LinkError) -> Response:
    log.info("link_refused", code=error.code, endpoint=request.endpoint)
    if isinstance(error, LinkExpiredError):
        return _answer(410, _expired(error))
    return _answer(*words.BY_LINK_ERROR[type(error)])


def _expired(error: LinkExpiredError) -> Words:
    if g.get("opens_proof"):
        return words.PROOF_EXPIRED
    date = format_date(to_user_timezone(error.issued_at).date(), "long")
    return words.LINK_EXPIRED._replace(text=str(words.LINK_EXPIRED.text) % {"date": date})


def _too_often(error: TooOftenError) -> Response:
    log.warning("flood_refused", endpoint=request.endpoint)
    wait = math.ceil(error.retry_after or RETRY_SECONDS)
    return _answer(429, words.for_status(429), retry_after=wait)


def _failure(error: Exception) -> Response:
    status, retry_after = _told(error, endpoint=request.endpoint)
    return _answer(status, words.SORRY, retry_after=retry_after)


def to_machine(error: Exception, *, endpoint: str) -> Response:
    """One line about what no handler of an app is asked about."""
    status, retry_after = _told(error, endpoint=endpoint)
    response = plain(status)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _told(error: Exception, *, endpoint: str | None) -> tuple[int, int]:
    """Log it; its status, and in how many seconds it may be better (0: nobody knows)."""
    if isinstance(error, ConfigurationError):
        log.error("not_configured", cause=error.message, endpoint=endpoint)
        return 503, MISCONFIGURED_RETRY_SECONDS
    if isinstance(error, STORE_ERRORS):
        log.error("store_unavailable", kind=type(error).__name__, endpoint=endpoint)
        return 503, RETRY_SECONDS
    # Its message may hold a person's data, so only its place is logged.
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else "unknown"
    log.error("page_bug", kind=type(error).__name__, where=where, endpoint=endpoint)
    return 500, 0
