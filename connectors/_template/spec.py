"""What the Template ATS connector can do, and how we know."""

from __future__ import annotations

from careerrelay.connectors import (
    Capability,
    ConnectorSpec,
    Evidence,
    RateLimit,
    Setting,
    Support,
    Trust,
    WebhookSpec,
)

DOCS = "https://developers.example.com/ats"

SPEC = ConnectorSpec(
    name="template",
    title="Template ATS",
    docs_url=DOCS,
    capabilities={
        Capability.WEBHOOK: Support(
            Evidence.REPORTED, f"{DOCS}/webhooks", note="Not yet compared with the vendor's pages."
        ),
        Capability.FETCH: Support(
            Evidence.REPORTED,
            f"{DOCS}/applications",
            note="Not yet compared with the vendor's pages.",
        ),
        Capability.REPORT: Support(
            Evidence.REPORTED, f"{DOCS}/notes", note="Not yet compared with the vendor's pages."
        ),
    },
    webhook=WebhookSpec(
        trust=Trust.SIGNED,
        verification="X-Signature is the HMAC-SHA256 of the raw body with the webhook secret.",
        ack_status=200,
        delivery_id_header="X-Delivery",
    ),
    rate_limit=RateLimit(calls=50, seconds=10, per="credential", source=f"{DOCS}/limits"),
    settings=(
        Setting(
            "webhook_secret",
            help="The secret shown when the webhook is made. Two, separated by a comma, while "
            "you change it.",
            help_ja="Webhook作成時に表示されるシークレットです。変更中は新旧2つをカンマで区切って"
            "入力できます。",
            secret=True,
        ),
        Setting(
            "api_key",
            help="An API key that may read applications and write notes.",
            help_ja="応募の参照とメモの書き込みができるAPIキーです。",
            secret=True,
        ),
        Setting(
            "api_url",
            help="The API's address; another one for a sandbox or region.",
            help_ja="APIのURLです。検証環境や別リージョンを使う場合に変更します。",
            required=False,
            default="https://api.example.com/ats/v1",
        ),
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
