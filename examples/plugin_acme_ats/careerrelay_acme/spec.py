"""What the Acme ATS connector can do, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

DOCS = "https://acme.example.com/developers"

SPEC = kit.ConnectorSpec(
    name="acme",
    title="Acme ATS",
    docs_url=DOCS,
    capabilities={
        Capability.WEBHOOK: kit.documented(f"{DOCS}/hooks"),
        Capability.FETCH: kit.documented(f"{DOCS}/cases"),
        Capability.REPORT: kit.documented(f"{DOCS}/labels"),
        Capability.REASONS: kit.documented(f"{DOCS}/reasons"),
        Capability.FIELD_TOKEN: kit.missing(f"{DOCS}/mails", "Acme's mails know no custom fields."),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification="HTTP Basic with the user 'careerrelay' and the webhook password.",
        signature=kit.BasicLogin(),
        ack_status=204,
    ),
    settings=(
        kit.secret(
            "webhook_password",
            "The password typed into the webhook's address in Acme.",
            "AcmeのWebhook送信先に設定したパスワードです。",
        ),
        *kit.client_pair("the API application in Acme", "AcmeのAPIアプリケーション"),
        kit.address("https://api.acme.example.com"),
        kit.address("https://login.acme.example.com/token", name="token_url"),
    ),
    events=("case.changed", "person.removed"),
    ignored_events=("case.viewed",),
)
