"""One company's Ashby account: calls that always POST, signed web hooks, and what a case means.

Errors come inside a 200: https://developers.ashbyhq.com/reference/authentication . They are told
apart by their codes here and become the errors that their HTTP status would have been.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from .records import ApplicationSchema, ReasonSchema, events_of, reason_of, snapshot
from .spec import SPEC

READ, WRITE, METADATA = "candidatesRead", "candidatesWrite", "hiringProcessMetadataRead"
KEYS = "Admin > Integrations > API Keys"
FIELD = "Make a candidate field of that name, of type URL, enabled in e-mail templates."
PAGE = 100
MAIL_ID = "emailProviderEmailId"
STATUSES = (("not_found", 404), ("permission", 403), ("rate_limit", 429), ("unauthorized", 401))
"""Part of an error's code -> the status it means; any other is a 400."""

ErrorSchema = kit.PayloadSchema.of(code=kit.OptionalText(), message=kit.OptionalText())
NoteSchema = kit.PayloadSchema.of(content=kit.OptionalText())
HookSchema = kit.PayloadSchema.of(action=kit.Text(required=True), data=fields.Dict(required=True))


class EnvelopeSchema(kit.CamelCaseSchema):
    """What every answer has."""

    success = fields.Boolean(required=True)
    more_data_available = fields.Boolean(load_default=False)
    next_cursor = kit.OptionalText()
    sync_token = kit.OptionalText()
    error_info = kit.OptionalPart(ErrorSchema)
    errors = fields.List(fields.Raw(), load_default=list)


class MergedSchema(kit.CamelCaseSchema):
    deleted_candidate = fields.Nested(kit.IdSchema, required=True)
    merged_candidate = fields.Nested(kit.IdSchema, required=True)


class FieldSchema(kit.CamelCaseSchema, kit.IdSchema):
    """A custom field; a tag, which has no type; a person's value, which has no need of a title."""

    title = kit.OptionalText()
    object_type = kit.OptionalText()
    value = fields.Raw(load_default=None)


class CandidateSchema(kit.CamelCaseSchema):
    tags = kit.OptionalList(fields.Nested(FieldSchema))
    custom_fields = kit.OptionalList(fields.Nested(FieldSchema))


class AshbyConnector(kit.Connector):
    """Signed web hooks that tell the whole case, and a link field in the company's templates."""

    spec = SPEC

    def prepare(self) -> None:
        self._api = kit.VendorApi(
            self.http,
            url=self.settings["api_url"],
            auth=(self.settings["api_key"], ""),
            headers={"Accept": "application/json; version=1"},
            setting="api_key",
        )

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """The case as the web hook shows it, or who is gone, which happened when it came."""
        hook, at = HookSchema().read(kit.read_json(request.body)), request.received_at
        name, data = hook["action"], hook["data"]
        event = partial(kit.ApplicationEvent, occurred_at=at, ats_event=name)
        if not SPEC.reads(name):
            return []
        if name == "candidateDelete":
            gone = kit.IdSchema().read(data, under="candidate")["id"]
            return [event(kit.EventKind.ERASED, candidate_id=gone)]
        if name == "candidateMerge":
            both = MergedSchema().read(data)
            gone, kept = both["deleted_candidate"]["id"], both["merged_candidate"]["id"]
            return [event(kit.EventKind.MERGED, candidate_id=gone, merged_into=kept)]
        return events_of(ApplicationSchema().read(data, under="application"), self.policy, name)

    def fetch_application(self, application_id: str) -> kit.Application:
        body = {"applicationId": application_id}
        return snapshot(self._one("application.info", body, ApplicationSchema()), self.policy)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """What changed since the token of the last round; a token that is refused begins anew.

        https://developers.ashbyhq.com/docs/pagination-and-incremental-sync : every other
        parameter must stay the same from round to round, hence ``since``.
        """
        since = cursor.get("since") or int((self.clock() - self.policy.history).timestamp() * 1000)
        token, page = cursor.get("token"), cursor.get("page")
        body = _given(limit=PAGE, createdAfter=since, syncToken=token, cursor=page)
        try:
            answer, told = self._call("application.list", body)
        except kit.ApiRequestError:
            if not (token or page):
                raise
            return kit.PollPage((), {"since": since}, more=True)
        rows, later = answer.read(kit.RowSchema(many=True), under="results"), _next(told)
        found = kit.row_by_row(rows, self._told, by=self, operation="application.list")
        if later and later == page:
            self.fail_response("application.list", "a new nextCursor")
        token = token if later else told["sync_token"] or token
        return kit.PollPage(tuple(found), _given(since=since, token=token, page=later), bool(later))

    def write_link(self, application: kit.Application, url: str, *, ours: str) -> None:
        person, field = application.candidate.external_id, self._field("link_field")
        values = self._candidate(person)["custom_fields"]
        held = next((row["value"] for row in values if row["id"] == field), None)
        kit.put_link(
            url,
            by=self,
            ours=ours,
            field=self.settings["link_field"],
            held=str(held or ""),
            write=lambda link: self._set(person, field, link or None),
        )

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        person, shown = application.candidate.external_id, self.settings["report_field"]
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(lambda: self._notes(person), lambda text: self._note(person, text)),
            tags=kit.Tags(lambda: self._tags(person), lambda t: self._tag(person, t), adds=True),
            field=lambda _: shown and self._set(person, self._field("report_field"), report.tag),
        )

    def record_mail(self, application: kit.Application, mail: kit.SentMail) -> None:
        """Once: Ashby wants MAIL_ID unique per key and has no call that lists mails.

        What it answers to an id that it knows is not documented, so a success and a refusal that
        names MAIL_ID are both taken for that: a text of ours can miss nothing else that the
        reference demands of it. Any other refusal stays one.
        """
        body = {
            "candidateId": application.candidate.external_id,
            MAIL_ID: mail.marker,
            "subject": mail.subject,
            "from": mail.sender,
            "to": mail.to,
            "body": mail.html,
            "sentAt": mail.sent_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "messageIdHeader": mail.message_id,
        }
        self._call("candidate.addEmailMessage", body, WRITE, fine=MAIL_ID)

    def reasons(self) -> Sequence[kit.Reason]:
        """Those no longer used too."""
        rows = self._all("archiveReason.list", {"includeArchived": True}, ReasonSchema, METADATA)
        return [reason_of(row) for row in rows]

    def check(self) -> list[kit.Check]:
        """Three kinds of reading; writing is tried only by a delivery or a report."""
        give = f"Give the key {{}} under {KEYS}."
        cases = partial(self._call, "application.list", {"limit": 1})
        both = give.format(f"{READ} and {WRITE}")
        probes = [
            kit.Probe("applications", lambda: cases() and "may be read", both),
            kit.Probe("reasons", lambda: f"{len(self.reasons())} reasons", give.format(METADATA)),
            kit.Probe("link_field", lambda: self._field("link_field") and "found", FIELD),
        ]
        remedy = f"Make a key under {KEYS} and type it in api_key."
        return kit.run_probes(probes, credentials="api_key", remedy=remedy)

    def _told(self, row: Mapping[str, Any]) -> kit.ApplicationEvent | None:
        return next(iter(events_of(ApplicationSchema().read(row), self.policy, "poll")), None)

    def _candidate(self, person: str) -> dict[str, Any]:
        return self._one("candidate.info", {"id": person}, CandidateSchema())

    def _notes(self, person: str) -> Iterator[str]:
        found = self._all("candidate.listNotes", {"candidateId": person}, NoteSchema, READ)
        return (note["content"] for note in found)

    def _note(self, person: str, text: str) -> None:
        """Not idempotent: look for the marker first. Nobody is notified."""
        note = {"type": "text/plain", "value": text}
        body = {"candidateId": person, "note": note, "sendNotifications": False}
        self._call("candidate.createNote", body, WRITE)

    def _tags(self, person: str) -> list[str]:
        return [tag["title"] for tag in self._candidate(person)["tags"]]

    def _tag(self, person: str, titles: Sequence[str]) -> None:
        """A tag of that title is made where there is none."""
        for title in titles:
            tag = self._one("candidateTag.create", {"title": title}, FieldSchema(), WRITE)
            self._call("candidate.addTag", {"candidateId": person, "tagId": tag["id"]}, WRITE)

    def _set(self, person: str, field: str, value: str | None) -> None:
        """Overwrites."""
        body = {"objectId": person, "objectType": "Candidate", "fieldId": field}
        self._call("customField.setValue", {**body, "fieldValue": value}, WRITE)

    def _field(self, setting: str) -> str:
        """The id of a candidate field. Raises ApiRequestError naming the setting."""
        title, what = self.settings[setting], "customField.list"
        for anew in (False, True):
            found = self.recalled("fields", self._fields, anew=anew).get(title)
            if found:
                return found
        told = f"Ashby has no candidate field of the name in {setting}"
        raise kit.ApiRequestError(told, connector=SPEC.name, operation=what)

    def _fields(self) -> dict[str, str]:
        rows = self._all("customField.list", {}, FieldSchema, METADATA)
        return {row["title"]: row["id"] for row in rows if row["object_type"] == "Candidate"}

    def _one(
        self, name: str, body: Mapping[str, Any], schema: kit.PayloadSchema, permission: str = READ
    ) -> dict[str, Any]:
        return self._call(name, body, permission)[0].read(schema, under="results")

    def _all(
        self, name: str, body: Mapping[str, Any], schema: type[kit.PayloadSchema], permission: str
    ) -> Iterator[dict[str, Any]]:
        def turn(page: str) -> tuple[list[dict[str, Any]], str]:
            answer, told = self._call(name, {**body, **_given(cursor=page)}, permission)
            return answer.read(schema(many=True), under="results"), _next(told)

        return self._api.all_pages(turn, operation=name)

    def _call(
        self, name: str, body: Mapping[str, Any], permission: str = READ, *, fine: str = ""
    ) -> tuple[kit.HttpResponse, dict[str, Any]]:
        """The answer and its envelope, if it says success, or names what is ``fine``."""
        answer = self._api.call("POST", (name,), operation=name, permission=permission, json=body)
        told = answer.read(EnvelopeSchema())
        info = told["error_info"] or {"code": "", "message": ""}
        codes = " ".join([info["code"], *map(str, told["errors"])]).lower()
        if told["success"] or (fine and fine.lower() in f"{codes} {info['message']}".lower()):
            return answer, told
        status = next((status for part, status in STATUSES if part in codes), 400)
        failed = dataclasses.replace(answer, status=status)
        raise self.http.error_for(failed, permission=permission, setting="api_key")


def _next(told: Mapping[str, Any]) -> str:
    """The cursor of the next page; "" on the last one."""
    return told["next_cursor"] if told["more_data_available"] else ""


def _given(**parts: Any) -> dict[str, Any]:
    """Those that there are."""
    return {name: part for name, part in parts.items() if part}
