"""One company's Workable account: polling, the comment, the tags, and what a record means."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from marshmallow import fields

from careerrelay.connectors import (
    ApiNotFoundError,
    Application,
    ApplicationEvent,
    ApplicationState,
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
    PayloadSchema,
    Policy,
    PollPage,
    Probe,
    Reason,
    RegistrationReport,
    RejectionSide,
    Stage,
    UnknownEventError,
    VendorApi,
    WebhookRequest,
    Window,
    current_secret,
    hmac_sha256_hex,
    read_json,
    run_probes,
    verify_hmac,
)

from .spec import SPEC

SIGNATURE = "x-workable-signature"
PAGE = 100
SWEEP = timedelta(days=1)
READ, WRITE = "r_candidates", "w_candidates"
TOKENS = "Settings > Integrations > Access tokens"
STAGES = {"applied": Stage.DOCUMENTS, "shortlisted": Stage.DOCUMENTS, "offer": Stage.OFFER}


class JobSchema(PayloadSchema):
    shortcode = ExternalId(required=True)
    title = OptionalText()


class RowSchema(PayloadSchema):
    """A row of the list, which knows neither who ended a case nor when."""

    id = ExternalId(required=True)
    updated_at = IsoDateTime(required=True)
    disqualified = fields.Boolean(load_default=False, allow_none=True)


class CandidateSchema(RowSchema):
    """The single record. Samples: https://workable.readme.io/reference/job-candidates-show"""

    firstname = OptionalText()
    lastname = OptionalText()
    email = OptionalText()
    job = OptionalPart(JobSchema)
    stage = OptionalText()
    stage_kind = OptionalText()
    disqualified_at = IsoDateTime(load_default=None, allow_none=True)
    disqualification_reason = OptionalText()
    withdrew = fields.Boolean(load_default=False, allow_none=True)
    anonymized = fields.Boolean(load_default=False, allow_none=True)
    hired_at = IsoDateTime(load_default=None, allow_none=True)
    sourced = fields.Boolean(load_default=False, allow_none=True)
    profile_url = fields.String(load_default=None, allow_none=True)
    outlet = OptionalText()
    common_source = OptionalText()
    created_at = IsoDateTime(required=True)
    tags = OptionalList(fields.String())


class OneSchema(PayloadSchema):
    candidate = fields.Nested(CandidateSchema, required=True)


class PagingSchema(PayloadSchema):
    next = OptionalText()


class ListSchema(PayloadSchema):
    candidates = fields.List(fields.Nested(RowSchema), required=True)
    paging = OptionalPart(PagingSchema)


class ActivitySchema(PayloadSchema):
    body = OptionalText()


class ActivitiesSchema(PayloadSchema):
    activities = fields.List(fields.Nested(ActivitySchema), required=True)
    paging = OptionalPart(PagingSchema)


class TagsSchema(PayloadSchema):
    tags = fields.List(fields.String(), required=True)


class CreatedSchema(PayloadSchema):
    id = ExternalId(required=True)


class ReasonSchema(PayloadSchema):
    description = fields.String(required=True)
    candidate_withdrew = fields.Boolean(required=True)


class MemberSchema(PayloadSchema):
    id = ExternalId(required=True)
    active = fields.Boolean(load_default=True, allow_none=True)


class MembersSchema(PayloadSchema):
    members = fields.List(fields.Nested(MemberSchema), required=True)
    paging = OptionalPart(PagingSchema)


class HookDataSchema(PayloadSchema):
    id = ExternalId(required=True)


class HookSchema(PayloadSchema):
    """``data`` is documented; the name of the event is not, so it may be missing."""

    event_type = OptionalText()
    data = fields.Nested(HookDataSchema, required=True)


class WorkableConnector(Connector):
    """Polling first; web hooks only say that it is time to look."""

    spec = SPEC

    def prepare(self) -> None:
        self._policy = Policy.read(self.settings)
        self._api = VendorApi(
            self.http,
            url=self.settings["api_url"],
            headers={"Authorization": f"Bearer {current_secret(self.settings['api_token'])}"},
            setting="api_token",
        )

    def verify_webhook(self, request: WebhookRequest) -> None:
        verify_hmac(
            request.body,
            signature=request.headers.get(SIGNATURE),
            secrets=self.settings["api_token"],
            where="the header X-Workable-Signature",
            setting="api_token",
        )

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        signature = hmac_sha256_hex(current_secret(self.settings["api_token"]), request.body)
        return dataclasses.replace(request, headers={**request.headers, SIGNATURE: signature})

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        """Go and look. A deletion is believed where the record is gone."""
        hook = HookSchema().read(read_json(request.body))
        name = hook["event_type"]
        if name and name not in SPEC.events:
            raise UnknownEventError("Workable sent an event that is not one about candidates")
        kind = EventKind.ERASED if name == "candidate_deleted" else EventKind.CHANGED
        return [
            ApplicationEvent(
                kind, request.received_at, application_id=hook["data"]["id"], ats_event=name
            )
        ]

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,  # noqa: ARG002 - the record is both
    ) -> Application:
        return _application(self._candidate(application_id), self._policy)

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """What changed; once a day, and the first time, whoever is disqualified at all."""
        now, swept = self.clock(), cursor.get("swept", "")
        window = Window.resume(cursor, now=now, history=self._policy.history)
        due = not swept or now - datetime.fromisoformat(swept) >= SWEEP
        if due and not window.page:
            window = Window(now - self._policy.history, now, whole=True)
        found, page = self._page(window)
        rows = [row for row in found if row["disqualified"] or not window.whole]
        turned = window.turned([_hint(row) for row in rows], page=page)
        if window.whole and not page:
            swept = window.until.isoformat()
        return PollPage(turned.events, {**turned.cursor, "swept": swept}, turned.more)

    def _page(self, window: Window) -> tuple[list[dict[str, Any]], str]:
        """``paging.next`` is a URL; only its query is followed, at the address of the setting."""
        first = {"updated_after": window.since.isoformat(), "limit": str(PAGE)}
        params = dict(parse_qsl(window.page)) or first
        found = self._get(("candidates",), ListSchema(), "list candidates", params=params)
        page = urlsplit((found["paging"] or {"next": ""})["next"]).query
        if page and (page == window.page or not parse_qsl(page)):
            self.fail_response("list candidates", "a next page that goes on")
        return found["candidates"], urlencode(parse_qsl(page))

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """Tag, comment, attribute; each only where it is not there yet."""
        case = application.external_id
        self._tag(case, report.tag)
        if not any(report.marker in text for text in self._comments(case)):
            comment = {"body": report.text}
            body = {"member_id": self.settings["member_id"], "comment": comment}
            self._send("POST", case, "comments", body).read(CreatedSchema())
        if key := self.settings["report_attribute"]:
            body = {"custom_attribute_key": key, "value": report.text}
            try:
                self._send("PATCH", case, "update_custom_attribute_value", body)
            except ApiNotFoundError:
                return  # The attribute is not on this job; comment and tag say it all the same.

    def _tag(self, case: str, tag: str) -> None:
        """PUT replaces all tags: read, merge, write, and read again."""
        before = self._candidate(case)["tags"]
        if tag in before:
            return
        self._send("PUT", case, "tags", {"tags": [*before, tag]}).read(TagsSchema())
        lost = {*before, tag} - set(self._candidate(case)["tags"])
        if lost:
            self.fail_response("write tags", "the tags it was sent")

    def _comments(self, case: str) -> list[str]:
        params: dict[str, str] = {"actions": "comment"}
        texts: list[str] = []
        while True:
            path = ("candidates", case, "activities")
            found = self._get(path, ActivitiesSchema(), "list activities", params=params)
            texts += [activity["body"] for activity in found["activities"]]
            following = dict(parse_qsl(urlsplit((found["paging"] or {"next": ""})["next"]).query))
            if not following or following == params or not found["activities"]:
                return texts
            params = following

    def reasons(self) -> Sequence[Reason]:
        """By their text, which is all that a candidate's record says."""
        path = ("disqualification_reasons",)
        schema = ReasonSchema(many=True)
        sides = {False: RejectionSide.COMPANY, True: RejectionSide.CANDIDATE}
        return [
            Reason(found["description"], found["description"], sides[found["candidate_withdrew"]])
            for found in self._get(path, schema, "list disqualification reasons")
        ]

    def check(self) -> list[Check]:
        one = Window(self.clock(), self.clock())
        probes = [
            Probe("candidates", lambda: self._page(one) and READ, f"Add {READ} under {TOKENS}."),
            Probe("reasons", lambda: f"{len(self.reasons())} reasons", f"Add r_jobs at {TOKENS}."),
            Probe("member_id", self._member, f"Add r_jobs under {TOKENS}."),
        ]
        remedy = f"Make a token under {TOKENS}, type it in api_token, and check api_url."
        return run_probes(probes, credentials="api_token", remedy=remedy)

    def _member(self) -> Check | str:
        params = {"limit": "100", "status": "active"}
        found = self._get(("members",), MembersSchema(), "list members", params=params)
        if any(m["id"] == self.settings["member_id"] and m["active"] for m in found["members"]):
            return "an active member"
        what = "no active member has the id in member_id"
        return Check("member_id", False, what, "Type the id of an active member in member_id.")

    def _candidate(self, case: str) -> dict[str, Any]:
        return self._get(("candidates", case), OneSchema(), "get a candidate")["candidate"]

    def _get(
        self,
        path: tuple[str, ...],
        schema: PayloadSchema,
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        return self._api.get(
            path, schema=schema, operation=operation, permission=READ, params=params
        )

    def _send(self, method: str, case: str, what: str, body: Mapping[str, Any]) -> Any:
        path = ("candidates", case, what)
        return self._api.call(method, path, operation=f"write {what}", permission=WRITE, json=body)


def _hint(row: Mapping[str, Any]) -> ApplicationEvent:
    """The name tells two looks at one moment apart, should a change not move updated_at."""
    return ApplicationEvent(
        EventKind.CHANGED,
        row["updated_at"],
        application_id=row["id"],
        candidate_id=row["id"],
        ats_event="disqualified" if row["disqualified"] else "open",
    )


def _application(record: Mapping[str, Any], policy: Policy) -> Application:
    state = _state(record)
    erased = state is ApplicationState.ERASED
    changed_at = _changed_at(record, state)
    job = record["job"]
    scouted = Channel.SCOUT if record["sourced"] else Channel.UNKNOWN
    return Application(
        external_id=record["id"],
        candidate=Candidate(
            record["id"],
            emails=(record["email"],) if record["email"] and not erased else (),
            family_name="" if erased else record["lastname"],
            given_name="" if erased else record["firstname"],
        ),
        state=state,
        changed_at=changed_at,
        job=Job(job["shortcode"], job["title"]) if job else None,
        reason=_reason(record, state),
        stage=STAGES.get(record["stage_kind"], Stage.UNKNOWN),
        stage_text=record["stage"],
        channel=policy.channel(record["common_source"], record["outlet"], otherwise=scouted),
        flags=policy.flags(record["tags"]),
        applied_at=record["created_at"],
        notice_after=policy.notice_after(changed_at)
        if state is ApplicationState.REJECTED
        else None,
        ats_url=record["profile_url"],
    )


def _state(record: Mapping[str, Any]) -> ApplicationState:
    if record["anonymized"]:
        return ApplicationState.ERASED
    if record["disqualified"]:
        withdrew = record["withdrew"]
        return ApplicationState.WITHDRAWN if withdrew else ApplicationState.REJECTED
    hired = record["hired_at"] or record["stage_kind"] == "hired"
    return ApplicationState.HIRED if hired else ApplicationState.ACTIVE


def _changed_at(record: Mapping[str, Any], state: ApplicationState) -> datetime:
    """Our own tags move ``updated_at``, never these."""
    ended = {
        ApplicationState.REJECTED: record["disqualified_at"],
        ApplicationState.WITHDRAWN: record["disqualified_at"],
        ApplicationState.HIRED: record["hired_at"],
    }
    return ended.get(state) or record["updated_at"]


def _reason(record: Mapping[str, Any], state: ApplicationState) -> Reason | None:
    sides = {
        ApplicationState.REJECTED: RejectionSide.COMPANY,
        ApplicationState.WITHDRAWN: RejectionSide.CANDIDATE,
    }
    text = record["disqualification_reason"]
    return Reason(text or "disqualified", text, sides[state]) if state in sides else None
