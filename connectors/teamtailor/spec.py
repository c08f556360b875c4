"""What the Teamtailor connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

from .signature import CompanySignature

API = "https://docs.teamtailor.com"
HOOKS = "https://partner.teamtailor.com/company_webhooks"
MERGE_FIELDS = "https://support.teamtailor.com/en/articles/114127"
CLIENT = "https://github.com/SebastienMelki/teamtailor-go-sdk-mcp"
UNCHECKED = "Shapes of the vendor's text of 2021 and of a public client of 2026."
SUPPORT = "Sent once and never again; Teamtailor's support switches the feature on."
REPORT = "Note, tag and custom field. Partner results are for listed partners only."
NO_FIELD = "Placeholders are names and the job's title; custom fields cannot be one."

SPEC = kit.ConnectorSpec(
    name="teamtailor",
    title="Teamtailor",
    docs_url=API,
    capabilities={
        Capability.WEBHOOK: kit.documented(HOOKS, SUPPORT),
        Capability.POLL: kit.reported(CLIENT, UNCHECKED),
        Capability.FETCH: kit.documented(API, UNCHECKED),
        Capability.REPORT: kit.documented(API, f"{REPORT} {UNCHECKED}"),
        Capability.REASONS: kit.documented(API, UNCHECKED),
        Capability.FIELD_TOKEN: kit.missing(MERGE_FIELDS, NO_FIELD),
        Capability.ATS_MESSAGE: kit.missing(API, "No endpoint sends a message."),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.SIGNED,
        verification="TT-Signature (version 2) is the HMAC-SHA256 of its time, a dot and the "
        "payload, with the web hook's signature key.",
        signature=CompanySignature(),
    ),
    rate_limit=kit.RateLimit(5, 1, per="API key"),
    notice_is_delayed=True,
    merge_syntax="{job-title}",
    settings=(
        kit.secret(
            "api_key",
            "API key with the scope Admin, read and write (Settings > Integrations > API keys).",
            "スコープがAdmin（読み取り・書き込み）のAPIキー。",
        ),
        kit.webhook_secret(
            "Signature key of the web hook (version 2)", "Webhookの署名キー（バージョン2）"
        ),
        kit.author("user_id", "Teamtailor"),
        kit.report_place(
            "report_field",
            "Id of a candidate custom field (text)",
            "候補者のカスタム項目（テキスト）のID",
        ),
        *kit.USUAL,
        kit.optional(
            "api_version",
            "Version of the API, as the header X-Api-Version wants it.",
            "APIのバージョン（ヘッダーX-Api-Versionの値）。",
            default="20240904",
        ),
        kit.address("https://api.teamtailor.com/v1"),
    ),
    events=(
        "job_application.create",
        "job_application.update",
        "job_application.destroy",
        "candidate.destroy",
    ),
    ignored_events=("candidate.create", "candidate.update", "job.create", "job.update"),
    notes=(
        "transparent-recruiting-visible-at is honoured: nothing of CareerRelay's own is sent "
        "before. It is known from web hooks only; without one notice_delay_days are waited.",
        "A reject reason says who ended the case. Where nobody chose one the reason is called "
        "'none', and needs a line in the reason map.",
        "Whether a rejection moves updated-at is expected, not documented.",
    ),
)
