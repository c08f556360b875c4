"""One company's BambooHR account: the roll call, the comment, and what a record means."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from marshmallow import fields

from careerrelay.connectors import (
    AccessToken,
    ApiNotFoundError,
    Application,
    ApplicationEvent,
    ApplicationState,
    CamelCaseSchema,
    Candidate,
    Channel,
    Check,
    Connector,
    EventKind,
    ExternalId,
    IsoDateTime,
    Job,
    OptionalList,
    OptionalPart,
    OptionalText,
    Policy,
    PollPage,
    Probe,
    Reason,
    RegistrationReport,
    RejectionSide,
    VendorApi,
    listed,
    run_probes,
    snapshot_event,
)

from .roll import Roll
from .spec import SPEC

ROOT = ("api", "v1", "applicant_tracking")
ACCESS = "of a user with access to the applicant tracking settings"
REMEMBERED = timedelta(days=365)
KEYS = "your name (lower left) > API Keys"


class StatusSchema(CamelCaseSchema):
    """A number in applications, a text in the list of statuses."""

    id = ExternalId(required=True)
    label = OptionalText()
    name = OptionalText()
    date_changed = IsoDateTime(load_default=None, allow_none=True)


class ApplicantSchema(CamelCaseSchema):
    id = ExternalId(required=True)
    first_name = OptionalText()
    last_name = OptionalText()
    email = OptionalText()
    source = OptionalText()


class TitleSchema(CamelCaseSchema):
    label = OptionalText()


class JobSchema(CamelCaseSchema):
    id = ExternalId(required=True)
    title = OptionalPart(TitleSchema)


class RowSchema(CamelCaseSchema):
    """A row of the list, which does not say since when a status stands."""

    id = ExternalId(required=True)
    status = fields.Nested(StatusSchema, required=True)
    applicant = fields.Nested(ApplicantSchema, required=True)


class ListSchema(CamelCaseSchema):
    applications = fields.List(fields.Nested(RowSchema), required=True)
    next_page_url = OptionalText()


class RecordSchema(RowSchema):
    applied_date = IsoDateTime(required=True)
    job = OptionalPart(JobSchema)
    moved_to = OptionalList(fields.Raw())
    referred_by = OptionalText()
    comment_count = fields.Integer(required=True, strict=True)


class CreatedSchema(CamelCaseSchema):
    id = ExternalId(required=True)


class BambooHrConnector(Connector):
    """Who is in a status that ends a case, compared with who was in it the last time."""

    spec = SPEC

    def prepare(self) -> None:
        self._policy = Policy.read(self.settings)
        self._rejected = listed(self.settings, name="rejected_status_ids")
        self._withdrawn = listed(self.settings, name="withdrawn_status_ids") - self._rejected
        # The key is the user's name of HTTP Basic, with any password.
        pair = base64.b64encode(f"{self.settings['api_key']}:x".encode()).decode()
        self._api = VendorApi(
            self.http,
            url=self.settings["api_url"],
            # Old endpoints answer in XML unless told otherwise.
            headers={"Authorization": f"Basic {pair}", "Accept": "application/json"},
            setting="api_key",
        )

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,  # noqa: ARG002 - an applicant has one application
    ) -> Application:
        return self._application(self._record(application_id))

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """A page of whose case has ended, or one look at somebody who left that list."""
        since = (self.clock() - self._policy.history).strftime("%Y-%m-%d %H:%M:%S")
        roll = Roll.resume(cursor, since=since)
        events = [self._settle(roll)] if roll.doubts else self._call(roll)
        return PollPage(tuple(events), roll.cursor(), more=roll.more)

    def _call(self, roll: Roll) -> list[ApplicationEvent]:
        ends = ",".join(sorted(self._rejected | self._withdrawn))
        params = {"applicationStatusId": ends, "newSince": roll.since}
        found, page = self._page(dict(parse_qsl(roll.page)) or params)
        if page and page == roll.page:
            self.fail_response("list applications", "a next page that goes on")
        news = [row for row in found if roll.answers(*_ids(row))]
        roll.turn(page)
        return [self._hint(row) for row in news]

    def _hint(self, row: Mapping[str, Any]) -> ApplicationEvent:
        """Since when, only the record says."""
        return ApplicationEvent(
            EventKind.CHANGED,
            self.clock(),
            application_id=row["id"],
            candidate_id=row["applicant"]["id"],
            ats_event=f"status {row['status']['id']}",
        )

    def _settle(self, roll: Roll) -> ApplicationEvent:
        """Taken back, moved on, deleted; or only too long ago for the list."""
        case = roll.doubts.pop(0)
        status, person = roll.known.pop(case)
        try:
            found = self.fetch_application(case)
        except ApiNotFoundError:
            return ApplicationEvent(
                EventKind.ERASED,
                self.clock(),
                candidate_id=person,
                application_ids=(case,),
                ats_event="deleted",
            )
        if found.state is not ApplicationState.ACTIVE and _stamp(found.applied_at) > roll.since:
            # Still in such a status: the pages moved while they were read.
            roll.known[case] = [status, person]
        return snapshot_event(found, ats_event="left the list")

    def _page(self, params: Mapping[str, str]) -> tuple[list[dict[str, Any]], str]:
        """``nextPageUrl`` is a URL; only its query is followed, at the address of the setting."""
        found = self._get(("applications",), ListSchema(), "list applications", params)
        page = urlsplit(found["next_page_url"]).query
        if page and not parse_qsl(page):
            self.fail_response("list applications", "a next page that goes on")
        return found["applications"], urlencode(parse_qsl(page))

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """One comment. Comments cannot be read, but counted: how many there were before our first
        try is kept, and once there are more, ours is among them."""
        case = application.external_id
        count = self._record(case)["comment_count"]
        first = self.tokens.replace(
            f"bamboohr:comments before {report.marker}",
            lambda: AccessToken(str(count), self.clock() + REMEMBERED),
            seen=None,
        )
        if count > int(first.value):
            return
        self._api.call(
            "POST",
            (*ROOT, "applications", case, "comments"),
            operation="add a comment",
            permission=ACCESS,
            json={"type": "comment", "comment": report.text},
        ).read(CreatedSchema())

    def reasons(self) -> Sequence[Reason]:
        """The statuses that the settings name, for what a status says beyond that."""
        found = {status["id"]: status["name"] for status in self._statuses()}
        return [
            Reason(id_, name, side)
            for id_, name in found.items()
            if (side := self._side(id_)) is not RejectionSide.UNKNOWN
        ]

    def check(self) -> list[Check]:
        remedy = "Give the key's user access to the applicant tracking settings in BambooHR."
        probes = [
            Probe("statuses", self._known_statuses, remedy),
            Probe("applications", self._other_ends, remedy),
        ]
        told = f"Make a key under {KEYS}, type it in api_key, and check api_url."
        return run_probes(probes, credentials="api_key", remedy=told)

    def _known_statuses(self) -> Check | str:
        there = {status["id"] for status in self._statuses()}
        unknown = sorted((self._rejected | self._withdrawn) - there)
        if not unknown:
            return f"{len(there)} statuses, {len(self._rejected)} of them mean a rejection"
        what = f"no status has the id {', '.join(unknown)}"
        told = "Take the ids in rejected_status_ids and withdrawn_status_ids from the guide's list."
        return Check("statuses", False, what, told)

    def _other_ends(self) -> str:
        """Statuses in use that end a case, and of which no setting says whose end it is."""
        found, _ = self._page({"applicationStatus": "INACTIVE"})
        ends = {row["status"]["id"]: row["status"]["label"] for row in found}
        open_ = {id_ for id_ in ends if self._side(id_) is RejectionSide.UNKNOWN}
        others = sorted(f"{id_} ({ends[id_]})" for id_ in open_)
        if others:
            return f"in no setting, so nobody gets a link: {', '.join(others)}"
        return "every status that ended a case is in a setting"

    def _side(self, status: str) -> RejectionSide:
        if status in self._rejected:
            return RejectionSide.COMPANY
        return RejectionSide.CANDIDATE if status in self._withdrawn else RejectionSide.UNKNOWN

    def _application(self, record: Mapping[str, Any]) -> Application:
        person, status, job = record["applicant"], record["status"], record["job"]
        side = self._side(status["id"])
        state = STATES[side]
        if record["moved_to"]:
            state = ApplicationState.ACTIVE  # The person goes on, in an application of its own.
        changed_at: datetime = status["date_changed"] or record["applied_date"]
        rejected = state is ApplicationState.REJECTED
        referred = Channel.REFERRAL if record["referred_by"] else Channel.UNKNOWN
        return Application(
            external_id=record["id"],
            candidate=Candidate(
                person["id"],
                emails=(person["email"],) if person["email"] else (),
                family_name=person["last_name"],
                given_name=person["first_name"],
            ),
            state=state,
            changed_at=changed_at,
            job=Job(job["id"], (job["title"] or {"label": ""})["label"]) if job else None,
            reason=None
            if state is ApplicationState.ACTIVE
            else Reason(status["id"], status["label"], side),
            stage_text=status["label"],
            channel=self._policy.channel(person["source"], otherwise=referred),
            applied_at=record["applied_date"],
            notice_after=self._policy.notice_after(changed_at) if rejected else None,
        )

    def _record(self, case: str) -> dict[str, Any]:
        return self._get(("applications", case), RecordSchema(), "get an application")

    def _statuses(self) -> list[dict[str, Any]]:
        return self._get(("statuses",), StatusSchema(many=True), "list statuses")

    def _get(
        self,
        path: tuple[str, ...],
        schema: CamelCaseSchema,
        operation: str,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        return self._api.get(
            (*ROOT, *path), schema=schema, operation=operation, permission=ACCESS, params=params
        )


STATES = {
    RejectionSide.COMPANY: ApplicationState.REJECTED,
    RejectionSide.CANDIDATE: ApplicationState.WITHDRAWN,
    RejectionSide.UNKNOWN: ApplicationState.ACTIVE,
}


def _ids(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["id"], row["status"]["id"], row["applicant"]["id"]


def _stamp(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else ""
