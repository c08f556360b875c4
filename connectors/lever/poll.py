"""Polling Lever: everything the web hooks would have told, for packages that have none.

A round walks five lists and then looks again at what it saw archived lately:

    archived   rejections and hires         archived_at, the overlap before the last one seen
    created    new opportunities            created_at, likewise
    updated    anonymised, un-archived      updated_at, likewise
    deleted    erased cases                 deleted_at, in windows of 29 days
    watched    un-archived                  known ids, one call each, some per round

Lever offers no list of un-archived opportunities and does not say which changes move
``updatedAt``, hence the last step. The cursor is saved after each page, so a restart goes on
at that page. https://hire.lever.co/developer/documentation#list-all-opportunities
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from careerrelay import connectors as kit
from careerrelay.connectors import Application, ApplicationEvent, ApplicationState, EventKind

from .client import LIST, LeverClient
from .records import OpportunitySchema, archived_at, is_anonymised

STEPS = ("archived", "created", "updated", "deleted", "watched")
OVERLAP = 10 * 60 * 1000  # Lists may lag behind the change; saying it twice is harmless.
WINDOW = 29 * 24 * 60 * 60 * 1000  # At most 30 days are reported to be answered.
DAY = 24 * 60 * 60 * 1000
WATCHED = 500
LOOKS_PER_ROUND = 50
LOOKS_PER_PAGE = 25
NAME = "opportunity"

Snapshot = Callable[[Mapping[str, Any]], Application]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where we are. Times in milliseconds; ``until`` 0: a new round begins.

    ``since`` is by step, ``seen`` the newest time met in this step, ``watch`` pairs of id and
    archiving time with the longest unlooked-at first, ``looks`` how many are left this round.
    """

    step: str = STEPS[0]
    until: int = 0
    since: Mapping[str, int] = field(default_factory=dict)
    seen: int = 0
    offset: str | None = None
    watch: list[Any] = field(default_factory=list)
    looks: int = 0

    def watching(self) -> dict[str, int]:
        """Archiving time by id."""
        return dict(self.watch)

    def opened(self, *, now: int, history_days: int) -> Cursor:
        """With its round begun. The very first goes back ``history_days``."""
        if self.until:
            return self
        first = now - history_days * DAY
        # What was anonymised before the first round shows in the lists of that round anyway.
        start = dict.fromkeys(STEPS[:-1], first) | {"updated": now}
        # What this round itself sees archived need not be looked at before the next one.
        looks = min(len(self.watch), LOOKS_PER_ROUND)
        return replace(self, until=now, since=start | dict(self.since), looks=looks)

    def after(self, *, newest: int, offset: str | None) -> Cursor:
        """One page further: the next page of this step, or the next step."""
        seen = max(self.seen, newest)
        if offset:
            return replace(self, seen=seen, offset=offset)
        since = dict(self.since) | {self.step: max(self.since[self.step], seen)}
        return replace(self, since=since, seen=0, offset=None, step=_step_after(self.step))


class Poll:
    """One call is one page. ``snapshot`` turns a record into an application."""

    def __init__(
        self,
        client: LeverClient,
        *,
        snapshot: Snapshot,
        watch_days: int,
        by: kit.Connector,
    ) -> None:
        self._client = client
        self._snapshot = snapshot
        self._watch_days = watch_days
        self._by = by

    def page(self, saved: Mapping[str, Any]) -> kit.PollPage:
        """The page at the cursor ``saved``; ``{}`` begins with the history."""
        cursor = Cursor(**saved).opened(
            now=int(self._by.clock().timestamp() * 1000),
            history_days=self._by.policy.history.days,
        )
        if cursor.step == "deleted":
            return self._deleted(cursor)
        if cursor.step == "watched":
            return self._watched(cursor)
        return self._listed(cursor)

    def _listed(self, cursor: Cursor) -> kit.PollPage:
        step = cursor.step
        page = self._client.opportunities(
            {
                f"{step}_at_start": cursor.since[step] - OVERLAP,
                f"{step}_at_end": cursor.until,
            },
            offset=cursor.offset or "",
        )
        steps = {"archived": self._archived, "created": self._created, "updated": self._updated}

        def read(row: Mapping[str, Any]) -> tuple[int, list[ApplicationEvent]]:
            record = OpportunitySchema().read(row)
            return _milliseconds(_time_of(record, step)), steps[step](record, cursor)

        found = kit.row_by_row(page.records, read, by=self._by, operation=LIST)
        told = [one for one in found if not isinstance(one, ApplicationEvent)]
        events = [event for _, of_one in told for event in of_one]
        newest = max((at for at, _ in told), default=0)
        after = self._watching(cursor, events).after(newest=newest, offset=page.next or None)
        # A row that was set aside says nothing yet of what is watched.
        return _page([*events, *(one for one in found if isinstance(one, ApplicationEvent))], after)

    def _archived(self, record: Mapping[str, Any], _: Cursor) -> list[ApplicationEvent]:
        application = self._snapshot(record)
        # Un-archived while we turned the pages: there is nothing to say about an archiving.
        active = application.state is ApplicationState.ACTIVE
        return [] if active else [kit.snapshot_event(application, ats_event=NAME)]

    def _created(self, record: Mapping[str, Any], cursor: Cursor) -> list[ApplicationEvent]:
        known = record["id"] in cursor.watching()
        if known or (archived_at(record) and not is_anonymised(record)):
            return []  # The archived list tells it, or a later step that it was taken back.
        application = self._snapshot(record)
        return [kit.snapshot_event(application, ats_event=NAME)]

    def _updated(self, record: Mapping[str, Any], cursor: Cursor) -> list[ApplicationEvent]:
        known = cursor.watching().get(record["id"])
        taken_back = known and not archived_at(record)
        if not taken_back and not is_anonymised(record):
            return []
        return [_look(self._snapshot(record), known=known)]

    def _deleted(self, cursor: Cursor) -> kit.PollPage:
        start = cursor.since["deleted"] - OVERLAP
        end = min(start + WINDOW, cursor.until)
        page = self._client.deleted(start=start, end=end, offset=cursor.offset or "")
        erased, at = EventKind.ERASED, _moment(end)
        events = [
            ApplicationEvent(erased, row["deleted_at"] or at, row["id"], ats_event="deleted")
            for row in page.records
        ]
        gone = {row["id"] for row in page.records}
        kept = [pair for pair in cursor.watch if pair[0] not in gone]
        after = replace(cursor, watch=kept).after(newest=end, offset=page.next or None)
        if after.step != "deleted" and end < cursor.until:
            after = replace(after, step="deleted")
        return _page(events, replace(after, looks=min(len(kept), cursor.looks)))

    def _watched(self, cursor: Cursor) -> kit.PollPage:
        count = min(cursor.looks, LOOKS_PER_PAGE)
        now, rest = cursor.watch[:count], cursor.watch[count:]
        found = [(pair, self._again(*pair)) for pair in now]
        events = [event for _, event in found if event]
        kept = [*rest, *(pair for pair, event in found if event is None)]
        left = replace(cursor, watch=kept, looks=cursor.looks - count)
        return _page(events, left if left.looks else replace(left, until=0, step=STEPS[0]))

    def _again(self, opportunity_id: str, known: int) -> ApplicationEvent | None:
        try:
            record = self._client.opportunity(opportunity_id)
        except kit.ApiNotFoundError:
            # Deleted: the deleted list says so. Or turned confidential: nothing ended.
            return None
        if archived_at(record) and not is_anonymised(record):
            return None
        return _look(self._snapshot(record), known=known)

    def _watching(self, cursor: Cursor, events: Sequence[ApplicationEvent]) -> Cursor:
        """With fresh rejections added, and what was taken back or grew old dropped."""
        watch = cursor.watching()
        for event in events:
            case = event.application_id or ""
            watch.pop(case, None)
            if event.kind is EventKind.REJECTED:
                watch[case] = _milliseconds(event.occurred_at)
        oldest = cursor.until - self._watch_days * DAY
        kept = [[case, at] for case, at in watch.items() if at > oldest]
        return replace(cursor, watch=kept[-WATCHED:])


def _look(application: Application, *, known: int | None) -> ApplicationEvent:
    """What a second look found: taken back, or anonymised.

    Nobody documents that un-archiving moves ``updatedAt``; it did come after the archiving.
    """
    if application.state is ApplicationState.ERASED:
        return kit.snapshot_event(application, ats_event=NAME)
    later = max(application.changed_at, _moment((known or 0) + 1))
    found = kit.snapshot_event(replace(application, changed_at=later), ats_event=NAME)
    return replace(found, kind=EventKind.UNREJECTED)


def _time_of(record: Mapping[str, Any], step: str) -> datetime | None:
    if step == "archived":
        return archived_at(record)
    return record["created_at" if step == "created" else "updated_at"]


def _step_after(step: str) -> str:
    return STEPS[(STEPS.index(step) + 1) % len(STEPS)]


def _page(events: Sequence[ApplicationEvent], cursor: Cursor) -> kit.PollPage:
    return kit.PollPage(tuple(events), asdict(cursor), more=bool(cursor.until))


def _milliseconds(moment: datetime | None) -> int:
    return round(moment.timestamp() * 1000) if moment else 0


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
