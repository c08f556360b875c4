"""One company's SmartRecruiters account: https://developers.smartrecruiters.com/reference"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marshmallow import fields

from careerrelay import connectors as kit

from . import webhook
from .records import (
    CandidateSchema,
    ChangeSchema,
    LabelSchema,
    application_from,
    cases,
    no_case,
    version,
)
from .spec import SPEC

PAGE = 100
READ, WRITE, ADMIN = "candidates_read", "candidates_manage", "the role ADMINISTRATOR"
SETTINGS, HOOKS = "configuration_read", "webhooks_manage"
NOBODY = "00000000-0000-0000-0000-000000000000"
KEYS = "Settings > Apps & Integrations > Credentials"
REASONS = {
    kit.RejectionSide.COMPANY: "rejection-reasons",
    kit.RejectionSide.CANDIDATE: "withdrawal-reasons",
}

ListSchema = kit.CamelCaseSchema.of(next_page_id=kit.OptionalText())
MessageSchema = kit.PayloadSchema.of(content=kit.OptionalText())
TagsSchema = kit.PayloadSchema.of(tags=fields.List(fields.String(), required=True))
EventSchema = kit.PayloadSchema.of(name=fields.String(required=True))


class SubscriptionSchema(kit.PayloadSchema):
    events = fields.List(fields.Nested(EventSchema), required=True)
    status = fields.String(required=True)


class SmartrecruitersConnector(kit.Connector):
    """Thin signals in, the truth by API; the link stands in the templates for everyone."""

    spec = SPEC

    def prepare(self) -> None:
        self._api = kit.VendorApi(
            self.http,
            url=self.settings["api_url"],
            headers={"X-SmartToken": self.settings["api_key"]},
            setting="api_key",
            reads=READ,
            writes=WRITE,
        )

    def verify_webhook(self, request: kit.WebhookRequest) -> None:
        webhook.verify(request, secrets=self.settings["webhook_secret"])

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: kit.WebhookRequest) -> kit.WebhookRequest:
        return webhook.sign(request, secrets=self.settings["webhook_secret"])

    def answer_handshake(self, request: kit.WebhookRequest) -> kit.WebhookReply | None:
        return webhook.answer_activation(request)

    def fetch_application(self, application_id: str) -> kit.Application:
        candidate, job = kit.split_pair(application_id)
        person = self._candidate(candidate)
        with self.reading("get a candidate"):
            case = next((case for case in cases(person) if case["job"]["id"] == job), None)
            if case is None:
                return no_case(person, job)
            path = ("candidates", candidate, "jobs", job, "status", "history")
            history, _ = self._list(path, ChangeSchema, "get an application's history")
            return application_from(person, case, history, policy=self.policy)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """Who changed. The past is asked for its rejections only; the rest is fetched.

        One such call at a time is the vendor's limit.
        """
        window = kit.Window.resume(cursor, now=self.clock(), history=self.policy.history)
        params = {"limit": PAGE, "updatedAfter": window.since.isoformat(timespec="milliseconds")}
        params |= {"pageId": window.page} if window.page else {}
        params |= {"status": "REJECTED"} if window.whole else {}
        found, page = self._list(("candidates",), CandidateSchema, "list candidates", params=params)
        with self.reading("list candidates"):
            events = [event for person in found for event in _hints(person)]
            return window.turned(events, page=page)

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        who, job = kit.split_pair(application.external_id)
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(
                lambda: self._messages(who),
                lambda text: self._share(text, who, job, correlation=report.marker),
            ),
            tags=kit.Tags(lambda: self._tags(who), lambda t: self._add_tags(who, t), adds=True),
            field=lambda text: self._set_property(who, job, text),
        )

    def _messages(self, candidate: str) -> Iterator[str]:
        """The feed about a person, all pages."""

        def turn(page: str) -> tuple[list[dict[str, Any]], str]:
            params = {"candidateId": candidate, "limit": PAGE} | ({"pageId": page} if page else {})
            what = "list messages"
            return self._list(("messages",), MessageSchema, what, permission=ADMIN, params=params)

        found = self._api.all_pages(turn, operation="list messages")
        return (message["content"] for message in found)

    def _share(self, text: str, candidate: str, job: str, *, correlation: str) -> None:
        """Add a note. Not idempotent, whatever the correlation id."""
        open_note = self.settings["note_visibility"] == "open"
        body = {
            "content": f"{text} #[CANDIDATE:{candidate}]",
            "correlationId": correlation,
            "shareWith": {"openNote": True} if open_note else {"hiringTeamOf": [job]},
        }
        path = ("messages", "shares")
        answer = self._api.call("POST", path, operation="share a message", json=body)
        answer.read(kit.IdSchema())

    def _tags(self, candidate: str) -> list[str]:
        path = ("candidates", candidate, "tags")
        return self._api.get(path, schema=TagsSchema(), operation="list tags")["tags"]

    def _add_tags(self, candidate: str, tags: Sequence[str]) -> None:
        """POST adds; PUT would replace all of them."""
        path, body = ("candidates", candidate, "tags"), {"tags": tags}
        self._api.call("POST", path, operation="add a tag", json=body).read(TagsSchema())

    def _set_property(self, candidate: str, job: str, value: str) -> None:
        if id_ := self.settings["report_property"]:
            path = ("candidates", candidate, "jobs", job, "properties", id_)
            what = "set a candidate property"
            self._api.call("PUT", path, operation=what, json={"value": value})

    def reasons(self) -> Sequence[kit.Reason]:
        """Both lists, each with its side."""
        asked = (LabelSchema, "list reasons")
        return [
            kit.Reason(found["id"], found["label"] or found["id"], side)
            for side, name in REASONS.items()
            for found in self._list(("configuration", name), *asked, permission=SETTINGS)[0]
        ]

    def check(self) -> list[kit.Check]:
        """Nothing of the candidate list: it takes one call at a time, and the poll has it."""
        subscribe = f"Subscribe and activate as the guide says; the key needs {HOOKS}."
        probes = [
            kit.Probe(
                "candidates",
                lambda: self._candidate(NOBODY) and "may be read",
                f"Give the API key an access group with all candidates ({READ}); check api_url.",
                absent_is_fine=True,
            ),
            kit.Probe(
                "reasons",
                lambda: f"{len(self.reasons())} reasons",
                f"Give the key {SETTINGS} under {KEYS}.",
            ),
            kit.Probe(
                "notes",
                lambda: any(self._messages(NOBODY)) or "may be looked for",
                f"Make a key with {ADMIN} under {KEYS}.",
                absent_is_fine=True,
            ),
            kit.Probe(
                "report_property",
                self._property,
                "Type the id of a candidate property in report_property, or leave it empty.",
            ),
            kit.hooks_probe(self, self._heard, remedy=subscribe),
        ]
        remedy = f"Make a key under {KEYS} and type it in api_key."
        return kit.run_probes(probes, credentials="api_key", remedy=remedy)

    def _property(self) -> str:
        id_ = self.settings["report_property"]
        if not id_:
            return "none is wanted"
        path, what = ("configuration", "candidate-properties", id_), "get a candidate property"
        found = self._api.get(path, schema=LabelSchema(), operation=what, permission=SETTINGS)
        return f"found: {found['label']}"

    def _heard(self) -> list[str]:
        """The events of all active subscriptions."""
        path, schema = ("webhooks-api", "v201907", "subscriptions"), SubscriptionSchema(many=True)
        what = "list web hook subscriptions"
        found = self._api.get(path, schema=schema, operation=what, permission=HOOKS)
        active = [hook for hook in found if hook["status"].lower() == "active"]
        return [event["name"] for hook in active for event in hook["events"]]

    def _candidate(self, candidate: str) -> dict[str, Any]:
        path, what = ("candidates", candidate), "get a candidate"
        return self._api.get(path, schema=CandidateSchema(), operation=what)

    def _list(
        self, path: Sequence[str], schema: type[kit.PayloadSchema], operation: str, **asked: Any
    ) -> tuple[list[dict[str, Any]], str]:
        """A page, and the name of the next one where there is anything on this."""
        answer = self._api.call("GET", path, operation=operation, **asked)
        found = answer.read(schema(many=True), under="content")
        return found, answer.read(ListSchema())["next_page_id"] if found else ""


def _hints(person: Mapping[str, Any]) -> Iterator[kit.ApplicationEvent]:
    """Each case of a changed person is worth a look, unless it was read since the change."""
    for case in cases(person):
        yield kit.hint_event(
            kit.pair_id(person["id"], case["job"]["id"]),
            at=person["updated_on"],
            person=person["id"],
            ats_event="candidates",
            version=version(person, case),
        )
