"""Greenhouse: the connector's class, glue only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from careerrelay import connectors as kit

from . import checks, polling, webhook
from .cases import CaseReader
from .client import HarvestClient
from .custom_fields import CandidateFields
from .spec import SPEC


class GreenhouseConnector(kit.Connector):
    """One organisation on Greenhouse Recruiting."""

    spec = SPEC

    def prepare(self) -> None:
        kit.whole_number(self.settings, name="acting_user_id", high=999_999_999)
        self._months = kit.whole_number(self.settings, name="backfill_months", high=1200)
        self._client = HarvestClient(self)
        self._reader = CaseReader(self._client, channels=self.policy.channels)
        types = self.settings["round_trip_types"].replace(",", " ").split()
        self._fields = CandidateFields(self._client, round_trip_types=types)

    def sign_webhook(self, request: kit.WebhookRequest) -> kit.WebhookRequest:
        return webhook.sign(request, secrets=self.settings["webhook_secret"])

    def verify_webhook(self, request: kit.WebhookRequest) -> None:
        webhook.verify(request, secrets=self.settings["webhook_secret"])

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        return webhook.parse(request, channels=self.policy.channels)

    def answer_handshake(self, request: kit.WebhookRequest) -> kit.WebhookReply | None:
        return webhook.answer_ping(request, secrets=self.settings["webhook_secret"])

    def fetch_application(self, application_id: str) -> kit.Application:
        row = self._client.case(application_id)
        with self.reading("list applications"):
            return self._reader.over([row])(row)

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        return polling.poll(
            self._client, self._reader, cursor=cursor, months=self._months, now=self.clock()
        )

    def write_link(self, application: kit.Application, url: str, *, ours: str) -> None:
        self._fields.put(
            application.candidate.external_id,
            key=self.settings["link_field"],
            value=url,
            ours=ours,
        )

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """Tag and field first: they may be repeated. The note last, and only if not there."""
        person = self._client.candidate(application.candidate.external_id)["id"]
        self._tag(person, name=self.settings["tag"] or report.tag)
        key, case = self.settings["report_field"], application.external_id
        kit.write_report(
            report,
            by=self,
            notes=kit.Notes(
                lambda: (note["body"] for note in self._client.notes(person)),
                lambda text: self._client.add_note(
                    candidate_id=person, application_id=case, body=text
                ),
            ),
            field=lambda _: key and self._fields.put(person, key=key, value=report.tag, ours=None),
        )

    def reasons(self) -> Sequence[kit.Reason]:
        return self._reader.reasons()

    def check(self) -> list[kit.Check]:
        return checks.check(self._client, self.settings, channels=self.policy.channels)

    def _tag(self, candidate_id: str, *, name: str) -> None:
        tag_id = self._client.tag_id(name)
        if tag_id not in self._client.applied_tags(candidate_id):
            self._client.apply_tag(candidate_id=candidate_id, tag_id=tag_id)
