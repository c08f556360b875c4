"""What the Acme ATS connector can do, and how we know."""

from __future__ import annotations

from careerrelay.connectors import (
    Capability,
    ConnectorSpec,
    Evidence,
    Setting,
    Support,
    Trust,
    WebhookSpec,
)

DOCS = "https://acme.example.com/developers"

SPEC = ConnectorSpec(
    name="acme",
    title="Acme ATS",
    docs_url=DOCS,
    capabilities={
        Capability.WEBHOOK: Support(Evidence.DOCUMENTED, f"{DOCS}/hooks"),
        Capability.FETCH: Support(Evidence.DOCUMENTED, f"{DOCS}/cases"),
        Capability.REPORT: Support(Evidence.DOCUMENTED, f"{DOCS}/labels"),
        Capability.REASONS: Support(Evidence.DOCUMENTED, f"{DOCS}/reasons"),
        Capability.FIELD_TOKEN: Support(
            Evidence.MISSING, f"{DOCS}/mails", note="Acme's mails know no custom fields."
        ),
    },
    webhook=WebhookSpec(
        trust=Trust.HINT,
        verification="HTTP Basic with the user 'careerrelay' and the webhook password.",
        ack_status=204,
    ),
    settings=(
        Setting(
            "webhook_password",
            help="The password typed into the webhook's address in Acme.",
            help_ja="AcmeのWebhook送信先に設定したパスワードです。",
            secret=True,
        ),
        Setting(
            "client_id",
            help="The client id of the API application.",
            help_ja="APIアプリケーションのクライアントIDです。",
        ),
        Setting(
            "client_secret",
            help="The client secret of the API application.",
            help_ja="APIアプリケーションのクライアントシークレットです。",
            secret=True,
        ),
        Setting(
            "api_url",
            help="The address of your Acme API.",
            help_ja="ご利用中のAcme APIのURLです。",
            required=False,
            default="https://api.acme.example.com",
        ),
        Setting(
            "token_url",
            help="Where access tokens are issued.",
            help_ja="アクセストークンの発行先URLです。",
            required=False,
            default="https://login.acme.example.com/token",
        ),
    ),
    events=("case.changed", "person.removed"),
    ignored_events=("case.viewed",),
)
