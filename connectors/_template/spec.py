"""What the Template ATS connector can do, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

DOCS = "https://developers.example.com/ats"
UNCHECKED = "Not yet compared with the vendor's pages."

SPEC = kit.ConnectorSpec(
    name="template",
    title="Template ATS",
    docs_url=DOCS,
    capabilities={
        Capability.WEBHOOK: kit.reported(f"{DOCS}/webhooks", UNCHECKED),
        Capability.FETCH: kit.reported(f"{DOCS}/applications", UNCHECKED),
        Capability.REPORT: kit.reported(f"{DOCS}/notes", UNCHECKED),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.SIGNED,
        verification="X-Signature is the HMAC-SHA256 of the raw body with the webhook secret.",
        signature=kit.BodyHmac("X-Signature"),
        ack_status=200,
        delivery_id_header="X-Delivery",
    ),
    rate_limit=kit.RateLimit(calls=50, seconds=10, per="credential", source=f"{DOCS}/limits"),
    settings=(
        kit.secret(
            "webhook_secret",
            "The secret shown when the webhook is made. Two, separated by a comma, while "
            "you change it.",
            "Webhook作成時に表示されるシークレットです。変更中は新旧2つをカンマで区切って"
            "入力できます。",
        ),
        kit.secret(
            "api_key",
            "An API key that may read applications and write notes.",
            "応募の参照とメモの書き込みができるAPIキーです。",
        ),
        kit.address("https://api.example.com/ats/v1"),
    ),
    events=(
        "application.created",
        "application.rejected",
        "application.reopened",
        "application.withdrawn",
        "application.hired",
        "candidate.deleted",
    ),
    ignored_events=("application.commented",),
)
