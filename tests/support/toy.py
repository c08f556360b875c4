"""A connector without a vendor: signed webhooks, and everything it is asked to do is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from careerrelay.connectors.base import Connector
from careerrelay.connectors.spec import (
    Capability,
    ConnectorSpec,
    Evidence,
    LinkScope,
    Setting,
    Support,
    Trust,
    WebhookSpec,
)
from careerrelay.models.candidates import Application
from careerrelay.models.errors import ApiConflictError, ApiNotFoundError, WebhookVerificationError
from careerrelay.models.events import (
    ApplicationEvent,
    OutgoingMessage,
    PollPage,
    RegistrationReport,
    SentMail,
    WebhookRequest,
)
from careerrelay.models.schemas import dump_event, load_event

SECRET = "toy-webhook-secret"
DOCUMENTED = Support(Evidence.DOCUMENTED, "https://toy.example/docs")


@dataclass
class ToyVendor:
    """What the toy ATS holds; ``trouble`` is called first by every call and may raise."""

    applications: dict[str, Application] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    messages: dict[str, OutgoingMessage] = field(default_factory=dict)
    unseen: list[OutgoingMessage] = field(default_factory=list)
    mails: dict[str, tuple[str, SentMail]] = field(default_factory=dict)
    events: list[ApplicationEvent] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    trouble: Callable[[str], None] = field(default=lambda _operation: None)

    def call(self, operation: str) -> None:
        self.calls.append(operation)
        self.trouble(operation)


class ToyConnector(Connector):
    vendor: ClassVar[ToyVendor]
    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="toy",
        title="Toy ATS",
        docs_url="https://toy.example/docs",
        capabilities={
            Capability.WEBHOOK: DOCUMENTED,
            Capability.FETCH: DOCUMENTED,
            Capability.POLL: DOCUMENTED,
            Capability.FIELD_TOKEN: DOCUMENTED,
            Capability.REPORT: DOCUMENTED,
        },
        settings=(
            Setting("webhook_secret", "Webhook secret", "Webhookの秘密鍵", secret=True),
            Setting(
                "base_url", "API URL", "APIのURL", default="https://toy.example", required=False
            ),
        ),
        webhook=WebhookSpec(Trust.SIGNED, "HMAC of the body", delivery_id_header="X-Toy-Id"),
        link_scope=LinkScope.CANDIDATE,
        events=("changed",),
    )

    def verify_webhook(self, request: WebhookRequest) -> None:
        expected = _sign(self.settings["webhook_secret"], request.body)
        if not hmac.compare_digest(expected, request.headers.get("x-toy-signature", "")):
            raise WebhookVerificationError("the signature is not made with webhook_secret")

    def parse_webhook(self, request: WebhookRequest) -> list[ApplicationEvent]:
        return [load_event(json.loads(request.body))]

    def sign_webhook(self, request: WebhookRequest) -> WebhookRequest:
        signature = _sign(self.settings["webhook_secret"], request.body)
        headers = {**request.headers, "x-toy-signature": signature}
        return WebhookRequest(
            request.method,
            request.path,
            request.query,
            headers,
            request.body,
            request.received_at,
        )

    def fetch_application(self, application_id: str) -> Application:
        self.vendor.call("fetch")
        if application_id not in self.vendor.applications:
            raise ApiNotFoundError("gone", connector="toy", operation="fetch", status=404)
        return self.vendor.applications[application_id]

    def poll(self, cursor: Mapping[str, Any]) -> PollPage:
        self.vendor.call("poll")
        seen = int(cursor.get("seen", 0))
        page = tuple(self.vendor.events[seen : seen + 100])
        return PollPage(page, {"seen": seen + len(page)}, len(self.vendor.events) > seen + 100)

    def write_link(self, application: Application, url: str, *, ours: str) -> None:
        self.vendor.call("write_link")
        key = application.candidate.external_id
        if not self.vendor.fields.get(key, "").startswith(ours) and self.vendor.fields.get(key):
            raise ApiConflictError("not ours", connector="toy", operation="write", status=409)
        self.vendor.fields[key] = url

    def report_registration(self, application: Application, report: RegistrationReport) -> None:
        self.vendor.call("report")
        notes = self.vendor.notes.setdefault(application.candidate.external_id, [])
        if not any(report.marker in note for note in notes):
            notes.append(report.text)


class HintToyConnector(ToyConnector):
    """The same, but its webhooks are only hints."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="hint",
        title="Hint ATS",
        docs_url="https://toy.example/docs",
        capabilities=ToyConnector.spec.capabilities,
        settings=ToyConnector.spec.settings,
        webhook=WebhookSpec(Trust.HINT, "HMAC of the body", delivery_id_header="X-Toy-Id"),
        events=("changed",),
    )


class MessagingToyConnector(HintToyConnector):
    """The same, and it sends a message when asked."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="messaging",
        title="Messaging ATS",
        docs_url="https://toy.example/docs",
        capabilities={**HintToyConnector.spec.capabilities, Capability.ATS_MESSAGE: DOCUMENTED},
        settings=ToyConnector.spec.settings,
        webhook=HintToyConnector.spec.webhook,
        events=("changed",),
    )

    def send_message(self, application: Application, message: OutgoingMessage) -> None:
        self.vendor.call("send_message")
        self.vendor.messages.setdefault(message.marker, message)


class UnseenToyConnector(MessagingToyConnector):
    """The same, but nothing tells afterwards what it has sent, and it has to be switched on."""

    spec: ClassVar[ConnectorSpec] = replace(
        MessagingToyConnector.spec,
        name="unseen",
        title="Unseen ATS",
        settings=(
            *MessagingToyConnector.spec.settings,
            Setting(
                "sending", "Send", "送信", required=False, default="off", choices=("off", "on")
            ),
        ),
        message_unseen=True,
        message_switch="sending",
    )

    def send_message(self, application: Application, message: OutgoingMessage) -> None:
        self.vendor.call("send_message")
        self.vendor.unseen.append(message)
        self.vendor.call("answer")


class KeepingToyConnector(HintToyConnector):
    """The same, and it keeps the mails that we send."""

    spec: ClassVar[ConnectorSpec] = ConnectorSpec(
        name="keeping",
        title="Keeping ATS",
        docs_url="https://toy.example/docs",
        capabilities={
            **HintToyConnector.spec.capabilities,
            Capability.MAIL_RECORD: Support(
                Evidence.DOCUMENTED, "https://toy.example/docs", "Needs the permission mails:write."
            ),
        },
        settings=ToyConnector.spec.settings,
        webhook=HintToyConnector.spec.webhook,
        events=("changed",),
    )

    def record_mail(self, application: Application, mail: SentMail) -> None:
        self.vendor.call("record_mail")
        self.vendor.mails.setdefault(mail.marker, (application.candidate.external_id, mail))


def _sign(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def toy_webhook(event: ApplicationEvent, *, delivery: str, secret: str = SECRET) -> WebhookRequest:
    """The request the toy ATS sends for an event."""
    body = json.dumps(dump_event(event)).encode()
    headers = {"x-toy-id": delivery, "x-toy-signature": _sign(secret, body)}
    return WebhookRequest("POST", "/webhooks/toy", "", headers, body, datetime.now(UTC))
