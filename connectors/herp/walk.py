"""Where a poll stands: a small, bounded piece of JSON between two calls. No I/O.

HERP can filter neither by the time of termination nor by the time of change, and an ended
case keeps its place in the list, which is sorted by the time of application. So every walk
reads the ended cases of the longest selection again, newest application first, and goes on
until several whole older pages hold nothing new. What was seen before, the engine's
deduplication knows; the cursor only keeps

* ``known``: fingerprints of the first rows beyond the window, where a walk may stop;
* ``watch``: rejections of the last weeks, because a reopened case just vanishes from the list.

Rows that are inserted during a walk push others down to a page still to come: seen twice.
Rows that leave pull others up over the page border: the next walk reads them, and the first
walk through the past is made twice for their sake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from careerrelay.connectors import ApplicationState

from .candidacies import changed_at, state_of
from .options import Options

ROWS_PER_PAGE = 100
WHOLE_WALKS = 2
WATCH_FOR = timedelta(days=30)
WATCH_AT_MOST = 300


@dataclass(slots=True)
class Walk:
    """One poll's progress. ``started`` is ISO 8601; ``watch`` maps ids to Unix seconds."""

    page: int = 1
    started: str = ""
    streak: int = 0
    walks: int = 0
    known: list[str] = field(default_factory=list)
    beyond: list[str] = field(default_factory=list)
    watch: dict[str, int] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    not_before: str = ""

    @classmethod
    def resume(cls, cursor: Mapping[str, Any], *, now: datetime) -> Walk:
        """The walk a cursor describes; ``{}`` or a finished one begins a new walk at ``now``.

        The cursor itself is left as it is: a failed poll is made again with it.
        """
        names = {f.name for f in fields(cls)}
        walk = cls(**{name: deepcopy(value) for name, value in cursor.items() if name in names})
        if not walk.started and not walk.doubts:
            walk.started = now.isoformat()
            walk.unseen = list(walk.watch)
        return walk

    def cursor(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @property
    def more(self) -> bool:
        """Is there something to do at once?"""
        return bool(self.started or self.doubts)

    def within_reach(self, rows: Sequence[dict[str, Any]], *, options: Options) -> list[Any]:
        """The rows young enough to be read at all."""
        oldest = datetime.fromisoformat(self.started) - options.reach
        return [row for row in rows if row["appliedAt"] >= oldest]

    def take(self, rows: Sequence[dict[str, Any]], *, has_next: bool, options: Options) -> None:
        """Note one page and decide whether the walk goes on."""
        edge = datetime.fromisoformat(self.started) - options.window
        room = (options.known_pages + 2) * ROWS_PER_PAGE
        self._watch_page(rows, edge=edge)
        older = [fingerprint(row["id"]) for row in rows if row["appliedAt"] < edge]
        all_known = 0 < len(older) == len(rows) and set(older) <= set(self.known)
        self.streak = self.streak + 1 if all_known else 0
        self.beyond = _first([*self.beyond, *older], limit=room)
        at_end = not has_next or len(self.within_reach(rows, options=options)) < len(rows)
        may_stop = self.walks >= WHOLE_WALKS and self.streak >= options.known_pages
        self.page += 1
        if at_end or may_stop:
            self._finish(room=room)

    def forget(self, candidacy_id: str) -> None:
        """Stop watching a case that is no rejection any more."""
        self.watch.pop(candidacy_id, None)

    def _watch_page(self, rows: Sequence[dict[str, Any]], *, edge: datetime) -> None:
        """Cases beyond the window are not watched: a walk may stop before it meets them."""
        since = datetime.fromisoformat(self.started) - WATCH_FOR
        met = {row["id"] for row in rows}
        self.unseen = [known for known in self.unseen if known not in met]
        for row in rows:
            self.watch.pop(row["id"], None)
            rejected = state_of(row) is ApplicationState.REJECTED
            if rejected and row["appliedAt"] >= edge and changed_at(row) >= since:
                self.watch[row["id"]] = int(changed_at(row).timestamp())

    def _finish(self, *, room: int) -> None:
        since = datetime.fromisoformat(self.started) - WATCH_FOR
        latest = sorted(self.watch.items(), key=lambda item: item[1], reverse=True)
        self.watch = {known: at for known, at in latest[:WATCH_AT_MOST] if at >= since.timestamp()}
        self.doubts = [known for known in self.unseen if known in self.watch]
        self.known = _first([*self.beyond, *self.known], limit=room)
        self.walks = min(WHOLE_WALKS, self.walks + 1)
        self.page, self.streak, self.started = 1, 0, ""
        self.beyond, self.unseen = [], []


def fingerprint(candidacy_id: str) -> str:
    """48 bits are plenty: a collision could only end a walk one page early."""
    return hashlib.blake2b(candidacy_id.encode(), digest_size=6).hexdigest()


def _first(items: Sequence[str], *, limit: int) -> list[str]:
    return list(dict.fromkeys(items))[:limit]
