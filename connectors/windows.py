"""Polling by time of change: rounds of pages, each round from where the last one began.

A round asks for what changed since a moment, page by page. Clocks differ and lists lag behind,
so the next round begins a little before this one did; saying a thing twice is harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from ..models.candidates import Application, ApplicationState
from ..models.errors import PayloadError
from ..models.events import ApplicationEvent, PollPage, snapshot_event

OVERLAP = timedelta(minutes=10)
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Window:
    """Where a round stands. ``page`` is the vendor's own word for the page, "" for the first.

    ``whole``: the first round of all, which reads the past, or a sweep, which reads it again.
    ``swept``: when the last sweep that came to its end began; None where none is made.
    """

    since: datetime
    until: datetime
    page: str = ""
    whole: bool = False
    swept: str | None = None

    @classmethod
    def resume(
        cls,
        cursor: Mapping[str, Any],
        *,
        now: datetime,
        history: timedelta,
        sweep: timedelta | None = None,
    ) -> Window:
        """The round that a cursor describes; ``{}`` begins ``history`` ago.

        ``sweep``: how often all of the past is read, for a vendor that does not promise to move
        the time of change whenever a case ends.
        """
        swept = cursor.get("swept", "") if sweep else None
        if not cursor:
            return cls(now - history, now, whole=True, swept=swept)
        since, until = (datetime.fromisoformat(cursor[name]) for name in ("since", "until"))
        if cursor["page"]:
            return cls(since, until, cursor["page"], cursor["whole"], swept)
        if sweep and (not swept or now - datetime.fromisoformat(swept) >= sweep):
            return cls(now - history, now, whole=True, swept=swept)
        return cls(until - OVERLAP, now, swept=swept)

    @property
    def number(self) -> int:
        """The page, where the vendor counts them: 1 is the first."""
        return int(self.page or 1)

    def down_to(
        self, rows: Sequence[Row], changed_at: Callable[[Row], datetime], *, full: bool
    ) -> tuple[list[Row], str]:
        """Of a list with the latest change first, what belongs to this round; and the number of
        the next page, as long as all of a ``full`` one does."""
        fresh = [row for row in rows if changed_at(row) >= self.since]
        goes_on = full and 0 < len(fresh) == len(rows)
        return fresh, str(self.number + 1) if goes_on else ""

    def cases(self, found: Iterable[Application | ApplicationEvent], *, page: str) -> PollPage:
        """``turned``, of the past only what has ended, for the rest is no news; rows that were
        set aside are no cases yet."""
        active = ApplicationState.ACTIVE
        told = (c for c in found if isinstance(c, ApplicationEvent) or c.state is not active)
        return self.turned(told if self.whole else found, page=page)

    def turned(self, told: Iterable[Application | ApplicationEvent], *, page: str) -> PollPage:
        """This page's events, or cases read whole, and where to go on: at ``page``, or "" with
        the next round.

        Raises PayloadError where the vendor names the same page again.
        """
        if page and page == self.page:
            raise PayloadError("with the same page as the next one")
        later = asdict(replace(self, page=page))
        later |= {"since": self.since.isoformat(), "until": self.until.isoformat()}
        if self.swept is None:
            del later["swept"]
        elif self.whole and not page:
            later["swept"] = later["until"]
        events = (c if isinstance(c, ApplicationEvent) else snapshot_event(c) for c in told)
        return PollPage(tuple(events), later, more=bool(page))
