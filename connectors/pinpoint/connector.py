"""One company's Pinpoint account: hints, polls, tag and comment, and what a stage means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit
from careerrelay.connectors import ApplicationState

from .spec import SPEC

PAGE = 100
TAGS = {"extra_fields[applications]": "tags"}
LOOK = {"include": "stage,job", "extra_fields[applications]": "tags,days_in_current_stage"}
"""What is not asked for is left out without a word."""
READ, WRITE = "Application and Comment: read", "Application and Comment: write"
KEYS = "Settings > Integrations > Pinpoint API"
JSON_API = "application/vnd.api+json"


TAG = kit.PayloadSchema.of(name=kit.Text(required=True), context=kit.OptionalText())


class TaggedSchema(kit.PayloadSchema):
    tags = fields.List(fields.Nested(TAG), required=True)


class ApplicationSchema(TaggedSchema, kit.PersonParts):
    channel = kit.OptionalText()
    created_at = kit.IsoDateTime(required=True)
    updated_at = kit.IsoDateTime(required=True)
    days_in_current_stage = fields.Integer(load_default=0, allow_none=True)


# A stage has a name, a job a title, a comment a text.
NAMED = kit.PayloadSchema.of(
    name=kit.OptionalText(), title=kit.OptionalText(), body_text=kit.OptionalText()
)
DATA = kit.PayloadSchema.of(application=kit.OptionalPart(kit.IdSchema))
HOOK = kit.PayloadSchema.of(event=kit.OptionalText(), data=fields.Nested(DATA, required=True))


class PinpointConnector(kit.Connector):
    """Whatever web hook names an application, it is looked up; polling finds the rest."""

    spec = SPEC

    def prepare(self) -> None:
        names = {"rejected": "rejected_stages", "withdrawn": "withdrawn_stages"}
        self._ends = kit.Statuses.ends(self.settings, **names)
        headers = {"X-API-KEY": self.settings["api_key"], "Accept": JSON_API}
        if name := self.settings["vendor_name"]:
            headers["X-Vendor-Name"] = name
        api = kit.VendorApi(
            self.http,
            url=self.settings["api_url"],
            headers=headers | {"Content-Type": JSON_API},
            setting="api_key",
            reads=READ,
            writes=WRITE,
        )
        self._records = kit.JsonApi(api)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """Go and look, by whatever name it comes."""
        hook = HOOK().read(kit.read_json(request.body))
        found = hook["data"]["application"]
        if found is None:
            raise kit.UnknownEventError("Pinpoint sent an event that is not about an application")
        return [kit.hint_event(found["id"], at=request.received_at, ats_event=hook["event"])]

    def fetch_application(self, application_id: str) -> kit.Application:
        found = self._one(application_id, LOOK)
        with self.reading("get applications"):
            return self._application(found)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Latest change first, back to where the last round began: no filter by time is known."""
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        rows = self._page(window.number)
        what = "list applications"
        with self.reading(what):
            fresh, page = window.down_to(rows, _updated_at, full=len(rows) == PAGE)
            cases = kit.row_by_row(fresh, self._application, by=self, operation=what)
            return window.cases(cases, page=page)

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """Tag and comment, each only where it is not there yet."""
        case = application.external_id
        if context := self.settings["report_tag_context"]:
            self._tag(case, report.tag, context)
        notes = kit.Notes(lambda: self._comments(case), lambda text: self._comment(case, text))
        kit.write_report(report, by=self, notes=notes)

    def check(self) -> list[kit.Check]:
        probes = [
            kit.Probe("applications", self._stages, f"Give the key {READ} under {KEYS}."),
            kit.webhook_probe(self, without="rejections are found by polling alone"),
        ]
        remedy = f"Make a key under {KEYS}, type it in api_key, and check api_url."
        return kit.run_probes(probes, credentials="api_key", remedy=remedy)

    def _stages(self) -> str:
        """Stages cannot be listed without a job, but they come with the applications."""
        rows = self._page(1)
        with self.reading("list applications"):
            stages = rows[0].others("stages") if rows else ()
            names = {stage.id: stage.read(NAMED)["name"] for stage in stages}
        active = ApplicationState.ACTIVE
        others = sorted(f"{n} ({i})" for i, n in names.items() if self._ends.of(i, n) is active)
        return f"stages lately in use that are no end of a case: {', '.join(others) or 'none'}"

    def _application(self, row: kit.Record) -> kit.Application:
        case, stage_id = row.read(ApplicationSchema), row.id_of("stage")
        stage, job = row.related("stage", "stages"), row.related("job", "jobs")
        if stage is None and (stage_id or "stage" not in row.relationships):
            raise kit.PayloadError("without the stage that it was asked for")
        name = stage.read(NAMED)["name"] if stage else ""
        state = self._ends.of(stage_id, name)
        active, rejected = ApplicationState.ACTIVE, ApplicationState.REJECTED
        changed_at = case["updated_at"] if state is active else self._since(case)
        return kit.Application(
            external_id=row.id,
            candidate=kit.person_of(row.id, case),
            state=state,
            changed_at=changed_at,
            job=kit.Job(job.id, job.read(NAMED)["title"]) if job else None,
            reason=_reason(case["tags"], name) if state is rejected else None,
            stage_text=name,
            channel=self.policy.channel(case["channel"]),
            flags=self.policy.flags(tag["name"] for tag in case["tags"]),
            applied_at=case["created_at"],
            notice_after=self.policy.notice_after(changed_at, state),
        )

    def _since(self, case: Mapping[str, Any]) -> datetime:
        """Any change moves ``updated_at``, ours too. Whole days in the stage say that it stands
        longer; one day less is counted, as it is not documented how Pinpoint rounds."""
        days = min(max((case["days_in_current_stage"] or 0) - 1, 0), 36500)
        return min(case["updated_at"], self.clock() - timedelta(days=days))

    def _tags(self, case: str) -> list[str]:
        found = self._one(case, TAGS)
        with self.reading("get applications"):
            return [tag["name"] for tag in found.read(TaggedSchema)["tags"]]

    def _tag(self, case: str, tag: str, context: str) -> None:
        """Added by a call of its own, which names no other tag; then read again."""
        if tag in self._tags(case):
            return
        new = {"add_tags_with_context": [{"tag": tag, "context": context}]}
        self._records.write("applications", new, id_=case, method="PUT")
        if tag not in self._tags(case):
            self.fail_response("write applications", "the tag it was sent")

    def _comments(self, case: str) -> list[str]:
        """Those that the record names must have come with it: else ours might be among them."""
        found = self._one(case, {"include": "comments"})
        with self.reading("get applications"):
            texts = {c.id: c.read(NAMED)["body_text"] for c in found.others("comments")}
        links = found.relationships.get("comments")
        rows = links.get("data") if isinstance(links, dict) else None
        if not isinstance(rows, list) or len(rows) != len(texts):
            self.fail_response("get applications", "the comments that it was asked for")
        return list(texts.values())

    def _comment(self, case: str, text: str) -> None:
        about = {"commentable": ("applications", case)}
        self._records.write("comments", {"body_text": text}, related=about)

    def _one(self, case: str, params: Mapping[str, str]) -> kit.Record:
        return self._records.one("applications", case, params=params)

    def _page(self, number: int) -> list[kit.Record]:
        params = LOOK | {"sort": "-updated_at"}
        return self._records.page("applications", number=number, size=PAGE, params=params)[0]


def _updated_at(row: kit.Record) -> datetime:
    found: datetime = row.read(ApplicationSchema)["updated_at"]
    return found


def _reason(tags: Iterable[Mapping[str, Any]], stage: str) -> kit.Reason:
    """The rejection tag; where none was chosen, the stage. Whose it is, the company says."""
    named = next((tag["name"] for tag in tags if tag["context"] == "rejection"), "")
    text = named or f"stage {stage}"
    return kit.Reason(text[:255], text)
