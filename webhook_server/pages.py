"""Rendering: one layout, the company and operator by their names, whatever the page."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template

from .server import current_server


def page(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page of ours."""
    operator = current_server().operator
    return make_response(render_template(template, operator=operator, **values), status)


def see_other(path: str) -> Response:
    """After a POST: the page that shows what became of it, safe to load again."""
    return Response(status=303, headers={"Location": path})
