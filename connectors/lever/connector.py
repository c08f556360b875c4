"""One company's Lever account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from careerrelay import connectors as kit

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


class LeverConnector(kit.Connector):
    """Thin signals in, the truth by API; the link stands in the template for everyone."""

    spec = SPEC

    def prepare(self) -> None:
        hours, days = (
            kit.whole_number(self.settings, name=name, high=99_999)
            for name in ("webhook_max_age_hours", "unarchive_watch_days")
        )
        self._signed = webhook.SignedInside(max_age=timedelta(hours=hours))
        self._client = LeverClient(self)
        self._poll = Poll(
            self._client,
            snapshot=self._snapshot,
            watch_days=days,
            by=self,
        )

    def verify_webhook(self, request: kit.WebhookRequest) -> None:
        self._signed.verify(request, settings=self.settings)

    def parse_webhook(self, request: kit.WebhookRequest) -> list[kit.ApplicationEvent]:
        return webhook.parse(request)

    def sign_webhook(self, request: kit.WebhookRequest) -> kit.WebhookRequest:
        return self._signed.sign(request, settings=self.settings)

    def delivery_id(self, request: kit.WebhookRequest) -> str:
        return webhook.delivery_token(request) or super().delivery_id(request)

    def fetch_application(self, application_id: str) -> kit.Application:
        return self._snapshot(self._client.opportunity(application_id))

    def poll(self, cursor: Mapping[str, Any]) -> kit.PollPage:
        return self._poll.page(cursor)

    def report_registration(
        self, application: kit.Application, report: kit.RegistrationReport
    ) -> None:
        """Note, tag, and link where the report has one; each at most once."""
        case = application.external_id
        notes = kit.Notes(
            lambda: self._client.note_texts(case), lambda text: self._client.add_note(case, text)
        )
        kit.write_report(report, by=self, notes=notes)
        if report.tag:
            self._client.add_tags(case, [report.tag])
        if report.url:
            self._client.add_links(case, [report.url])

    def reasons(self) -> Sequence[kit.Reason]:
        """Every reason but those of type ``hired``; inactive ones stand on older cases."""
        return [known.reason for known in self._reasons(anew=True).values() if not known.hired]

    def check(self) -> list[kit.Check]:
        return checks.run(self._client, self)

    def _snapshot(self, record: Mapping[str, Any]) -> kit.Application:
        erased = is_anonymised(record)
        return application_for(
            record,
            job=None if erased else self._job(latest_posting(record)),
            reason=None if erased or not archived_at(record) else self._reason(record),
        )

    def _job(self, posting: str | None) -> kit.Job | None:
        if posting is None:
            return None
        return self.recalled(f"posting {posting}", lambda: self._find_job(posting))

    def _find_job(self, posting: str) -> kit.Job | None:
        try:
            title = self._client.posting(posting)["text"]
        except kit.ApiNotFoundError:
            return None  # Confidential to this key, or deleted: the case is a case all the same.
        return kit.Job(posting, title or posting)

    def _reason(self, record: Mapping[str, Any]) -> ArchiveReason | None:
        reason_id = archive_reason_id(record)
        if reason_id is None:
            return None
        reasons = self._reasons()
        if reason_id not in reasons:
            reasons = self._reasons(anew=True)
        # A reason Lever no longer lists stays unmapped under its id; no link goes out for it.
        deleted = ArchiveReason(kit.Reason(reason_id, reason_id), hired=False)
        return reasons.get(reason_id, deleted)

    def _reasons(self, *, anew: bool = False) -> Mapping[str, ArchiveReason]:
        return self.recalled("archive reasons", self._read_reasons, anew=anew)

    def _read_reasons(self) -> dict[str, ArchiveReason]:
        read = (reason_for(record) for record in self._client.archive_reasons())
        return {known.reason.external_id: known for known in read}
