"""Greenhouse: the connector's class, glue only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from careerrelay.connectors import (
    Application,
    ApplicationEvent,
    Check,
    ConfigurationError,
    Connector,
    HttpClient,
    PollPage,
    Reason,
    RegistrationReport,
    TokenStore,
    WebhookReply,
    WebhookRequest,
    utcnow,
)

from . import checks, polling, webhook
from .cases import CaseReader
from .client import HarvestClient
from .custom_fields import CandidateFields
from .spec import SPEC
from .words import source_channels


class GreenhouseConnector(Connector):
    """One organisation on Greenhouse Recruiting."""

    spec = SPEC

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        http: HttpClient | None = None,
        tokens: TokenStore | None = None,
        clock: Callable[[], datetime] = utcnow,
    ) -> None:
        super().__init__(settings, http=http, tokens=tokens, clock=clock)
        self._channels = source_channels(settings.get("source_channels", ""))
        for name in ("acting_user_id", "backfill_months"):
            if not settings[name].isascii() or not settings[name].isdigit():
                raise ConfigurationError(f"{name} must be a whole number")

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        return webhook.sign(request, secrets=self.settings["webhook_secret"])

    def verify_webhook(self, request: WebhookRequest) -> None:
        webhook.verify(request, secrets=self.settings["webhook_secret"])

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return webhook.parse(request, channels=self._channels)

    def answer_handshake(self, request: WebhookRequest) -> WebhookReply | None:
        return webhook.answer_ping(request, secrets=self.settings["webhook_secret"])

    def fetch_application(self, application_id: str) -> Application:
        return self._reader.snapshots([self._client.case(application_id)])[0]

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        months = int(self.settings["backfill_months"])
        return polling.poll(
            self._client, self._reader, cursor=cursor, months=months, now=self.clock()
        )

    def write_link(self, application: Application, url: str, *, ours: str) -> None:
        self._fields.put(
            application.candidate.external_id,
            key=self.settings["link_field"],
            value=url,
            ours=ours,
        )

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """Tag and field first: they may be repeated. The note last, and only if not there."""
        person = self._client.candidate(application.candidate.external_id)["id"]
        self._tag(person, name=self.settings["tag"] or report.tag)
        if self.settings["report_field"]:
            self._fields.put(person, key=self.settings["report_field"], value=report.tag, ours=None)
        if not any(report.marker in (note["body"] or "") for note in self._client.notes(person)):
            self._client.add_note(
                candidate_id=person,
                application_id=application.external_id,
                body=report.text,
            )

    def reasons(self) -> Sequence[Reason]:
        return self._reader.reasons()

    def check(self) -> list[Check]:
        return checks.check(self._client, self.settings, channels=self._channels)

    def _tag(self, candidate_id: str, *, name: str) -> None:
        tag_id = self._client.tag_id(name)
        if tag_id not in self._client.applied_tags(candidate_id):
            self._client.apply_tag(candidate_id=candidate_id, tag_id=tag_id)

    @cached_property
    def _client(self) -> HarvestClient:
        return HarvestClient(self.settings, http=self.http, tokens=self.tokens, clock=self.clock)

    @cached_property
    def _reader(self) -> CaseReader:
        return CaseReader(self._client, channels=self._channels)

    @cached_property
    def _fields(self) -> CandidateFields:
        types = self.settings["round_trip_types"].replace(",", " ").split()
        return CandidateFields(self._client, round_trip_types=types)
