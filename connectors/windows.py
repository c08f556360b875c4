"""Polling by time of change: rounds of pages, each round from where the last one began.

A round asks for what changed since a moment, page by page. Clocks differ and lists lag behind,
so the next round begins a little before this one did; saying a thing twice is harmless.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ..models.errors import PayloadError
from ..models.events import ApplicationEvent, PollPage

OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Window:
    """Where a round stands. ``page`` is the vendor's own word for the page, "" for the first.

    ``whole``: the first round of all, which reads the past.
    """

    since: datetime
    until: datetime
    page: str = ""
    whole: bool = False

    @classmethod
    def resume(cls, cursor: Mapping[str, Any], *, now: datetime, history: timedelta) -> Window:
        """The round that a cursor describes; ``{}`` begins ``history`` ago."""
        if not cursor:
            return cls(now - history, now, whole=True)
        since, until = (datetime.fromisoformat(cursor[name]) for name in ("since", "until"))
        if cursor["page"]:
            return cls(since, until, cursor["page"], cursor["whole"])
        return cls(until - OVERLAP, now)

    @property
    def number(self) -> int:
        """The page, where the vendor counts them: 1 is the first."""
        return int(self.page or 1)

    def turned(self, events: Iterable[ApplicationEvent], *, page: str) -> PollPage:
        """This page's events, and where to go on: at ``page``, or "" with the next round.

        Raises PayloadError where the vendor names the same page again.
        """
        if page and page == self.page:
            raise PayloadError("with the same page as the next one")
        later = asdict(replace(self, page=page))
        later |= {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return PollPage(tuple(events), later, more=bool(page))
