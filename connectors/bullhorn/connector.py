"""One company's Bullhorn account: the queue of events, the search, the link field, the report."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from careerrelay import connectors as kit

from .client import BATCH, PAGE, READ_CASES, WRITE_CASES, Client
from .feed import Feed
from .records import Record, Words, since_when
from .session import USER, RestSession
from .spec import SPEC

TEXT = re.compile(r"customText([1-9]|1[0-9]|2[0-5])")
BLOCK = re.compile(r"customTextBlock[1-5]")
LONGEST = 100
"""Characters that a customText field takes."""
TELLING = frozenset(("status", "isDeleted", "candidate", "jobOrder"))
"""Properties of a submission whose change may change what we know."""
GONE = frozenset(("isDeleted", "isAnonymized"))
STOPPED = "massMailOptOut"
ENDED = (kit.ApplicationState.REJECTED, kit.ApplicationState.WITHDRAWN)
TOLD_OF_OTHERS = (*ENDED, kit.ApplicationState.ERASED)
SUPPORT = "Ask Bullhorn Support to give the API user"


class BullhornConnector(kit.Connector):
    """Events say which submissions to read; a batch of them is read with one call."""

    spec = SPEC

    def prepare(self) -> None:
        self._words = Words.read(self.settings)
        kit.whole_number(self.settings, name="monthly_calls", low=1, high=10_000_000)
        self._link_field = self._checked("link_field")
        self._report_field = self.settings["report_field"] and self._checked("report_field")
        if self._report_field == self._link_field:
            raise kit.ConfigurationError("report_field and link_field must be two fields")
        session = RestSession(self.http, self.tokens, self.settings, clock=self.clock)
        self._client = Client(session, subscription=self.settings["subscription"])
        self._stored: int | None = None
        """The batch that this object read last; the engine comes back with its id once it is
        stored, under a lock that lets nobody else poll meanwhile."""

    def _checked(self, setting: str) -> str:
        name = self.settings[setting].strip()
        if TEXT.fullmatch(name) or BLOCK.fullmatch(name):
            return name
        raise kit.ConfigurationError(
            f"{setting} must be one of customText1 to customText25 or customTextBlock1 to "
            "customTextBlock5"
        )

    def fetch_application(self, application_id: str) -> kit.Application:
        row = self._client.submission(application_id)
        if row["is_deleted"]:
            self.fail_missing("get a submission", "submission any more")
        return self._applications([row], {})[0]

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """First the subscription, so that nothing falls between it and the search of the past."""
        now = self.clock()
        if not cursor:
            return self._subscribe(since=now - self.policy.history)
        feed = Feed.resume(cursor)
        if feed.is_searching:
            return self._search(feed)
        if feed.is_lost(now):
            return self._subscribe(since=feed.known_until)
        if feed.wants_search(now):
            return feed.searching(now).turned((), more=True)
        return self._drain(feed)

    def _subscribe(self, *, since: datetime) -> kit.PollPage:
        last = self._client.subscribe()
        return Feed.subscribed(last, since=since, now=self.clock()).turned((), more=True)

    def _search(self, feed: Feed) -> kit.PollPage:
        rows = self._client.changed(feed.after, feed.start)
        later = feed.searched((r["date_last_modified"] for r in rows), full=len(rows) == PAGE)
        # Of an agency's candidates only who is gone: nobody's past is taken that leads nowhere.
        told = [row for row in rows if self._words.is_own(row) or self._is_gone(row)]
        return later.turned(self._told(told, {}), more=True)

    def _is_gone(self, row: Record) -> bool:
        return row["is_deleted"] or self._words.state(row) is kit.ApplicationState.ERASED

    def _drain(self, feed: Feed) -> kit.PollPage:
        """A queue that is not there (any more) is made again, and what it lost is searched for.

        One that was just made and cannot be read is an error to show. It is made again too, but
        the search waits for its day: an account that refuses us must not cost a search each time.
        """
        try:
            again = self._unstored(feed)
            if again is not None and again < feed.request:
                return self._subscribe(since=feed.known_until)
            batch = self._client.batch(again)
        except (kit.ApiNotFoundError, kit.ApiRequestError):
            if feed.fresh:
                self._client.subscribe()
                raise
            return self._subscribe(since=feed.known_until)
        events = batch["events"] if batch else []
        request = batch["request_id"] if batch else again or feed.request
        told = list(self._read(events))
        self._stored = request
        more = again is not None or len(events) >= BATCH
        return feed.drained(request, now=self.clock()).turned(told, more=more)

    def _unstored(self, feed: Feed) -> int | None:
        """The id of a batch that somebody took and died before its events were stored."""
        if self._stored is not None and self._stored == feed.request:
            return None
        self._stored = None
        last = self._client.last_request()
        return None if last == feed.request else last

    def _read(self, events: Sequence[Record]) -> Iterator[kit.ApplicationEvent]:
        """Two calls at most for all submissions of a batch, and one for people who may be gone."""
        cases = [e for e in events if e["entity_name"] == "JobSubmission" and _tells(e)]
        for event in cases:
            if event["entity_event_type"] == "DELETED":
                yield _erased(event["event_timestamp"], case=event["entity_id"])
        moved = {
            e["entity_id"]: e["event_timestamp"]
            for e in sorted(cases, key=lambda event: event["event_timestamp"])
            if "status" in e["updated_properties"]
        }
        ids = dict.fromkeys(e["entity_id"] for e in cases if e["entity_event_type"] != "DELETED")
        if ids:
            yield from self._told(self._client.submissions(ids), moved)
        yield from self._people([e for e in events if e["entity_name"] == "Candidate"])

    def _people(self, events: Sequence[Record]) -> Iterator[kit.ApplicationEvent]:
        doubts: dict[str, datetime] = {}
        for event in events:
            at, person = event["event_timestamp"], event["entity_id"]
            if event["entity_event_type"] == "DELETED":
                yield _erased(at, person=person)
            elif GONE & set(event["updated_properties"]):
                doubts[person] = at
            elif STOPPED in event["updated_properties"]:
                yield kit.ApplicationEvent(kit.EventKind.CHANGED, at, candidate_id=person)
        for person in self._client.people(doubts) if doubts else ():
            if person["is_deleted"] or person["is_anonymized"]:
                yield _erased(doubts.get(person["id"], self.clock()), person=person["id"])

    def _told(
        self, rows: Sequence[Record], moved: Mapping[str, datetime]
    ) -> Iterator[kit.ApplicationEvent]:
        """An agency's candidate at a client of its is told only when the case ends: the decision
        says why there is no link, and nobody else's data are taken."""
        for row in rows:
            if row["is_deleted"]:
                yield _erased(row["date_last_modified"], case=row["id"])
        wanted = [
            row
            for row in rows
            if not row["is_deleted"]
            and (self._words.is_own(row) or self._words.state(row) in TOLD_OF_OTHERS)
        ]
        for application in self._applications(wanted, moved):
            yield kit.snapshot_event(application, ats_event="JobSubmission")

    def _applications(
        self, rows: Sequence[Record], moved: Mapping[str, datetime]
    ) -> list[kit.Application]:
        ended = [row["id"] for row in rows if self._words.state(row) in ENDED]
        history = self._client.moves(ended) if ended else []
        return [
            self._words.application(
                row,
                moved_at=since_when(row, history, told=moved.get(row["id"]))
                if row["id"] in ended
                else None,
            )
            for row in rows
        ]

    def write_link(self, application: kit.Application, url: str, *, ours: str) -> None:
        self._fits(url)
        case, name = application.external_id, self._link_field
        kit.put_link(
            url,
            by=self,
            ours=ours,
            field=name,
            held=self._client.field(case, name),
            write=lambda value: self._client.set_field(case, name, value),
        )

    def _fits(self, url: str) -> None:
        """Refused before any call: a link that is cut off leads nowhere."""
        if TEXT.fullmatch(self._link_field) and len(url) > LONGEST:
            raise kit.ConfigurationError(
                f"the link has {len(url)} characters and the field {self._link_field} "
                f"(link_field) takes {LONGEST}: name a customTextBlock field there, or give "
                "CareerRelay a shorter address"
            )

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """Field, file, note; file and note carry the marker as their external id."""
        person, client = application.candidate.external_id, self._client
        if self.settings["report_file"] == "yes" and not any(
            report.marker in mark for mark in client.marks(person, "fileAttachments")
        ):
            client.add_file(person, mark=report.marker, text=report.text)
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(
                lambda: client.marks(person, "notes"),
                lambda text: client.add_note(self._note(application, text, report.marker)),
            ),
            field=(lambda _: client.set_field(application.external_id, field, report.tag[:LONGEST]))
            if (field := self._report_field)
            else None,
        )

    def _note(self, application: kit.Application, text: str, mark: str) -> dict[str, Any]:
        note: dict[str, Any] = {
            "action": self.settings["note_action"],
            "comments": html.escape(text, quote=False),
            "personReference": {"id": _number(application.candidate.external_id)},
            "externalID": mark,
        }
        if application.job:
            note["jobOrder"] = {"id": _number(application.job.external_id)}
        return note

    def check(self) -> list[kit.Check]:
        """Six cheap calls, none of which touches the queue."""
        needed = {
            "JobSubmission": ("READ_CORPORATE", "UPDATE_CORPORATE"),
            "Candidate": ("READ_CORPORATE",),
            "JobOrder": ("READ_CORPORATE",),
            "Note": ("CREATE",),
        }
        probes = [
            kit.Probe(
                f"{entity} entitlements",
                lambda entity=entity, words=words: self._entitled(entity, words),
                f"{SUPPORT} {READ_CASES}; {WRITE_CASES}.",
            )
            for entity, words in needed.items()
        ]
        probes += [
            kit.Probe("statuses", self._statuses, "Type the statuses in as Bullhorn has them."),
            kit.Probe(
                "link_field",
                self._described,
                "Enable the field in the field maps of the submission, or name another.",
            ),
        ]
        remedy = f"Type in {USER}, client_id and client_secret as Bullhorn Support gave them."
        return kit.run_probes(probes, credentials="api_username", remedy=remedy)

    def _entitled(self, entity: str, words: Sequence[str]) -> kit.Check | str:
        held = self._client.entitlements(entity)
        lacking = [word for word in words if word not in held]
        if not lacking:
            return ", ".join(words)
        name, which = f"{entity} entitlements", " and ".join(lacking)
        return kit.Check(name, False, f"lacks {which}", f"{SUPPORT} {entity} {which}.")

    def _statuses(self) -> kit.Check | str:
        every, rejected = self._client.statuses()
        names, there = self._words.statuses.names, {status.casefold() for status in every}
        unknown = sorted(frozenset().union(*(names[state] for state in ENDED)) - there)
        if unknown:
            detail = f"not among Bullhorn's: {', '.join(unknown)}"
            remedy = f"Bullhorn has {', '.join(every) or 'none'}."
            return kit.Check("statuses", False, detail, remedy)
        known = frozenset().union(*names.values())
        missing = [status for status in rejected if status.casefold() not in known]
        if missing:
            remedy = "Add it to rejected_statuses, or to withdrawn_statuses if it is one."
            detail = f"Bullhorn's own rejected status has no meaning: {', '.join(missing)}"
            return kit.Check("statuses", False, detail, remedy)
        return f"{len(names[ENDED[0]])} of {len(every)} are rejections"

    def _described(self) -> kit.Check | str:
        found = self._client.described(self._link_field)
        if found is None:
            remedy = "Enable it in the field maps of the submission, or name another."
            return kit.Check("link_field", False, f"no field {self._link_field}", remedy)
        size = f", {found['max_length']} characters" if found["max_length"] else ""
        return f"{found['label'] or self._link_field}{size}"


def _tells(event: Record) -> bool:
    """New, gone, or changed in something that matters: our own writing is none of it."""
    if event["entity_event_type"] != "UPDATED" or not event["updated_properties"]:
        return True
    return bool(TELLING & set(event["updated_properties"]))


def _erased(
    at: datetime, *, case: str | None = None, person: str | None = None
) -> kit.ApplicationEvent:
    return kit.ApplicationEvent(
        kit.EventKind.ERASED, at, application_id=case, candidate_id=person, ats_event="DELETED"
    )


def _number(id_: str) -> int | str:
    return int(id_) if id_.isascii() and id_.isdigit() else id_
