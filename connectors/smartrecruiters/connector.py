"""One company's SmartRecruiters account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from careerrelay.connectors import (
    Application,
    ApplicationEvent,
    Check,
    Connector,
    EventKind,
    PayloadError,
    Policy,
    PollPage,
    Probe,
    Reason,
    RegistrationReport,
    RejectionSide,
    WebhookReply,
    WebhookRequest,
    Window,
    run_probes,
)

from . import webhook
from .client import ADMIN, READ, SETTINGS, Client
from .records import application_from, case_id, cases, no_case
from .spec import SPEC

NOBODY = "00000000-0000-0000-0000-000000000000"
KEYS = "Settings > Apps & Integrations > Credentials"


class SmartrecruitersConnector(Connector):
    """Thin signals in, the truth by API; the link stands in the templates for everyone."""

    spec = SPEC

    def prepare(self) -> None:
        self._client = Client(self.http, self.settings)
        self._policy = Policy.read(self.settings)

    def verify_webhook(self, request: WebhookRequest) -> None:
        webhook.verify(request, secrets=self.settings["webhook_secret"])

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        return webhook.sign(request, secrets=self.settings["webhook_secret"])

    def answer_handshake(self, request: WebhookRequest) -> WebhookReply | None:
        return webhook.answer_activation(request)

    def fetch_application(
        self,
        application_id: str,
        *,
        candidate_id: str | None = None,  # noqa: ARG002 - in the id
    ) -> Application:
        candidate, _, job = application_id.partition(":")
        person = self._client.candidate(candidate)
        case = next((case for case in cases(person) if case["job"]["id"] == job), None)
        if case is None:
            return no_case(person, job)
        history = self._client.history(candidate, job)
        try:
            return application_from(person, case, history, policy=self._policy)
        except PayloadError as error:
            self.fail_response("get a candidate", error.message.removeprefix("with"))

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        """Who changed. The past is asked for its rejections only; the rest is fetched."""
        window = Window.resume(cursor, now=self.clock(), history=self._policy.history)
        found = self._client.candidates(
            window.since, page=window.page, status="REJECTED" if window.whole else ""
        )
        page = found["next_page_id"] if found["content"] else ""
        if page and page == window.page:
            self.fail_response("list candidates", "a new nextPageId")
        events = [event for person in found["content"] for event in _hints(person)]
        return window.turned(events, page=page)

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """Tag and property first: they may be repeated. The note last, and only if not there."""
        candidate, _, job = application.external_id.partition(":")
        if report.tag not in self._client.tags(candidate):
            self._client.add_tag(candidate, report.tag)
        if id_ := self.settings["report_property"]:
            self._client.set_property(candidate, job, id_=id_, value=report.text)
        if not any(report.marker in text for text in self._client.messages(candidate)):
            self._client.share(
                f"{report.text} #[CANDIDATE:{candidate}]",
                correlation=report.marker,
                share_with=self._share_with(job),
            )

    def _share_with(self, job: str) -> dict[str, Any]:
        open_note = self.settings["note_visibility"] == "open"
        return {"openNote": True} if open_note else {"hiringTeamOf": [job]}

    def reasons(self) -> Sequence[Reason]:
        """Both lists, each with its side."""
        return [
            Reason(found["id"], found["label"] or found["id"], side)
            for side in (RejectionSide.COMPANY, RejectionSide.CANDIDATE)
            for found in self._client.reasons(side)
        ]

    def check(self) -> list[Check]:
        """Nothing of the candidate list: it takes one call at a time, and the poll has it."""
        probes = [
            Probe(
                "candidates",
                lambda: self._client.candidate(NOBODY) and "may be read",
                f"Give the API key an access group with all candidates ({READ}); check api_url.",
                absent_is_fine=True,
            ),
            Probe("reasons", self._reasons, f"Give the key {SETTINGS} under {KEYS}."),
            Probe(
                "notes",
                lambda: any(self._client.messages(NOBODY)) or "may be looked for",
                f"Make a key with {ADMIN} under {KEYS}.",
                absent_is_fine=True,
            ),
            Probe(
                "report_property",
                self._property,
                "Type the id of a candidate property in report_property, or leave it empty.",
            ),
            Probe(
                "web hooks",
                self._webhooks,
                "Subscribe and activate as the guide says; until then polling finds the changes.",
            ),
        ]
        return run_probes(
            probes, credentials="api_key", remedy=f"Make a key under {KEYS} and type it in api_key."
        )

    def _reasons(self) -> str:
        return f"{len(self.reasons())} reasons"

    def _property(self) -> str:
        id_ = self.settings["report_property"]
        return f"found: {self._client.property(id_)['label']}" if id_ else "none is wanted"

    def _webhooks(self) -> Check | str:
        if not self.settings["webhook_secret"]:
            return "webhook_secret is empty: rejections are found by polling alone"
        active = [s for s in self._client.subscriptions() if s["status"].lower() == "active"]
        heard = {event["name"] for subscription in active for event in subscription["events"]}
        missing = [event for event in SPEC.events if event not in heard]
        if not missing:
            return f"active for all of {len(SPEC.events)} events"
        remedy = "Subscribe to them and activate the subscription, as the guide says."
        return Check("web hooks", False, f"none active for {', '.join(missing)}", remedy)


def _hints(person: Mapping[str, Any]) -> Iterator[ApplicationEvent]:
    """Each case of a changed person is worth a look; the list does not say more."""
    for case in cases(person):
        yield ApplicationEvent(
            EventKind.CHANGED,
            person["updated_on"],
            application_id=case_id(person["id"], case["job"]["id"]),
            candidate_id=person["id"],
            ats_event="candidates",
        )
