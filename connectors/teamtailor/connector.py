"""One company's Teamtailor account: JSON:API records in, our values out, and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .spec import SPEC

PAGE = 30
INCLUDE = "candidate,job,stage,reject-reason"
SCOPE = "the scope Admin, read and write"
KEYS = "Settings > Integrations > API keys"
RECENT_NOTES = timedelta(days=7)
"""Longer than a report is tried again."""
STAGES = {"Inbox": kit.Stage.DOCUMENTS, "Hired": kit.Stage.OFFER}
SIDES = {True: kit.RejectionSide.COMPANY, False: kit.RejectionSide.CANDIDATE}

PageCountSchema = kit.KebabCaseSchema.of(page_count=fields.Integer(required=True))
MetaSchema = kit.PayloadSchema.of(meta=fields.Nested(PageCountSchema, required=True))


class ApplicationSchema(kit.KebabCaseSchema):
    created_at = kit.IsoDateTime(required=True)
    updated_at = kit.IsoDateTime(required=True)
    rejected_at = kit.OptionalTime()
    changed_stage_at = kit.OptionalTime()
    transparent_recruiting_visible_at = kit.OptionalTime()
    sourced = kit.OptionalFlag()
    referring_site = kit.OptionalText()


class CandidateSchema(kit.KebabCaseSchema, kit.PersonParts):
    tags = kit.OptionalList(fields.String())
    unsubscribed = kit.OptionalFlag()
    internal = kit.OptionalFlag()
    referred = kit.OptionalFlag()


class PartSchema(kit.KebabCaseSchema):
    """A job has a title, a stage a name and a type, a reject reason a reason and a side."""

    title = kit.OptionalText()
    name = kit.OptionalText()
    stage_type = kit.OptionalText()
    # The same by the name that a client of API version 20240904 knows.
    legacy_stage_type_name = kit.OptionalText()
    reason = kit.OptionalText()
    rejected_by_company = fields.Boolean(load_default=None, allow_none=True)


class NoteSchema(kit.KebabCaseSchema):
    note = kit.OptionalText()
    created_at = kit.IsoDateTime(required=True)


class AttributesSchema(kit.KebabCaseSchema):
    """What we read of an application."""

    updated_at = kit.OptionalTime()
    rejected_at = kit.OptionalTime()
    transparent_recruiting_visible_at = kit.OptionalTime()


class DataSchema(kit.PayloadSchema):
    """A record; a deleted one has no attributes."""

    id = kit.ExternalId(required=True)
    attributes = fields.Dict(load_default=dict, allow_none=True)


class PayloadPartSchema(kit.PayloadSchema):
    event_name = fields.String(required=True)
    data = fields.Nested(DataSchema, required=True)


class HookSchema(kit.PayloadSchema):
    payload = fields.Nested(PayloadPartSchema, required=True)


class TeamtailorConnector(kit.Connector):
    """Web hooks where they arrive, polling for all that did not."""

    spec = SPEC

    def prepare(self) -> None:
        self._user = self.settings["user_id"]
        api = kit.VendorApi(
            self.http,
            url=self.settings["api_url"],
            headers={
                "Authorization": f"Token token={self.settings['api_key']}",
                "X-Api-Version": self.settings["api_version"],
                "Content-Type": "application/vnd.api+json",
            },
            setting="api_key",
            reads=SCOPE,
        )
        self._all_pages, self._records = api.all_pages, kit.JsonApi(api)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """At most one event: go and look, with the moment from which the candidate may know."""
        hook = HookSchema().read(kit.read_json(request.body))["payload"]
        name, id_ = hook["event_name"], hook["data"]["id"]
        if not SPEC.reads(name):
            return []
        dashed = {key.replace("_", "-"): v for key, v in (hook["data"]["attributes"] or {}).items()}
        told = AttributesSchema().read(dashed)
        at, gone = told["updated_at"] or request.received_at, kit.EventKind.ERASED
        if name == "candidate.destroy":
            return [kit.ApplicationEvent(gone, at, candidate_id=id_, ats_event=name)]
        if name == "job_application.destroy":
            return [kit.ApplicationEvent(gone, at, id_, ats_event=name)]
        visible_at = told["transparent_recruiting_visible_at"] if told["rejected_at"] else None
        return [kit.hint_event(id_, at=at, notice_after=visible_at, ats_event=name)]

    def fetch_application(self, application_id: str) -> kit.Application:
        found = self._records.one("job-applications", application_id, params={"include": INCLUDE})
        with self.reading("get job-applications"):
            return self._application(found)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """What changed within the window, from its last page back to the first.

        A row that changes meanwhile leaves the window and moves those behind it up: on the way
        back they are met twice, on the way forward one would be passed by.
        """
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        changed = {
            "include": INCLUDE,
            "filter[updated-at][from]": window.since.isoformat(),
            "filter[updated-at][to]": window.until.isoformat(),
        }
        rows, last = self._page("job-applications", number=window.number, params=changed)
        before = window.number - 1 if window.page else (last if last > 1 else 0)
        cases = kit.row_by_row(rows, self._application, by=self, operation="list job-applications")
        return window.cases(cases, page=str(before or ""))

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """Field, note, tag. The tag comes last and says that the rest is written."""
        person, field = application.candidate.external_id, self.settings["report_field"]
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(self._recent_notes, lambda text: self._add_note(person, text)),
            tags=kit.Tags(lambda: self._tags(person), lambda tags: self._set_tags(person, tags)),
            field=(lambda text: self._set_field(person, field, text)) if field else None,
            tag_last=True,
        )

    def reasons(self) -> Sequence[kit.Reason]:
        rows = self._all_pages(self._reasons, operation="list reject-reasons")
        with self.reading("list reject-reasons"):
            return [_reason(row) for row in rows]

    def check(self) -> list[kit.Check]:
        one = self._records.one
        probes = [
            kit.Probe("reasons", lambda: f"{len(self.reasons())} reasons", f"Give it {SCOPE}."),
            kit.Probe(
                "job applications",
                lambda: self._page("job-applications", size=1) and SCOPE,
                f"Make a key with {SCOPE} under {KEYS}.",
            ),
            kit.id_probe(self, "user_id", partial(one, "users"), what="a Teamtailor user"),
            kit.id_probe(
                self, "report_field", partial(one, "custom-fields"), what="a custom field"
            ),
        ]
        remedy = f"Make a key under {KEYS}, type it in api_key, and check api_url for your region."
        return kit.run_probes(probes, credentials="api_key", remedy=remedy)

    def _tags(self, person: str) -> list[str]:
        found = self._records.one("candidates", person)
        with self.reading("get candidates"):
            return found.read(CandidateSchema)["tags"]

    def _set_tags(self, person: str, tags: Sequence[str]) -> None:
        self._records.write("candidates", {"tags": tags}, id_=person)

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
        rows, last = self._page("notes", number=number)
        with self.reading("list notes"):
            read = [row.read(NoteSchema) for row in rows]
        return [(note["created_at"], note["note"]) for note in read], last

    def _add_note(self, person: str, text: str) -> None:
        related = {"candidate": ("candidates", person), "user": ("users", self._user)}
        self._records.write("notes", {"note": text}, related=related)

    def _set_field(self, person: str, field: str, value: str) -> None:
        path = ("candidates", person, "custom-field-values")
        rows, _ = self._records.list(path, params={"include": "custom-field"})
        there = next((row.id for row in rows if row.id_of("custom-field") == field), "")
        new = {"custom-field": ("custom-fields", field), "owner": ("candidates", person)}
        related = None if there else new
        self._records.write("custom-field-values", {"value": value}, id_=there, related=related)

    def _page(
        self, kind: str, *, number: int = 1, size: int = PAGE, params: kit.Params | None = None
    ) -> tuple[list[kit.Record], int]:
        """And how many pages there are."""
        rows, answer = self._records.page(kind, number=number, size=size, params=params)
        return rows, answer.read(MetaSchema())["meta"]["page_count"]

    def _reasons(self, page: str) -> tuple[list[kit.Record], str]:
        number = int(page or 1)
        rows, last = self._page("reject-reasons", number=number)
        return rows, str(number + 1) if number < last else ""

    def _application(self, row: kit.Record) -> kit.Application:
        person, job = row.related("candidate", "candidates"), row.related("job", "jobs")
        if person is None:
            raise kit.PayloadError("without the candidate")
        case, candidate = row.read(ApplicationSchema), person.read(CandidateSchema)
        placed = row.related("stage", "stages")
        stage = placed.read(PartSchema) if placed else PartSchema().read({})
        told = row.related("reject-reason", "reject-reasons")
        reason = _reason(told) if case["rejected_at"] else None
        state = _state(stage, reason)
        hired, moved_at = _kind(stage) == "Hired", case["changed_stage_at"]
        changed_at = case["rejected_at"] or (hired and moved_at) or case["updated_at"]
        tags, stopped = candidate["tags"], candidate["unsubscribed"]
        visible_at = case["transparent_recruiting_visible_at"]
        rejected = state is kit.ApplicationState.REJECTED
        return kit.Application(
            external_id=row.id,
            candidate=kit.person_of(person.id, candidate),
            state=state,
            changed_at=changed_at,
            job=kit.Job(job.id, job.read(PartSchema)["title"]) if job else None,
            reason=reason,
            stage=STAGES.get(_kind(stage), kit.Stage.UNKNOWN),
            stage_text=stage["name"],
            channel=_channel(case, candidate, self.policy),
            flags=self.policy.flags(tags, do_not_contact=stopped, rescinded=hired and rejected),
            applied_at=case["created_at"],
            notice_after=visible_at or self.policy.notice_after(changed_at) if rejected else None,
        )


def _reason(record: kit.Record | None) -> kit.Reason:
    """Choosing a reason is optional; who ended it is then for the reason map to say."""
    if record is None:
        return kit.Reason("none", "no reason chosen")
    found = record.read(PartSchema)
    side = SIDES.get(found["rejected_by_company"], kit.RejectionSide.UNKNOWN)
    return kit.Reason(record.id, found["reason"], side)


def _state(stage: Mapping[str, Any], reason: kit.Reason | None) -> kit.ApplicationState:
    if reason:
        withdrew = reason.side is kit.RejectionSide.CANDIDATE
        return kit.ApplicationState.WITHDRAWN if withdrew else kit.ApplicationState.REJECTED
    return kit.ApplicationState.HIRED if _kind(stage) == "Hired" else kit.ApplicationState.ACTIVE


def _kind(stage: Mapping[str, Any]) -> str:
    return stage["stage_type"] or stage["legacy_stage_type_name"]


def _channel(case: Mapping[str, Any], person: Mapping[str, Any], policy: kit.Policy) -> kit.Channel:
    told = {kit.Channel.INTERNAL: person["internal"], kit.Channel.SCOUT: case["sourced"]}
    told |= {kit.Channel.REFERRAL: person["referred"]}
    found = next((channel for channel, holds in told.items() if holds), kit.Channel.UNKNOWN)
    return policy.channel(case["referring_site"], otherwise=found)
