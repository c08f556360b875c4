"""What doctor says of one thing it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """FAIL: something does not work. HINT: it works, and could be better or wants a look."""

    OK = "ok"
    HINT = "hint"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """``area`` is what it belongs to (keys, database, a connection's id); ``remedy`` what to do."""

    area: str
    name: str
    status: Status
    detail: str
    remedy: str = ""


def ok(area: str, name: str, detail: str = "") -> Finding:
    """In order."""
    return Finding(area, name, Status.OK, detail)


def hint(area: str, name: str, detail: str, *, remedy: str = "") -> Finding:
    """Works, but wants a look."""
    return Finding(area, name, Status.HINT, detail, remedy)


def fail(area: str, name: str, detail: str, *, remedy: str = "") -> Finding:
    """Does not work."""
    return Finding(area, name, Status.FAIL, detail, remedy)
