"""One company's Zoho Recruit account: applications, the link in a field, note and field after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import fields, validate

from careerrelay import connectors as kit

from .spec import SCOPES, SPEC

MODULE = "Applications"
PAGE = 200
CREDENTIALS = "client_id, client_secret and refresh_token"
TITLE = "CareerRelay"


class RecordSchema(kit.RowSchema):
    """What every account's applications have; the rest is named by settings."""

    first_name = kit.OptionalText(data_key="First_Name")
    last_name = kit.OptionalText(data_key="Last_Name")
    email = kit.Addresses(data_key="Email")
    created = kit.OptionalTime(data_key="Created_Time")
    modified = kit.IsoDateTime(required=True, data_key="Modified_Time")


InfoSchema = kit.PayloadSchema.of(more_records=kit.OptionalFlag())
PageSchema = kit.PayloadSchema.of(info=kit.OptionalPart(InfoSchema))
NoteSchema = kit.PayloadSchema.of(text=kit.OptionalText(data_key="Note_Content"))
WrittenSchema = kit.PayloadSchema.of(code=fields.String(required=True))


class HookSchema(kit.PayloadSchema):
    """The names are those of our guide; a field that is gone shows as ``${...}``."""

    application_id = kit.ExternalId(required=True, validate=validate.ContainsNoneOf("${}"))
    modified_time = kit.Text(required=True, validate=validate.Length(min=1))


class ZohoRecruitConnector(kit.Connector):
    """Web hooks say where to look; the list, latest change first, finds what they did not."""

    spec = SPEC

    def prepare(self) -> None:
        given = self.settings
        self._statuses = kit.Statuses.read(given)
        # Zoho's tokens go by a scheme of their own.
        session = kit.client_session(
            self, token_url=given["token_url"], permission=SCOPES, scheme="Zoho-oauthtoken"
        )
        self._api = kit.VendorApi(session, url=given["api_url"], setting=CREDENTIALS, reads=SCOPES)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        """Go and look."""
        try:
            form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        except ValueError:
            raise kit.PayloadError("the body is no form in UTF-8") from None
        hook = HookSchema().read(form)
        case, at = hook["application_id"], request.received_at
        return [kit.hint_event(case, at=at, ats_event="workflow")]

    def fetch_application(self, application_id: str) -> kit.Application:
        record = self._record(application_id)
        with self.reading("get an application"):
            return self._application(record)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Latest change first, back to where the last round began."""
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        order = {"sort_by": "Modified_Time", "sort_order": "desc"}
        found, more = self._page((MODULE,), RecordSchema, number=window.number, order=order)
        fresh, page = window.down_to(found, lambda row: row["modified"], full=more)
        what = "list applications"
        with self.reading(what):
            cases = kit.row_by_row(fresh, self._application, by=self, operation=what)
            return window.turned(cases, page=page)

    def write_link(self, application: kit.Application, url: str, *, ours: str) -> None:
        case, name = application.external_id, self.settings["link_field"]
        kit.put_link(
            url,
            by=self,
            ours=ours,
            field=name,
            held=str(self._record(case).get(name) or ""),
            write=lambda link: self._set(case, name, link or None),
        )

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
        remedy = f"Make a refresh token with the scopes {SCOPES}."
        probe = kit.Probe(
            "applications", lambda: self._page((MODULE,), RecordSchema, size=1) and "found", remedy
        )
        told = "Make a new refresh token; api_url and token_url must be of your data centre."
        return kit.run_probes([probe], credentials="refresh_token", remedy=told)

    def _application(self, record: Mapping[str, Any]) -> kit.Application:
        """Lookups and statuses stand under names that the company told. Raises PayloadError."""
        given = self.settings
        status, source = (_text(record.get(given[n])) for n in ("status_field", "source_field"))
        state = self._statuses.state(status)
        person = kit.NamedSchema().read(record.get(given["candidate_field"]))
        job = record.get(given["job_field"])
        told = kit.NamedSchema().read(job) if job else None
        return kit.Application(
            external_id=record["id"],
            candidate=kit.person_of(person["id"], record),
            state=state,
            changed_at=record["modified"],
            job=kit.Job(told["id"], told["name"]) if told else None,
            reason=self._statuses.reason(state, status),
            stage_text=status,
            channel=self.policy.channel(source),
            flags=self.policy.flags((), do_not_contact=record.get(given["stop_field"]) is True),
            applied_at=record["created"],
            notice_after=self.policy.notice_after(record["modified"], state),
        )

    def _record(self, case: str) -> dict[str, Any]:
        what = "get an application"
        answer = self._api.call("GET", (MODULE, case), operation=what)
        rows = _rows(answer, RecordSchema)
        if len(rows) != 1:
            self.fail_missing(what, "application")
        return rows[0]

    def _notes(self, module: str, on: str) -> list[str]:
        """https://github.com/kesslerio/zoho-recruit-openclaw-skill"""

        def turn(page: str) -> tuple[list[dict[str, Any]], str]:
            number = int(page or 1)
            found, more = self._page((module, on, "Notes"), NoteSchema, number=number)
            return found, str(number + 1) if more else ""

        return [note["text"] for note in self._api.all_pages(turn, operation="list notes")]

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

    def _page(
        self,
        path: tuple[str, ...],
        schema: type[kit.PayloadSchema],
        *,
        number: int = 1,
        size: int = PAGE,
        order: Mapping[str, str] | None = None,
    ) -> tuple[list[dict[str, Any]], bool]:
        """A page of a list, and whether there are more."""
        params = {"page": str(number), "per_page": str(size), **(order or {})}
        answer = self._api.call("GET", path, operation=f"list {path[-1].lower()}", params=params)
        rows = _rows(answer, schema)
        info = answer.read(PageSchema())["info"] if rows else None
        return rows, bool(info and info["more_records"])


def _rows(answer: kit.HttpResponse, schema: type[kit.PayloadSchema]) -> list[dict[str, Any]]:
    """An empty list is an empty answer with 204."""
    return [] if answer.status == 204 else answer.read(schema(many=True), under="data")


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise kit.PayloadError("with a status or source that is no text")
    return (value or "").strip()
