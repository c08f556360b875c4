"""One company's Lever account."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from careerrelay.connectors.base import Check, Connector
from careerrelay.connectors.http import HttpClient
from careerrelay.connectors.oauth import TokenStore, utcnow
from careerrelay.models.candidates import Application, Job, Reason
from careerrelay.models.errors import ApiNotFoundError, ConfigurationError
from careerrelay.models.events import (
    ApplicationEvent,
    PollPage,
    RegistrationReport,
    WebhookRequest,
)

from . import checks, webhook
from .client import LeverClient
from .poll import Poll
from .records import (
    ArchiveReason,
    application_for,
    archive_reason_id,
    archived_at,
    is_anonymised,
    latest_posting,
    reason_for,
)
from .spec import SPEC


class LeverConnector(Connector):
    """Thin signals in, the truth by API; the link stands in the template for everyone."""

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
        self._signature_tokens = settings["signature_tokens"]
        self._max_age = timedelta(hours=self._whole_number("webhook_max_age_hours"))
        self._client = LeverClient(
            self.http,
            base_url=settings["base_url"],
            api_key=settings["api_key"],
            perform_as=settings["perform_as"],
        )
        self._poll = Poll(
            self._client,
            snapshot=self._snapshot,
            history_days=self._whole_number("history_days"),
            watch_days=self._whole_number("unarchive_watch_days"),
            clock=clock,
        )

    def verify_webhook(self, request: WebhookRequest) -> None:
        webhook.verify(request, signature_tokens=self._signature_tokens, max_age=self._max_age)

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        return webhook.sign(request, signature_tokens=self._signature_tokens, max_age=self._max_age)

    def delivery_id(self, request: WebhookRequest) -> str:
        return webhook.delivery_token(request) or super().delivery_id(request)

    def fetch_application(self, application_id: str) -> Application:
        return self._snapshot(self._client.opportunity(application_id))

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        return self._poll.page(cursor)

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        """Note, tag, and link where the report has one; each at most once."""
        case = application.external_id
        if not any(report.marker in text for text in self._client.note_texts(case)):
            self._client.add_note(case, report.text)
        if report.tag:
            self._client.add_tags(case, [report.tag])
        if report.url:
            self._client.add_links(case, [report.url])

    def reasons(self) -> Sequence[Reason]:
        """Every reason but those of type ``hired``; inactive ones stand on older cases."""
        return [known.reason for known in self._reasons(anew=True).values() if not known.hired]

    def check(self) -> list[Check]:
        return checks.run(self._client, self.settings, now=self.clock())

    def _snapshot(self, record: Mapping[str, Any]) -> Application:
        erased = is_anonymised(record)
        return application_for(
            record,
            job=None if erased else self._job(latest_posting(record)),
            reason=None if erased or not archived_at(record) else self._reason(record),
        )

    def _job(self, posting: str | None) -> Job | None:
        if posting is None:
            return None
        return self.recalled(f"posting {posting}", lambda: self._find_job(posting))

    def _find_job(self, posting: str) -> Job | None:
        try:
            title = self._client.posting(posting)["text"]
        except ApiNotFoundError:
            return None  # Confidential to this key, or deleted: the case is a case all the same.
        return Job(posting, title or posting)

    def _reason(self, record: Mapping[str, Any]) -> ArchiveReason | None:
        reason_id = archive_reason_id(record)
        if reason_id is None:
            return None
        reasons = self._reasons()
        if reason_id not in reasons:
            reasons = self._reasons(anew=True)
        # A reason Lever no longer lists stays unmapped under its id; no link goes out for it.
        deleted = ArchiveReason(Reason(reason_id, reason_id), hired=False)
        return reasons.get(reason_id, deleted)

    def _reasons(self, *, anew: bool = False) -> Mapping[str, ArchiveReason]:
        return self.recalled("archive reasons", self._read_reasons, anew=anew)

    def _read_reasons(self) -> dict[str, ArchiveReason]:
        read = (reason_for(record) for record in self._client.archive_reasons())
        return {known.reason.external_id: known for known in read}

    def _whole_number(self, name: str) -> int:
        value = self.settings[name].strip()
        if not (value.isascii() and value.isdigit() and len(value) <= 5):
            raise ConfigurationError(f"Lever: {name} must be a whole number of at most 5 digits")
        return int(value)
