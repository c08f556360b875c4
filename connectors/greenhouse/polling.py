"""Poll and backfill: windows of ``updated_at``, read page by page.

The cursor is JSON: ``from`` and ``until`` (the window, ISO, UTC), ``page`` (Greenhouse's cursor in
the middle of a window), ``restarted`` (its cursor was refused once). Nothing else is remembered,
so memory stays flat and any page may be read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from careerrelay import connectors as kit

from .cases import CaseReader
from .client import GROUP, HarvestClient, Row

WINDOW = timedelta(days=30)
# Windows overlap by more than clocks differ and writes take to become visible.
OVERLAP = timedelta(minutes=5)


def poll(
    client: HarvestClient,
    reader: CaseReader,
    *,
    cursor: Mapping[str, Any],
    months: int,
    now: datetime,
) -> kit.PollPage:
    """One page of at most 50 applications, with everything a snapshot needs."""
    now = now.replace(microsecond=0)
    since, until = _window(cursor, now=now, months=months)
    here = {"from": since.isoformat(), "until": until.isoformat()}
    try:
        rows, following = client.changed_cases(
            since=since, until=until, size=GROUP, cursor=cursor.get("page")
        )
    except kit.ApiRequestError:
        if "page" not in cursor or cursor.get("restarted"):
            raise
        # Greenhouse no longer takes its own cursor (its lifetime is not documented): the window
        # is read again from its first page; what was seen already is harmless.
        return kit.PollPage((), {**here, "restarted": True}, more=True)
    rows = _open(rows)
    read = partial(_event, snapshot=reader.over(rows))
    events = tuple(kit.row_by_row(rows, read, by=client.by, operation="list applications"))
    if following:
        kept = {"restarted": True} if cursor.get("restarted") else {}
        return kit.PollPage(events, {**here, **kept, "page": following}, more=True)
    return kit.PollPage(events, {"from": (until - OVERLAP).isoformat()}, more=until < now)


def _window(cursor: Mapping[str, Any], *, now: datetime, months: int) -> tuple[datetime, datetime]:
    """A window in progress as it was; else the next one, bounded on both ends."""
    since = _moment(cursor.get("from")) or now - months * WINDOW
    return since, _moment(cursor.get("until")) or min(since + WINDOW, now)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _open(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without prospects who became candidates: their life goes on under another application."""
    return [row for row in rows if row["status"] != "converted"]


def _event(row: Row, *, snapshot: Callable[[Row], kit.Application]) -> kit.ApplicationEvent:
    """An active case is APPLIED however old it is: its field may still want a link.

    A prospect was added by a recruiter and did not apply.
    """
    application = snapshot(row)
    added = row["prospect"] and application.state is kit.ApplicationState.ACTIVE
    event = kit.snapshot_event(application, ats_event="poll")
    return replace(event, kind=kit.EventKind.CHANGED) if added else event
