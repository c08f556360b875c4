"""Where the poll stands between two calls of the engine: the queue, and the search beside it.

Reading the queue takes events out of it, so a worker that dies before its page is stored would
lose them. Bullhorn gives the last batch again by its ``requestId``; so the cursor holds the id of
the last batch whose events are stored, and a round begins by asking which batch was read last. If
that is another one, it is read again first.

Unread events live 30 days and then a search by time of change has to find what they said, as it
does on the first day and, for whatever else may happen to a queue, once a day.
https://bullhorn.github.io/REST-API-Event-Subscriptions/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from careerrelay import connectors as kit

KEPT = timedelta(days=29)
"""A day less than Bullhorn keeps events that nobody reads."""
SEARCHED_EVERY = timedelta(days=1)
OVERLAP = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Feed:
    """``request``: the last batch whose events are stored. ``read``: when the queue was asked
    last. ``since``: up to when everything is known by search. ``until``, ``after``, ``start``: a
    search under way, up to when, from which millisecond on, how many of that one are behind us.
    ``fresh``: the subscription was made and has not been read since.
    """

    request: int
    read: str
    since: str
    until: str = ""
    after: int = 0
    start: int = 0
    fresh: bool = False

    @classmethod
    def resume(cls, cursor: Mapping[str, Any]) -> Feed:
        return cls(**cursor)

    @classmethod
    def subscribed(cls, last_request: int, *, since: datetime, now: datetime) -> Feed:
        """Events come from now on; what was before is searched for."""
        made = cls(last_request, now.isoformat(), since.isoformat(), fresh=True)
        return made.searching(now)

    @property
    def is_searching(self) -> bool:
        return bool(self.until)

    def is_lost(self, now: datetime) -> bool:
        """Events may have gone unread for longer than they are kept."""
        return now - datetime.fromisoformat(self.read) > KEPT

    def wants_search(self, now: datetime) -> bool:
        return now - datetime.fromisoformat(self.since) >= SEARCHED_EVERY

    @property
    def known_until(self) -> datetime:
        return datetime.fromisoformat(self.since)

    def searching(self, now: datetime) -> Feed:
        """From a little before the last search on: clocks differ."""
        return replace(self, until=now.isoformat(), after=_ms(self.known_until - OVERLAP), start=0)

    def searched(self, times: Iterable[datetime], *, full: bool) -> Feed:
        """After a page with rows changed at these times, in their order.

        A row that changes meanwhile moves to the end and is met there; so the next page begins at
        the last time met, not at a number of rows. Many rows of one moment are counted on.
        """
        if not full:
            return replace(self, since=self.until, until="", after=0, start=0)
        *others, last = (_ms(at) for at in times)
        if last == self.after:
            return replace(self, start=self.start + len(others) + 1)
        return replace(self, after=last, start=0)

    def drained(self, request: int, *, now: datetime) -> Feed:
        """After a batch: once this is stored, its events are."""
        return replace(self, request=request, read=now.isoformat(), fresh=False)

    def turned(self, events: Iterable[kit.ApplicationEvent], *, more: bool) -> kit.PollPage:
        return kit.PollPage(tuple(events), asdict(self), more=more)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
