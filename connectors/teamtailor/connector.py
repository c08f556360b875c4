"""One company's Teamtailor account: JSON:API records in, our values out, and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from marshmallow import fields

from careerrelay.connectors import (
    Application,
    ApplicationEvent,
    ApplicationState,
    Candidate,
    Channel,
    Check,
    Connector,
    ExternalId,
    HttpResponse,
    IsoDateTime,
    Job,
    KebabCaseSchema,
    OptionalList,
    OptionalText,
    PayloadError,
    PayloadSchema,
    Policy,
    PollPage,
    Probe,
    Reason,
    RegistrationReport,
    RejectionSide,
    Stage,
    VendorApi,
    WebhookRequest,
    Window,
    run_probes,
    snapshot_event,
)

from . import webhook
from .spec import SPEC

PAGE = 30
INCLUDE = "candidate,job,stage,reject-reason"
SCOPE = "the scope Admin, read and write"
KEYS = "Settings > Integrations > API keys"
RECENT_NOTES = timedelta(days=7)
"""Longer than a report is tried again."""
STAGES = {"Inbox": Stage.DOCUMENTS, "Hired": Stage.OFFER}


class RecordSchema(PayloadSchema):
    """Any JSON:API record; what is inside is read by its kind."""

    id = ExternalId(required=True)
    type = fields.String(required=True)
    attributes = fields.Dict(load_default=dict, allow_none=True)
    relationships = fields.Dict(load_default=dict, allow_none=True)


class OneSchema(PayloadSchema):
    data = fields.Nested(RecordSchema, required=True)
    included = OptionalList(fields.Nested(RecordSchema))


class MetaSchema(KebabCaseSchema):
    page_count = fields.Integer(required=True)


class ListSchema(PayloadSchema):
    data = fields.List(fields.Nested(RecordSchema), required=True)
    included = OptionalList(fields.Nested(RecordSchema))
    meta = fields.Nested(MetaSchema, required=True)


class ApplicationSchema(KebabCaseSchema):
    created_at = IsoDateTime(required=True)
    updated_at = IsoDateTime(required=True)
    rejected_at = IsoDateTime(load_default=None, allow_none=True)
    changed_stage_at = IsoDateTime(load_default=None, allow_none=True)
    transparent_recruiting_visible_at = IsoDateTime(load_default=None, allow_none=True)
    sourced = fields.Boolean(load_default=False, allow_none=True)
    referring_site = OptionalText()


class CandidateSchema(KebabCaseSchema):
    first_name = OptionalText()
    last_name = OptionalText()
    email = OptionalText()
    tags = OptionalList(fields.String())
    unsubscribed = fields.Boolean(load_default=False, allow_none=True)
    internal = fields.Boolean(load_default=False, allow_none=True)
    referred = fields.Boolean(load_default=False, allow_none=True)


class TitleSchema(KebabCaseSchema):
    title = OptionalText()


class StageSchema(KebabCaseSchema):
    name = OptionalText()
    stage_type = OptionalText()


class ReasonSchema(KebabCaseSchema):
    reason = OptionalText()
    rejected_by_company = fields.Boolean(load_default=None, allow_none=True)


class NoteSchema(KebabCaseSchema):
    note = OptionalText()
    created_at = IsoDateTime(required=True)


class TeamtailorConnector(Connector):
    """Web hooks where they arrive, polling for all that did not."""

    spec = SPEC

    def prepare(self) -> None:
        self._policy = Policy.read(self.settings)
        self._api = VendorApi(
            self.http,
            url=self.settings["api_url"],
            headers={
                "Authorization": f"Token token={self.settings['api_key']}",
                "X-Api-Version": self.settings["api_version"],
                "Content-Type": "application/vnd.api+json",
            },
            setting="api_key",
        )

    def verify_webhook(self, request: WebhookRequest) -> None:
        webhook.verify(request, secrets=self.settings["webhook_secret"])

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        return webhook.sign(request, secrets=self.settings["webhook_secret"])

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,  # noqa: ARG002 - its own id is enough
    ) -> Application:
        path, what = ("job-applications", application_id), "get a job application"
        found = self._get(path, OneSchema(), what, {"include": INCLUDE})
        return self._snapshot(found["data"], found["included"], what)

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """What changed within the window, from its last page back to the first.

        A row that changes meanwhile leaves the window and moves those behind it up: on the way
        back they are met twice, on the way forward one would be passed by.
        """
        window = Window.resume(cursor, now=self.clock(), history=self._policy.history)
        number = int(window.page or 1)
        params = {
            "include": INCLUDE,
            "filter[updated-at][from]": window.since.isoformat(),
            "filter[updated-at][to]": window.until.isoformat(),
            "page[number]": str(number),
            "page[size]": str(PAGE),
        }
        what = "list job applications"
        found = self._get(("job-applications",), ListSchema(), what, params)
        cases = [self._snapshot(row, found["included"], what) for row in found["data"]]
        told = [c for c in cases if c.state is not ApplicationState.ACTIVE or not window.whole]
        last = found["meta"]["page_count"]
        before = number - 1 if window.page else (last if last > 1 else 0)
        return window.turned([snapshot_event(c) for c in told], page=str(before or ""))

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """Note, field, tag. The tag comes last and says that the rest is written."""
        person = application.candidate.external_id
        tags = self._tags(person)
        if report.tag in tags:
            return
        if not any(report.marker in text for text in self._recent_notes()):
            related = {"candidate": ("candidates", person), "user": ("users", self._user)}
            self._create("notes", {"note": report.text}, related)
        if field := self.settings["report_field"]:
            self._set_field(person, field, report.text)
        body = {"id": person, "type": "candidates", "attributes": {"tags": [*tags, report.tag]}}
        self._send("PATCH", ("candidates", person), "write tags", body).read(OneSchema())
        if {*tags, report.tag} - set(self._tags(person)):
            self.fail_response("write tags", "the tags it was sent")

    def reasons(self) -> Sequence[Reason]:
        what = "list reject reasons"
        try:
            return [_reason(row) for row in self._all("reject-reasons", what)]
        except PayloadError as error:
            self.fail_response(what, f"what it documents: {error.message}")

    def check(self) -> list[Check]:
        first = {"page[size]": "1"}
        path = ("job-applications",)
        probes = [
            Probe("reasons", lambda: f"{len(self.reasons())} reasons", f"Give it {SCOPE}."),
            Probe(
                "job applications",
                lambda: self._get(path, ListSchema(), "list job applications", first) and SCOPE,
                f"Make a key with {SCOPE} under {KEYS}.",
            ),
            Probe(
                "user_id",
                lambda: self._get(("users", self._user), OneSchema(), "get a user") and "found",
                "Type the id of a Teamtailor user in user_id.",
            ),
            Probe("report_field", self._field, "Type a custom field's id in report_field."),
        ]
        remedy = f"Make a key under {KEYS}, type it in api_key, and check api_url for your region."
        return run_probes(probes, credentials="api_key", remedy=remedy)

    def _field(self) -> str:
        id_ = self.settings["report_field"]
        if not id_:
            return "none is wanted"
        self._get(("custom-fields", id_), OneSchema(), "get a custom field")
        return "found"

    def _tags(self, person: str) -> list[str]:
        what = "get a candidate"
        found = self._get(("candidates", person), OneSchema(), what)["data"]
        return self._read(CandidateSchema(), found["attributes"], what)["tags"]

    def _recent_notes(self) -> Iterator[str]:
        """The newest notes of the account: they cannot be asked for by candidate, nor sorted."""
        oldest = self.clock() - RECENT_NOTES
        first, last = self._notes(1)
        final, _ = self._notes(last) if last > 1 else (first, last)
        forward = not final or (first and first[0][0] > final[0][0])
        numbers = range(1, last + 1) if forward else range(last, 0, -1)
        known = {1: first, last: final}
        for number in numbers:
            notes = known[number] if number in known else self._notes(number)[0]
            yield from (text for _, text in notes)
            if all(at < oldest for at, _ in notes):
                return

    def _notes(self, number: int) -> tuple[list[tuple[datetime, str]], int]:
        params = {"page[number]": str(number), "page[size]": str(PAGE)}
        found = self._get(("notes",), ListSchema(), "list notes", params)
        read = [self._read(NoteSchema(), r["attributes"], "list notes") for r in found["data"]]
        return [(note["created_at"], note["note"]) for note in read], found["meta"]["page_count"]

    def _set_field(self, person: str, field: str, value: str) -> None:
        path, what = ("candidates", person, "custom-field-values"), "list custom field values"
        rows = self._get(path, ListSchema(), what, {"include": "custom-field"})["data"]
        there = next((row["id"] for row in rows if _related(row, "custom-field") == field), None)
        if there is None:
            related = {"custom-field": ("custom-fields", field), "owner": ("candidates", person)}
            self._create("custom-field-values", {"value": value}, related)
            return
        body = {"id": there, "type": "custom-field-values", "attributes": {"value": value}}
        path = ("custom-field-values", there)
        self._send("PATCH", path, "write a custom field", body).read(OneSchema())

    def _create(
        self, kind: str, attributes: dict[str, str], related: dict[str, tuple[str, str]]
    ) -> None:
        relationships = {
            name: {"data": {"type": type_, "id": id_}} for name, (type_, id_) in related.items()
        }
        body = {"type": kind, "attributes": attributes, "relationships": relationships}
        self._send("POST", (kind,), f"create {kind}", body).read(OneSchema())

    def _all(self, kind: str, what: str) -> Iterator[dict[str, Any]]:
        number = last = 1
        while number <= last:
            params = {"page[number]": str(number), "page[size]": str(PAGE)}
            found = self._get((kind,), ListSchema(), what, params)
            yield from found["data"]
            number, last = number + 1, min(found["meta"]["page_count"], 100)

    def _snapshot(
        self, row: Mapping[str, Any], included: Sequence[Mapping[str, Any]], what: str
    ) -> Application:
        known = {(r["type"], r["id"]): r for r in included}
        person = known.get(("candidates", _related(row, "candidate") or ""))
        if person is None:
            self.fail_response(what, "the candidate")
        kinds = {"job": "jobs", "stage": "stages", "reject-reason": "reject-reasons"}
        parts = {n: known.get((type_, _related(row, n) or "")) for n, type_ in kinds.items()}
        try:
            return _application(row, person, parts, self._policy)
        except PayloadError as error:
            self.fail_response(what, f"what it documents: {error.message}")

    def _read(self, schema: PayloadSchema, data: Any, what: str) -> Any:
        try:
            return schema.read(data or {})
        except PayloadError as error:
            self.fail_response(what, f"what it documents: {error.message}")

    def _get(
        self,
        path: tuple[str, ...],
        schema: PayloadSchema,
        operation: str,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        return self._api.get(
            path, schema=schema, operation=operation, permission=SCOPE, params=params
        )

    def _send(
        self, method: str, path: tuple[str, ...], operation: str, data: Mapping[str, Any]
    ) -> HttpResponse:
        return self._api.call(
            method, path, operation=operation, permission=SCOPE, json={"data": data}
        )

    @property
    def _user(self) -> str:
        return self.settings["user_id"]


def _related(row: Mapping[str, Any], name: str) -> str | None:
    """The id of a related record, where it was asked for and is there."""
    part = (row["relationships"] or {}).get(name)
    data = part.get("data") if isinstance(part, dict) else None
    id_ = data.get("id") if isinstance(data, dict) else None
    return str(id_) if isinstance(id_, str | int) and id_ != "" else None


def _application(
    row: Mapping[str, Any],
    person: Mapping[str, Any],
    parts: Mapping[str, Mapping[str, Any] | None],
    policy: Policy,
) -> Application:
    case = ApplicationSchema().read(row["attributes"] or {})
    candidate = CandidateSchema().read(person["attributes"] or {})
    stage = StageSchema().read((parts["stage"] or {}).get("attributes") or {})
    job, reason = parts["job"], _reason_of(case, parts["reject-reason"])
    state = _state(case, stage, reason)
    changed_at = _changed_at(case, state)
    visible_at = case["transparent_recruiting_visible_at"]
    rejected = state is ApplicationState.REJECTED
    return Application(
        external_id=row["id"],
        candidate=Candidate(
            person["id"],
            emails=(candidate["email"],) if candidate["email"] else (),
            family_name=candidate["last_name"],
            given_name=candidate["first_name"],
        ),
        state=state,
        changed_at=changed_at,
        job=Job(job["id"], TitleSchema().read(job["attributes"] or {})["title"]) if job else None,
        reason=reason,
        stage=STAGES.get(stage["stage_type"], Stage.UNKNOWN),
        stage_text=stage["name"],
        channel=_channel(case, candidate, policy),
        flags=policy.flags(candidate["tags"], do_not_contact=bool(candidate["unsubscribed"])),
        applied_at=case["created_at"],
        notice_after=(visible_at or policy.notice_after(changed_at)) if rejected else None,
    )


def _reason(record: Mapping[str, Any]) -> Reason:
    found = ReasonSchema().read(record["attributes"] or {})
    sides = {True: RejectionSide.COMPANY, False: RejectionSide.CANDIDATE}
    side = sides.get(found["rejected_by_company"], RejectionSide.UNKNOWN)
    return Reason(record["id"], found["reason"], side)


def _reason_of(case: Mapping[str, Any], record: Mapping[str, Any] | None) -> Reason | None:
    """Choosing a reason is optional; who ended it is then for the reason map to say."""
    if case["rejected_at"] is None:
        return None
    return _reason(record) if record else Reason("none", "no reason chosen")


def _state(
    case: Mapping[str, Any], stage: Mapping[str, Any], reason: Reason | None
) -> ApplicationState:
    if case["rejected_at"]:
        withdrew = reason is not None and reason.side is RejectionSide.CANDIDATE
        return ApplicationState.WITHDRAWN if withdrew else ApplicationState.REJECTED
    hired = stage["stage_type"] == "Hired"
    return ApplicationState.HIRED if hired else ApplicationState.ACTIVE


def _changed_at(case: Mapping[str, Any], state: ApplicationState) -> datetime:
    hired = case["changed_stage_at"] if state is ApplicationState.HIRED else None
    return case["rejected_at"] or hired or case["updated_at"]


def _channel(case: Mapping[str, Any], person: Mapping[str, Any], policy: Policy) -> Channel:
    told = {Channel.INTERNAL: person["internal"], Channel.SCOUT: case["sourced"]}
    told |= {Channel.REFERRAL: person["referred"]}
    found = next((channel for channel, holds in told.items() if holds), Channel.UNKNOWN)
    return policy.channel(case["referring_site"], otherwise=found)
