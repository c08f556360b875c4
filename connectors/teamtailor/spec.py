"""What the Teamtailor connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay.connectors import (
    DO_NOT_CONTACT_TAGS,
    HISTORY_DAYS,
    NOTICE_DELAY_DAYS,
    SOURCE_CHANNELS,
    Capability,
    ConnectorSpec,
    Evidence,
    RateLimit,
    Setting,
    Support,
    Trust,
    WebhookSpec,
    address,
)

API = "https://docs.teamtailor.com"
HOOKS = "https://partner.teamtailor.com/company_webhooks"
CLIENT = "https://github.com/SebastienMelki/teamtailor-go-sdk-mcp"
UNCHECKED = "Shapes of the vendor's text of 2021 and of a public client of 2026."

SPEC = ConnectorSpec(
    name="teamtailor",
    title="Teamtailor",
    docs_url=API,
    capabilities={
        Capability.WEBHOOK: Support(
            Evidence.DOCUMENTED,
            HOOKS,
            note="Sent once and never again; Teamtailor's support switches the feature on.",
        ),
        Capability.POLL: Support(Evidence.REPORTED, CLIENT, note=UNCHECKED),
        Capability.FETCH: Support(Evidence.DOCUMENTED, API, note=UNCHECKED),
        Capability.REPORT: Support(
            Evidence.DOCUMENTED,
            API,
            note="Note, tag and custom field. Partner results are for listed partners only.",
        ),
        Capability.REASONS: Support(Evidence.DOCUMENTED, API),
        Capability.FIELD_TOKEN: Support(
            Evidence.MISSING,
            "https://support.teamtailor.com/en/articles/114127",
            note="Placeholders are names and the job's title; custom fields cannot be one.",
        ),
        Capability.ATS_MESSAGE: Support(Evidence.MISSING, API, note="No endpoint sends a message."),
    },
    webhook=WebhookSpec(
        trust=Trust.SIGNED,
        verification="TT-Signature (version 2) is the HMAC-SHA256 of its time, a dot and the "
        "payload, with the web hook's signature key.",
    ),
    rate_limit=RateLimit(5, 1, per="API key", source=API),
    notice_is_delayed=True,
    merge_syntax="{job-title}",
    settings=(
        Setting(
            "api_key",
            "API key with the scope Admin, read and write (Settings > Integrations > API keys).",
            "スコープがAdmin（読み取り・書き込み）のAPIキー。",
            secret=True,
        ),
        Setting(
            "webhook_secret",
            "Signature key of the web hook (version 2). While changing it: new and old one, "
            "separated by a comma. Empty: rejections are found by polling alone.",
            "Webhookの署名キー（バージョン2）。変更期間中は新旧2つをカンマ区切りで入力します。"
            "空欄の場合は定期取得のみで検知します。",
            secret=True,
            required=False,
        ),
        Setting(
            "user_id",
            "Id of the Teamtailor user in whose name notes are written.",
            "メモの書き込み者となるTeamtailorユーザーのID。",
        ),
        Setting(
            "report_field",
            "Id of a candidate custom field (text) that shows the registration as well; empty: "
            "none.",
            "登録済みであることを表示する候補者のカスタム項目（テキスト）のID。不要な場合は空欄。",
            required=False,
            default="",
        ),
        NOTICE_DELAY_DAYS,
        SOURCE_CHANNELS,
        DO_NOT_CONTACT_TAGS,
        HISTORY_DAYS,
        Setting(
            "api_version",
            "Version of the API, as the header X-Api-Version wants it.",
            "APIのバージョン（ヘッダーX-Api-Versionの値）。",
            required=False,
            default="20240904",
        ),
        address("https://api.teamtailor.com/v1"),
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
