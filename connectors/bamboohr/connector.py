"""One company's BambooHR account: the roll call, the comment, and what a record means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState, RejectionSide

from .spec import SPEC

ACCESS = "of a user with access to the applicant tracking settings"
PAGES = 10
"""Pages in one go: all who are known are stored after each, and may be many."""
REMEMBERED = timedelta(days=365)
KEYS = "your name (lower left) > API Keys"

# Ids are numbers in applications and texts in the list of statuses.
STATUS = kit.CamelCaseSchema.of(
    id=kit.ExternalId(required=True),
    label=kit.OptionalText(),
    name=kit.OptionalText(),
    date_changed=kit.OptionalTime(),
)
TITLE = kit.CamelCaseSchema.of(label=kit.OptionalText())
JOB = kit.CamelCaseSchema.of(id=kit.ExternalId(required=True), title=kit.OptionalPart(TITLE))


class ApplicantSchema(kit.CamelCaseSchema, kit.PersonParts):
    id = kit.ExternalId(required=True)
    source = kit.OptionalText()


class RowSchema(kit.CamelCaseSchema):
    """A row of the list, which does not say since when a status stands."""

    id = kit.ExternalId(required=True)
    status = fields.Nested(STATUS, required=True)
    applicant = fields.Nested(ApplicantSchema, required=True)


class RecordSchema(RowSchema):
    applied_date = kit.IsoDateTime(required=True)
    job = kit.OptionalPart(JOB)
    moved_to = kit.OptionalList(fields.Raw())
    referred_by = kit.OptionalText()
    comment_count = fields.Integer(required=True, strict=True)


LIST = kit.CamelCaseSchema.of(
    applications=fields.List(fields.Nested(RowSchema), required=True),
    next_page_url=kit.OptionalText(),
)


class BambooHrConnector(kit.Connector):
    """Who is in a status that ends a case, compared with who was in it the last time."""

    spec = SPEC

    def prepare(self) -> None:
        names = {"rejected": "rejected_status_ids", "withdrawn": "withdrawn_status_ids"}
        self._ends = kit.Statuses.ends(self.settings, **names)
        self._ids = frozenset().union(*self._ends.names.values())
        self._api = kit.VendorApi(
            self.http,
            url=kit.join_url(self.settings["api_url"], "api", "v1", "applicant_tracking"),
            # Old endpoints answer in XML unless told otherwise.
            headers={"Accept": "application/json"},
            auth=(self.settings["api_key"], "x"),
            setting="api_key",
            reads=ACCESS,
        )

    def fetch_application(self, application_id: str) -> kit.Application:
        return self._application(self._record(application_id))

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Pages of whose case has ended, or one look at somebody who left that list."""
        roster = kit.Roster.resume(cursor, now=self.clock())
        if roster.doubts:
            return roster.turned([self._look(roster)])
        events = self._call(roster)
        for _ in range(PAGES - 1):
            events += self._call(roster) if roster.page else []
        return roster.turned(events)

    def _call(self, roster: kit.Roster) -> list[kit.ApplicationEvent]:
        """A page of the list. Since when, only the record says."""
        ends = ",".join(sorted(self._ids))
        first = {"applicationStatusId": ends, "newSince": self._oldest(roster.started)}
        found, page = self._page(kit.asked_of(roster.page, first=first))
        if page and page == roster.page:
            self.fail_response("list applications", "another page than this one")
        rows = {f"{row['id']}:{row['status']['id']}": row["applicant"]["id"] for row in found}
        new, now = roster.take(rows, page=page), self.clock()
        return [_hint(now, key, person) for key, person in rows.items() if key in new]

    def _look(self, roster: kit.Roster) -> kit.ApplicationEvent:
        """Taken back, in another status, deleted; or only too long ago for the list."""
        key = roster.doubts[0]
        (case, status), person = kit.split_pair(key), roster.known[key]
        event = self.looked_up(case, person=person, ats_event="left the list")
        found = event.application
        stays = found and found.reason and found.reason.external_id == status
        if found and stays and _stamp(found.applied_at) > self._oldest(roster.swept):
            roster.settle([key])  # The pages moved while they were read.
        else:
            roster.forget([key])
        return event

    def _oldest(self, began: str) -> str:
        """BambooHR filters by the day of application."""
        return _stamp(datetime.fromisoformat(began) - self.policy.history)

    def _page(self, params: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
        path, what = ("applications",), "list applications"
        found = self._api.get(path, schema=LIST(), operation=what, params=params)
        with self.reading(what):
            return found["applications"], kit.query_of(found["next_page_url"])

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """One comment. Comments cannot be read, but counted: how many there were before our first
        try is kept, and once there are more, ours is among them."""
        case = application.external_id
        count = self._record(case)["comment_count"]
        first = self.tokens.replace(
            f"bamboohr:comments before {report.marker}",
            lambda: kit.AccessToken(str(count), self.clock() + REMEMBERED),
            seen=None,
        )
        if count > int(first.value):
            return
        path, body = ("applications", case, "comments"), {"type": "comment", "comment": report.text}
        answer = self._api.call("POST", path, operation="add a comment", json=body)
        answer.read(kit.IdSchema())

    def reasons(self) -> Sequence[kit.Reason]:
        """The statuses that the settings name, for what a status says beyond that."""
        sides = [(s, self._ends.of(s["id"]).side) for s in self._statuses()]
        found = [kit.Reason(status["id"], status["name"], side) for status, side in sides]
        return [reason for reason in found if reason.side is not RejectionSide.UNKNOWN]

    def check(self) -> list[kit.Check]:
        remedy = "Give the key's user access to the applicant tracking settings in BambooHR."
        tried = {"statuses": self._known_statuses, "applications": self._other_ends}
        probes = [kit.Probe(name, call, remedy) for name, call in tried.items()]
        told = f"Make a key under {KEYS}, type it in api_key, and check api_url."
        return kit.run_probes(probes, credentials="api_key", remedy=told)

    def _known_statuses(self) -> kit.Check | str:
        there = {status["id"] for status in self._statuses()}
        unknown = sorted(self._ids - there)
        if not unknown:
            rejected = self._ends.names[ApplicationState.REJECTED]
            return f"{len(there)} statuses, {len(rejected)} of them mean a rejection"
        what = f"no status has the id {', '.join(unknown)}"
        return kit.Check("statuses", False, what, "Look the ids up again, as the guide says.")

    def _other_ends(self) -> str:
        """Statuses in use that end a case, and of which no setting says whose end it is."""
        found, _ = self._page({"applicationStatus": "INACTIVE"})
        ends = {row["status"]["id"]: row["status"]["label"] for row in found}
        open_ = {id_ for id_ in ends if self._ends.of(id_) is ApplicationState.ACTIVE}
        others = sorted(f"{id_} ({ends[id_]})" for id_ in open_)
        return f"ends in no setting, so nobody gets a link: {', '.join(others) or 'none'}"

    def _application(self, record: Mapping[str, Any]) -> kit.Application:
        person, status, job = record["applicant"], record["status"], record["job"]
        # Who was moved to another job goes on, in an application of its own.
        state = ApplicationState.ACTIVE if record["moved_to"] else self._ends.of(status["id"])
        changed_at: datetime = status["date_changed"] or record["applied_date"]
        ended = state is not ApplicationState.ACTIVE
        referred = kit.Channel.REFERRAL if record["referred_by"] else kit.Channel.UNKNOWN
        return kit.Application(
            external_id=record["id"],
            candidate=kit.person_of(person["id"], person),
            state=state,
            changed_at=changed_at,
            job=kit.Job(job["id"], (job["title"] or {"label": ""})["label"]) if job else None,
            reason=kit.Reason(status["id"], status["label"], state.side) if ended else None,
            stage_text=status["label"],
            channel=self.policy.channel(person["source"], otherwise=referred),
            applied_at=record["applied_date"],
            notice_after=self.policy.notice_after(changed_at, state),
        )

    def _record(self, case: str) -> dict[str, Any]:
        return self._api.get(("applications", case), schema=RecordSchema(), operation="get a case")

    def _statuses(self) -> list[dict[str, Any]]:
        return self._api.get(("statuses",), schema=STATUS(many=True), operation="list statuses")


def _hint(now: datetime, key: str, person: str) -> kit.ApplicationEvent:
    case, status = kit.split_pair(key)
    return kit.hint_event(case, at=now, person=person, ats_event=f"status {status}")


def _stamp(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""
