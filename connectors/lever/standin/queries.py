"""What the pretended Lever reads from requests, and the errors it ends them with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote, unquote

from werkzeug.exceptions import HTTPException

from careerrelay.connectors.testing.standin import Request, Response

from .account import Record

EXPANDABLE = {"applications", "stage", "contact"}
TIMES = {
    "archived": lambda record: (record["archived"] or {}).get("archivedAt"),
    "created": lambda record: record["createdAt"],
    "updated": lambda record: record["updatedAt"],
}


def refuse(status: int, code: str, message: str) -> NoReturn:
    """End the request with Lever's error body."""
    body = json.dumps({"code": code, "message": message})
    raise HTTPException(response=Response(body, status, mimetype="application/json"))


def found_in(records: Mapping[str, Record], key: str) -> Record:
    """The record of that id; else 404."""
    if key not in records:
        refuse(404, "ResourceNotFound", "No such record")
    return records[key]


def key_of(request: Request) -> str:
    """The user name of HTTP Basic; "" unless the password is empty, as Lever wants it."""
    given = request.authorization
    basic = given is not None and given.type == "basic" and not given.password
    return (given.username or "") if given is not None and basic else ""


def permission_for(method: str, path: str) -> str:
    """The scope a call needs: notes have their own, all else goes by the first word."""
    parts = path.strip("/").split("/")[1:]
    thing = "notes" if "notes" in parts else parts[0]
    return f"{thing}:{'read' if method == 'GET' else 'write'}:admin"


def integer_in(request: Request, name: str, default: int) -> int:
    """A whole number of the query; else 400."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.lstrip("-").isdigit()):
        refuse(400, "BadRequestError", f"{name} must be a number")
    return int(text)


def in_windows(record: Record, request: Request) -> bool:
    """Inside every ``*_at_start`` and ``*_at_end`` asked for, ends included."""
    for name, time_of in TIMES.items():
        start, end = (request.args.get(f"{name}_at_{edge}") for edge in ("start", "end"))
        if start is None and end is None:
            continue
        moment = time_of(record)
        first = integer_in(request, f"{name}_at_start", 0)
        last = integer_in(request, f"{name}_at_end", 2**62)
        if moment is None or not first <= moment <= last:
            return False
    return True


def expansions_in(request: Request) -> list[str]:
    """What the query wants whole instead of by id."""
    asked = request.args.getlist("expand")
    if not set(asked) <= EXPANDABLE:
        refuse(400, "BadRequestError", "expand names something unknown")  # not documented
    return asked


def position_of(row: Mapping[str, Any]) -> tuple[int, str]:
    """Where a row stands in its list: newest first, ids break ties."""
    return (row.get("createdAt") or row.get("deletedAt") or 0, row["id"])


def offset_after(row: Mapping[str, Any]) -> str:
    """Percent-encoded JSON, as in live answers; not to be decoded by the caller."""
    return quote(json.dumps([3, *position_of(row)], separators=(",", ":")), safe="")


def position_in(offset: str) -> tuple[int, str]:
    """The position an offset tells; 400 for one that we did not make."""
    try:
        version, moment, last = json.loads(unquote(offset))
    except (ValueError, TypeError):
        version, moment, last = 0, 0, ""
    if version != 3 or not offset.startswith("%5B"):
        refuse(400, "BadRequestError", "offset must be the next of the page before")
    return (moment, last)


def body_of(request: Request) -> Record:
    """The JSON object sent; else 400."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        refuse(400, "BadRequestError", "The body must be a JSON object")
    return body


def texts_in(request: Request, name: str) -> list[str]:
    """The list of texts called ``name`` in the body; else 400."""
    texts = body_of(request).get(name)
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        refuse(400, "BadRequestError", f"{name} must be a list of texts")
    return texts


def hook_view(hook: Mapping[str, Any]) -> Record:
    """A hook as listed: its token is told once, when it is made."""
    shown = {k: hook[k] for k in ("id", "event", "url", "createdAt", "updatedAt")}
    return shown | {"configuration": {"conditions": {"origins": list(hook["origins"])}}}
