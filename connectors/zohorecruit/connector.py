"""One company's Zoho Recruit account: applications, the link in a field, note and field after."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from marshmallow import fields, validate

from careerrelay import connectors as kit

from .spec import SCOPES, SPEC

MODULE = "Applications"
PAGE = 200
SECRET = "cr_secret"  # noqa: S105 - a parameter's name
CREDENTIALS = "client_id, client_secret and refresh_token"
TITLE = "CareerRelay"


class RecordSchema(kit.PayloadSchema):
    """What every account's applications have; the rest is named by settings."""

    class Meta:
        unknown = "include"

    id = kit.ExternalId(required=True)
    first_name = kit.OptionalText(data_key="First_Name")
    last_name = kit.OptionalText(data_key="Last_Name")
    email = kit.Addresses(data_key="Email")
    created = kit.OptionalTime(data_key="Created_Time")
    modified = kit.IsoDateTime(required=True, data_key="Modified_Time")


class LookupSchema(kit.PayloadSchema):
    id = kit.ExternalId(required=True)
    name = kit.OptionalText()


class InfoSchema(kit.PayloadSchema):
    more_records = kit.OptionalFlag()


class ListSchema(kit.PayloadSchema):
    data = fields.List(fields.Nested(RecordSchema), required=True)
    info = kit.OptionalPart(InfoSchema)


class NoteSchema(kit.PayloadSchema):
    text = kit.OptionalText(data_key="Note_Content")


class NotesSchema(kit.PayloadSchema):
    data = fields.List(fields.Nested(NoteSchema), required=True)
    info = kit.OptionalPart(InfoSchema)


class WrittenSchema(kit.PayloadSchema):
    code = fields.String(required=True)


class HookSchema(kit.PayloadSchema):
    """The names are those of our guide; a field that is gone shows as ``${...}``."""

    application_id = kit.ExternalId(required=True, validate=validate.ContainsNoneOf("${}"))
    modified_time = kit.Text(required=True, validate=validate.Length(min=1))


class ZohoRecruitConnector(kit.Connector):
    """Web hooks say where to look; the list, latest change first, finds what they did not."""

    spec = SPEC

    def prepare(self) -> None:
        self._policy = kit.Policy.read(self.settings)
        self._statuses = kit.Statuses.read(self.settings)
        session = kit.BearerSession(
            self.http,
            self.tokens,
            key=f"{SPEC.name}:{self.settings['token_url']}:{self.settings['client_id']}",
            fetch=self._token,
            clock=self.clock,
            header="Authorization",
        )
        self._api = kit.VendorApi(
            session, url=self.settings["api_url"], setting=CREDENTIALS, reads=SCOPES
        )

    def _token(self) -> kit.AccessToken:
        """Zoho's tokens go by a scheme of their own."""
        found = kit.refreshed_token(
            self.http,
            refresh_token=self.settings["refresh_token"],
            token_url=self.settings["token_url"],
            client_id=self.settings["client_id"],
            client_secret=self.settings["client_secret"],
            permission=SCOPES,
            clock=self.clock,
        )
        return dataclasses.replace(found, value=f"Zoho-oauthtoken {found.value}")

    def verify_webhook(self, request: kit.WebhookRequest) -> None:
        kit.verify_url_token(
            request.body.decode("utf-8", "replace"),
            name=SECRET,
            secrets=self.settings["webhook_secret"],
            setting="webhook_secret",
        )

    def sign_webhook(self, request: kit.WebhookRequest) -> kit.WebhookRequest:
        given = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        secret = kit.current_secret(self.settings["webhook_secret"])
        pairs = [*(pair for pair in given if pair[0] != SECRET), (SECRET, secret)]
        return dataclasses.replace(request, body=urlencode(pairs).encode())

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """Go and look."""
        try:
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        except ValueError:
            raise kit.PayloadError("the body is no form in UTF-8") from None
        hook = HookSchema().read(form)
        return [
            kit.ApplicationEvent(
                kit.EventKind.CHANGED,
                request.received_at,
                application_id=hook["application_id"],
                ats_event="workflow",
            )
        ]

    def fetch_application(self, application_id: str) -> kit.Application:
        record = self._record(application_id)
        with self.reading("get an application"):
            return self._application(record)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Latest change first, back to where the last round began."""
        window = kit.Window.resume(cursor, now=self.clock(), history=self._policy.history)
        params = {"sort_by": "Modified_Time", "sort_order": "desc"}
        params |= {"page": str(window.number), "per_page": str(PAGE)}
        found = self._list((MODULE,), ListSchema(), "list applications", params)
        fresh = [row for row in found["data"] if row["modified"] >= window.since]
        more = (found["info"] or {"more_records": False})["more_records"]
        page = str(window.number + 1) if more and fresh and len(fresh) == len(found["data"]) else ""
        with self.reading("list applications"):
            events = [kit.snapshot_event(self._application(row)) for row in fresh]
            return window.turned(events, page=page)

    def write_link(self, application: kit.Application, url: str, *, ours: str) -> None:
        case, name = application.external_id, self.settings["link_field"]
        held = self._record(case).get(name) or ""
        if held == url:
            return
        if not str(held).startswith(ours) and held:
            raise kit.ApiConflictError(
                f"the field {name} of this application holds something else; empty it in Zoho "
                "Recruit, or name another field in link_field",
                connector=SPEC.name,
                operation="write a field",
            )
        self._set(case, name, url or None)

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        case, name = application.external_id, self.settings["report_field"]
        module = self.settings["note_module"]
        on = case if module == MODULE else application.candidate.external_id
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(
                lambda: self._notes(module, on), lambda text: self._add_note(module, on, text)
            ),
            field=(lambda _: self._set(case, name, report.tag)) if name else None,
        )

    def check(self) -> list[kit.Check]:
        params = {"page": "1", "per_page": "1"}
        remedy = f"Make a refresh token with the scopes {SCOPES}."
        probe = kit.Probe(
            "applications",
            lambda: self._list((MODULE,), ListSchema(), "list applications", params) and "found",
            remedy,
        )
        told = "Make a new refresh token; api_url and token_url must be of your data centre."
        return kit.run_probes([probe], credentials="refresh_token", remedy=told)

    def _application(self, record: Mapping[str, Any]) -> kit.Application:
        """Lookups and statuses stand under names that the company told. Raises PayloadError."""
        given = self.settings
        status, source = (_text(record.get(given[n])) for n in ("status_field", "source_field"))
        state = self._statuses.state(status)
        person = LookupSchema().read(record.get(given["candidate_field"]))
        job = record.get(given["job_field"])
        told = LookupSchema().read(job) if job else None
        rejected = state is kit.ApplicationState.REJECTED
        notice_after = self._policy.notice_after(record["modified"]) if rejected else None
        return kit.Application(
            external_id=record["id"],
            candidate=kit.Candidate(
                person["id"],
                emails=record["email"],
                given_name=record["first_name"],
                family_name=record["last_name"],
            ),
            state=state,
            changed_at=record["modified"],
            job=kit.Job(told["id"], told["name"]) if told else None,
            reason=self._statuses.reason(state, status),
            stage_text=status,
            channel=self._policy.channel(source),
            flags=self._policy.flags((), do_not_contact=record.get(given["stop_field"]) is True),
            applied_at=record["created"],
            notice_after=notice_after,
        )

    def _record(self, case: str) -> dict[str, Any]:
        rows = self._list((MODULE, case), ListSchema(), "get an application")["data"]
        if len(rows) != 1:
            raise kit.ApiNotFoundError(
                "Zoho Recruit has no such application",
                connector=SPEC.name,
                operation="get an application",
            )
        return rows[0]

    def _notes(self, module: str, on: str) -> list[str]:
        """https://github.com/kesslerio/zoho-recruit-openclaw-skill"""
        texts: list[str] = []
        more, page = True, 1
        while more:
            params = {"page": str(page), "per_page": str(PAGE)}
            found = self._list((module, on, "Notes"), NotesSchema(), "list notes", params)
            texts += [note["text"] for note in found["data"]]
            more = (found["info"] or {"more_records": False})["more_records"] and found["data"]
            page += 1
        return texts

    def _add_note(self, module: str, on: str, text: str) -> None:
        note = {"Note_Title": TITLE, "Note_Content": text, "Parent_Id": on, "se_module": module}
        self._write("POST", "Notes", {"data": [note]})

    def _set(self, case: str, name: str, value: str | None) -> None:
        """An empty trigger keeps the company's own rules from firing on what we write."""
        self._write("PUT", MODULE, {"data": [{"id": case, name: value}], "trigger": []})

    def _write(self, method: str, module: str, body: Mapping[str, Any]) -> None:
        """A 2xx may hold the refusal of a row."""
        what = f"write {module}"
        answer = self._api.call(method, (module,), operation=what, json=body)
        rows = answer.read(WrittenSchema(many=True), under="data")
        if [row["code"] for row in rows] != ["SUCCESS"]:
            self.fail_response(what, "SUCCESS")

    def _list(
        self,
        path: tuple[str, ...],
        schema: kit.PayloadSchema,
        operation: str,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """An empty list is an empty answer with 204."""
        answer = self._api.call("GET", path, operation=operation, params=params)
        return {"data": [], "info": None} if answer.status == 204 else answer.read(schema)


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise kit.PayloadError("with a status or source that is no text")
    return (value or "").strip()
