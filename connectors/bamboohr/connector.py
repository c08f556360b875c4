"""One company's BambooHR account: the roll call, the comment, and what a record means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import fields

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState, RejectionSide

from .roll import Roll
from .spec import SPEC

ROOT = ("api", "v1", "applicant_tracking")
ACCESS = "of a user with access to the applicant tracking settings"
Query = Mapping[str, str] | None
REMEMBERED = timedelta(days=365)
KEYS = "your name (lower left) > API Keys"
STATES = {
    RejectionSide.COMPANY: ApplicationState.REJECTED,
    RejectionSide.CANDIDATE: ApplicationState.WITHDRAWN,
    RejectionSide.UNKNOWN: ApplicationState.ACTIVE,
}

# Ids are numbers in applications and texts in the list of statuses.
STATUS = kit.CamelCaseSchema.of(
    id=kit.ExternalId(required=True),
    label=kit.OptionalText(),
    name=kit.OptionalText(),
    date_changed=kit.OptionalTime(),
)
APPLICANT = kit.CamelCaseSchema.of(
    id=kit.ExternalId(required=True),
    first_name=kit.OptionalText(),
    last_name=kit.OptionalText(),
    email=kit.Addresses(),
    source=kit.OptionalText(),
)
TITLE = kit.CamelCaseSchema.of(label=kit.OptionalText())
JOB = kit.CamelCaseSchema.of(id=kit.ExternalId(required=True), title=kit.OptionalPart(TITLE))
CREATED = kit.CamelCaseSchema.of(id=kit.ExternalId(required=True))


class RowSchema(kit.CamelCaseSchema):
    """A row of the list, which does not say since when a status stands."""

    id = kit.ExternalId(required=True)
    status = fields.Nested(STATUS, required=True)
    applicant = fields.Nested(APPLICANT, required=True)


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
        self._policy = kit.Policy.read(self.settings)
        names = ("rejected_status_ids", "withdrawn_status_ids")
        self._rejected, self._withdrawn = kit.named_ends(self.settings, *names)
        self._api = kit.VendorApi(
            self.http,
            url=self.settings["api_url"],
            # Old endpoints answer in XML unless told otherwise.
            headers={"Accept": "application/json"},
            auth=(self.settings["api_key"], "x"),
            setting="api_key",
            reads=ACCESS,
        )

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,  # noqa: ARG002 - an applicant has one application
    ) -> kit.Application:
        return self._application(self._record(application_id))

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """A page of whose case has ended, or one look at somebody who left that list."""
        since = (self.clock() - self._policy.history).strftime("%Y-%m-%d %H:%M:%S")
        roll = Roll.resume(cursor, since=since)
        events = [self._settle(roll)] if roll.doubts else self._call(roll)
        return kit.PollPage(tuple(events), roll.cursor(), more=roll.more)

    def _call(self, roll: Roll) -> list[kit.ApplicationEvent]:
        ends = ",".join(sorted(self._rejected | self._withdrawn))
        params = {"applicationStatusId": ends, "newSince": roll.since}
        found, page = self._page(dict(parse_qsl(roll.page)) or params)
        if page and page == roll.page:
            self.fail_response("list applications", "another page than this one")
        news = [row for row in found if roll.answers(*_ids(row))]
        roll.turn(page)
        return [self._hint(row) for row in news]

    def _hint(self, row: Mapping[str, Any]) -> kit.ApplicationEvent:
        """Since when, only the record says."""
        return kit.ApplicationEvent(
            kit.EventKind.CHANGED,
            self.clock(),
            application_id=row["id"],
            candidate_id=row["applicant"]["id"],
            ats_event=f"status {row['status']['id']}",
        )

    def _settle(self, roll: Roll) -> kit.ApplicationEvent:
        """Taken back, moved on, deleted; or only too long ago for the list."""
        case = roll.doubts.pop(0)
        status, person = roll.known.pop(case)
        try:
            found = self.fetch_application(case)
        except kit.ApiNotFoundError:
            return kit.ApplicationEvent(
                kit.EventKind.ERASED,
                self.clock(),
                candidate_id=person,
                application_ids=(case,),
                ats_event="deleted",
            )
        if found.state is not ApplicationState.ACTIVE and _stamp(found.applied_at) > roll.since:
            # Still in such a status: the pages moved while they were read.
            roll.known[case] = [status, person]
        return kit.snapshot_event(found, ats_event="left the list")

    def _page(self, params: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
        found = self._get(("applications",), LIST(), "list applications", params)
        page = kit.query_of(found["next_page_url"])
        if found["next_page_url"] and not page:
            self.fail_response("list applications", "what to ask for on the next page")
        return found["applications"], page

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
        self._api.call(
            "POST",
            (*ROOT, "applications", case, "comments"),
            operation="add a comment",
            json={"type": "comment", "comment": report.text},
        ).read(CREATED())

    def reasons(self) -> Sequence[kit.Reason]:
        """The statuses that the settings name, for what a status says beyond that."""
        found = {status["id"]: status["name"] for status in self._statuses()}
        return [
            kit.Reason(id_, name, side)
            for id_, name in found.items()
            if (side := self._side(id_)) is not RejectionSide.UNKNOWN
        ]

    def check(self) -> list[kit.Check]:
        remedy = "Give the key's user access to the applicant tracking settings in BambooHR."
        probes = [
            kit.Probe("statuses", self._known_statuses, remedy),
            kit.Probe("applications", self._other_ends, remedy),
        ]
        told = f"Make a key under {KEYS}, type it in api_key, and check api_url."
        return kit.run_probes(probes, credentials="api_key", remedy=told)

    def _known_statuses(self) -> kit.Check | str:
        there = {status["id"] for status in self._statuses()}
        unknown = sorted((self._rejected | self._withdrawn) - there)
        if not unknown:
            return f"{len(there)} statuses, {len(self._rejected)} of them mean a rejection"
        what = f"no status has the id {', '.join(unknown)}"
        told = "Take the ids in rejected_status_ids and withdrawn_status_ids from the guide's list."
        return kit.Check("statuses", False, what, told)

    def _other_ends(self) -> str:
        """Statuses in use that end a case, and of which no setting says whose end it is."""
        found, _ = self._page({"applicationStatus": "INACTIVE"})
        ends = {row["status"]["id"]: row["status"]["label"] for row in found}
        open_ = {id_ for id_ in ends if self._side(id_) is RejectionSide.UNKNOWN}
        others = sorted(f"{id_} ({ends[id_]})" for id_ in open_)
        return f"ends in no setting, so nobody gets a link: {', '.join(others) or 'none'}"

    def _side(self, status: str) -> RejectionSide:
        if status in self._rejected:
            return RejectionSide.COMPANY
        return RejectionSide.CANDIDATE if status in self._withdrawn else RejectionSide.UNKNOWN

    def _application(self, record: Mapping[str, Any]) -> kit.Application:
        person, status, job = record["applicant"], record["status"], record["job"]
        side = self._side(status["id"])
        state = STATES[side]
        if record["moved_to"]:
            state = ApplicationState.ACTIVE  # The person goes on, in an application of its own.
        changed_at: datetime = status["date_changed"] or record["applied_date"]
        rejected = state is ApplicationState.REJECTED
        referred = kit.Channel.REFERRAL if record["referred_by"] else kit.Channel.UNKNOWN
        return kit.Application(
            external_id=record["id"],
            candidate=kit.Candidate(
                person["id"],
                emails=person["email"],
                family_name=person["last_name"],
                given_name=person["first_name"],
            ),
            state=state,
            changed_at=changed_at,
            job=kit.Job(job["id"], (job["title"] or {"label": ""})["label"]) if job else None,
            reason=None
            if state is ApplicationState.ACTIVE
            else kit.Reason(status["id"], status["label"], side),
            stage_text=status["label"],
            channel=self._policy.channel(person["source"], otherwise=referred),
            applied_at=record["applied_date"],
            notice_after=self._policy.notice_after(changed_at) if rejected else None,
        )

    def _record(self, case: str) -> dict[str, Any]:
        return self._get(("applications", case), RecordSchema(), "get an application")

    def _statuses(self) -> list[dict[str, Any]]:
        return self._get(("statuses",), STATUS(many=True), "list statuses")

    def _get(
        self, path: tuple[str, ...], schema: kit.PayloadSchema, what: str, params: Query = None
    ) -> Any:
        return self._api.get((*ROOT, *path), schema=schema, operation=what, params=params)


def _ids(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["id"], row["status"]["id"], row["applicant"]["id"]


def _stamp(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""
