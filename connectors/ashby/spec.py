"""What the Ashby connector can do, what a company types in, and how we know."""

from __future__ import annotations

import dataclasses

from careerrelay.connectors import (
    HISTORY_DAYS,
    SOURCE_CHANNELS,
    Capability,
    ConnectorSpec,
    Evidence,
    LinkScope,
    Setting,
    Support,
    Trust,
    WebhookSpec,
    address,
)

DOCS = "https://developers.ashbyhq.com/docs"
REFERENCE = "https://developers.ashbyhq.com/reference"
TEMPLATES = "https://docs.ashbyhq.com/email-template-creation-and-management"

SPEC = ConnectorSpec(
    name="ashby",
    title="Ashby",
    docs_url="https://developers.ashbyhq.com",
    capabilities={
        Capability.WEBHOOK: Support(Evidence.DOCUMENTED, f"{DOCS}/authenticating-webhooks"),
        Capability.POLL: Support(Evidence.DOCUMENTED, f"{DOCS}/pagination-and-incremental-sync"),
        Capability.FETCH: Support(Evidence.DOCUMENTED, f"{REFERENCE}/applicationinfo"),
        Capability.FIELD_TOKEN: Support(Evidence.DOCUMENTED, TEMPLATES),
        Capability.REPORT: Support(Evidence.DOCUMENTED, f"{REFERENCE}/candidatecreatenote"),
        Capability.REASONS: Support(Evidence.DOCUMENTED, f"{REFERENCE}/archivereasonlist"),
        Capability.ATS_MESSAGE: Support(
            Evidence.MISSING,
            REFERENCE,
            note="A mail goes out only with an archiving that the API does itself, from a "
            "template; no call sends text, and none sends a mail afterwards.",
        ),
    },
    webhook=WebhookSpec(
        trust=Trust.SIGNED,
        verification="Ashby-Signature is 'sha256=' and the HMAC-SHA256 of the raw body with the "
        "web hook's secret token, which is optional in Ashby and compulsory here.",
        # Ashby does not send a hook again that was answered with 401, 403, 404, 405 or 410
        # (https://developers.ashbyhq.com/docs/retries), and a secret may be mistyped for a day.
        refuse_status=503,
    ),
    link_scope=LinkScope.CANDIDATE,
    settings=(
        Setting(
            "api_key",
            "API key made under Admin > Integrations > API Keys.",
            "「Admin > Integrations > API Keys」で発行したAPIキー。",
            secret=True,
        ),
        Setting(
            "webhook_secret",
            "Secret token of the web hooks, the same for each. While changing it: new and old one, "
            "separated by a comma. Empty: changes are found by polling alone.",
            "Webhookのシークレットトークン（すべてのWebhookで共通）。変更期間中は新旧2つをカンマ"
            "区切りで入力します。空欄の場合は定期取得のみで検知します。",
            secret=True,
            required=False,
        ),
        Setting(
            "link_field",
            "Name of the candidate field that holds the personal link, as it stands in Ashby.",
            "個人用リンクを書き込む候補者カスタムフィールドの名前（Ashbyでの表示どおり）。",
            required=False,
            default="CareerRelay link",
        ),
        Setting(
            "report_field",
            "Name of a candidate field (text) that shows the registration as well; empty: none.",
            "登録済みであることを表示する候補者カスタムフィールド（テキスト）の名前。"
            "不要な場合は空欄。",
            required=False,
            default="",
        ),
        dataclasses.replace(SOURCE_CHANNELS, default="Sourced=scout, Agency=agent, Agencies=agent"),
        HISTORY_DAYS,
        address("https://api.ashbyhq.com"),
    ),
    events=(
        "applicationSubmit",
        "candidateStageChange",
        "applicationUpdate",
        "candidateHire",
        "candidateDelete",
        "candidateMerge",
    ),
    ignored_events=(
        "ping",
        "interviewPlanTransition",
        "interviewScheduleCreate",
        "interviewScheduleUpdate",
        "jobCreate",
        "jobUpdate",
        "jobPostingUpdate",
        "jobPostingPublish",
        "jobPostingUnpublish",
        "offerCreate",
        "offerDelete",
        "offerUpdate",
        "openingCreate",
        "pushToHRIS",
        "signatureRequestUpdate",
        "surveySubmit",
    ),
    notes=(
        "Ashby publishes no numbers for its limits; a 429 is waited out as it says.",
        "Bulk imports fire no web hook; polling finds them and fills the field.",
        "Leads who never applied are left alone.",
    ),
)
