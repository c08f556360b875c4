"""One company's Ashby account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from careerrelay import connectors as kit

from . import webhook
from .client import METADATA, READ, WRITE, AshbyClient, next_page
from .records import application_from, event_from, reason_from
from .spec import SPEC

KEYS = "Admin > Integrations > API Keys"


class AshbyConnector(kit.Connector):
    """Signed web hooks that tell the whole case, and a link field in the company's templates."""

    spec = SPEC

    def prepare(self) -> None:
        self._policy = kit.Policy.read(self.settings)
        self._client = AshbyClient(
            self.http, url=self.settings["api_url"], api_key=self.settings["api_key"]
        )

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        return webhook.parse(request, policy=self._policy)

    def fetch_application(self, application_id: str) -> kit.Application:
        return application_from(self._client.application(application_id), policy=self._policy)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        """What changed since the token of the last round; a token that is refused begins anew.

        https://developers.ashbyhq.com/docs/pagination-and-incremental-sync : every other
        parameter must stay the same from round to round, hence ``since``.
        """
        since = cursor.get("since") or self._ms(self._policy.history)
        asked = {"createdAfter": since, "syncToken": cursor.get("token")}
        asked["cursor"] = cursor.get("page")
        try:
            cases, envelope = self._client.applications({k: v for k, v in asked.items() if v})
        except kit.ApiRequestError:
            if not (asked["syncToken"] or asked["cursor"]):
                raise
            return kit.PollPage((), {"since": since}, more=True)
        events = [e for c in cases for e in event_from(c, policy=self._policy, ats_event="poll")]
        page = next_page(envelope)
        if page and page == asked["cursor"]:
            self.fail_response("application.list", "a new nextCursor")
        token = asked["syncToken"] if page else envelope["sync_token"] or asked["syncToken"]
        later = {"since": since, "token": token, "page": page}
        return kit.PollPage(tuple(events), {k: v for k, v in later.items() if v}, more=bool(page))

    def write_link(self, application: kit.Application, url: str, *, ours: str) -> None:
        person, field_id = application.candidate.external_id, self._link_field()
        held = self._client.candidate(person)["custom_fields"]
        value = next((row["value"] for row in held if row["id"] == field_id), None) or ""
        if value == url:
            return
        if value and not str(value).startswith(ours):
            raise kit.ApiConflictError(
                f"the field {self.settings['link_field']} of this candidate holds something else; "
                "empty it in Ashby, or name another field in link_field",
                connector=SPEC.name,
                operation="customField.setValue",
            )
        self._client.set_field(person, field_id, url or None)

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        person, client = application.candidate.external_id, self._client
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(
                lambda: client.notes(person), lambda text: client.add_note(person, text)
            ),
            tags=kit.Tags(
                lambda: [tag["title"] for tag in client.candidate(person)["tags"]],
                lambda tags: client.add_tags(person, tags),
                adds=True,
            ),
            field=lambda _: self._show(person, report.tag),
        )

    def record_mail(self, application: kit.Application, mail: kit.SentMail) -> None:
        self._client.add_mail(application.candidate.external_id, mail)

    def _show(self, person: str, text: str) -> None:
        if self.settings["report_field"]:
            self._client.set_field(person, self._field("report_field"), text)

    def reasons(self) -> Sequence[kit.Reason]:
        return [reason_from(row) for row in self._client.reasons()]

    def check(self) -> list[kit.Check]:
        """Three kinds of reading; writing is tried only by a delivery or a report."""
        allow = f"Give the key {{}} under {KEYS}."
        probes = [
            kit.Probe(
                "applications",
                lambda: self._client.applications({"limit": 1}) and "may be read",
                allow.format(f"{READ} and {WRITE}"),
            ),
            kit.Probe("reasons", lambda: f"{len(self.reasons())} reasons", allow.format(METADATA)),
            kit.Probe(
                "link_field",
                lambda: self._link_field() and "found",
                "Make a candidate field of that name, of type URL, enabled in e-mail templates.",
            ),
        ]
        return kit.run_probes(
            probes, credentials="api_key", remedy=f"Make a key under {KEYS} and type it in api_key."
        )

    def _link_field(self) -> str:
        return self._field("link_field")

    def _field(self, setting: str) -> str:
        """Its id. Raises ApiRequestError naming the setting."""
        found = self._client.field_id(self.settings[setting])
        if found is None:
            raise kit.ApiRequestError(
                f"Ashby has no candidate field of the name in {setting}",
                connector=SPEC.name,
                operation="customField.list",
            )
        return found

    def _ms(self, history: timedelta) -> int:
        return int((self.clock() - history).timestamp() * 1000)
