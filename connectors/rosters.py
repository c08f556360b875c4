"""Polling a list that shows who is rejected now and tells no end of it.

Who is taken back, withdraws after all or is deleted just leaves such a list. So a round over the
whole of it remembers whom it met; whoever was there before and is missing is a doubt, which the
connector looks into, one at a time. Between whole rounds, where the vendor can be asked for what
changed, quick ones are enough. Rows that move while a round is under way are a doubt that comes
to nothing, or are met by the next round; nobody is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from ..models.events import ApplicationEvent, PollPage
from .windows import OVERLAP


@dataclass(slots=True)
class Roster:
    """Where a poll stands; what is in it is JSON.

    ``page`` is the connector's own word for the page, "" for the first. ``known`` maps ids to a
    text of the connector's that helps to find them again; ``mark`` is one about the whole list.
    ``first``: no round was finished yet.
    """

    started: str = ""
    since: str = ""
    swept: str = ""
    page: str = ""
    mark: str = ""
    whole: bool = True
    first: bool = True
    known: dict[str, str] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @classmethod
    def resume(
        cls, cursor: Mapping[str, Any], *, now: datetime, sweep: timedelta = timedelta()
    ) -> Self:
        """Where the cursor left off, or a new round: whole if the last whole one is ``sweep`` ago.

        The cursor stays as it is: a failed poll is made again with it.
        """
        found = cls(**deepcopy(dict(cursor)))
        if not (found.started or found.doubts):
            found._begin(now, sweep)
        return found

    @property
    def began_at(self) -> datetime:
        """When this round began."""
        return datetime.fromisoformat(self.started)

    @property
    def changed_since(self) -> datetime:
        """From when on a quick round has to ask: where the last quick one began, and a little
        before; whole rounds say nothing of people who are known."""
        return datetime.fromisoformat(self.since)

    def take(self, rows: Mapping[str, str], *, page: str) -> frozenset[str]:
        """Note a page of rejected people; go on at ``page``, "" ends the round. Says who is new."""
        new = frozenset(rows.keys() - self.known.keys())
        self.known |= rows
        self.unseen = [known for known in self.unseen if known not in rows]
        self.page = page
        if not page:
            self._end()
        return new

    def forget(self, ids: Iterable[str]) -> None:
        """These are not looked for any more."""
        for id_ in ids:
            self.known.pop(id_, None)
        self.unseen = [known for known in self.unseen if known in self.known]
        self.doubts = [known for known in self.doubts if known in self.known]

    def settle(self, ids: Iterable[str]) -> None:
        """These doubts came to nothing, for now: still known, and looked for again."""
        settled = set(ids)
        self.doubts = [known for known in self.doubts if known not in settled]

    def turned(self, events: Iterable[ApplicationEvent]) -> PollPage:
        """What was found, and where to go on."""
        more = bool(self.started or self.doubts)
        return PollPage(tuple(events), asdict(self), more=more)

    def _begin(self, now: datetime, sweep: timedelta) -> None:
        self.whole = not self.swept or now - datetime.fromisoformat(self.swept) >= sweep
        self.started = now.isoformat()
        self.unseen = list(self.known) if self.whole else []

    def _end(self) -> None:
        if self.first or not self.whole:
            self.since = (self.began_at - OVERLAP).isoformat()
        if self.whole:
            self.swept, self.doubts = self.started, self.unseen
        self.started, self.unseen, self.first = "", [], False
