"""What the Ashby connector can do, what a company types in, and how we know."""

from __future__ import annotations

import dataclasses

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

DOCS = "https://developers.ashbyhq.com/docs"
REFERENCE = "https://developers.ashbyhq.com/reference"
TEMPLATES = "https://docs.ashbyhq.com/email-template-creation-and-management"
OTHER_MATTERS = (
    "ping interviewPlanTransition interviewScheduleCreate interviewScheduleUpdate jobCreate "
    "jobUpdate jobPostingUpdate jobPostingPublish jobPostingUnpublish offerCreate offerDelete "
    "offerUpdate openingCreate pushToHRIS signatureRequestUpdate surveySubmit"
)

SPEC = kit.ConnectorSpec(
    name="ashby",
    title="Ashby",
    docs_url="https://developers.ashbyhq.com",
    capabilities={
        Capability.WEBHOOK: kit.documented(f"{DOCS}/authenticating-webhooks"),
        Capability.POLL: kit.documented(f"{DOCS}/pagination-and-incremental-sync"),
        Capability.FETCH: kit.documented(f"{REFERENCE}/applicationinfo"),
        Capability.FIELD_TOKEN: kit.documented(TEMPLATES),
        Capability.REPORT: kit.documented(f"{REFERENCE}/candidatecreatenote"),
        Capability.REASONS: kit.documented(f"{REFERENCE}/archivereasonlist"),
        Capability.MAIL_RECORD: kit.documented(
            f"{REFERENCE}/candidateaddemailmessage", "Needs the permission candidatesWrite."
        ),
        Capability.ATS_MESSAGE: kit.missing(
            REFERENCE,
            "A mail goes out only with an archiving that the API does itself, from a "
            "template; no call sends text, and none sends a mail afterwards.",
        ),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.SIGNED,
        verification="Ashby-Signature is 'sha256=' and the HMAC-SHA256 of the raw body with the "
        "web hook's secret token, which is optional in Ashby and compulsory here.",
        signature=kit.BodyHmac("Ashby-Signature", prefix="sha256="),
        # Ashby does not send a hook again that was answered with 401, 403, 404, 405 or 410
        # (https://developers.ashbyhq.com/docs/retries), and a secret may be mistyped for a day.
        refuse_status=503,
    ),
    link_scope=kit.LinkScope.CANDIDATE,
    settings=(
        kit.secret(
            "api_key",
            "API key made under Admin > Integrations > API Keys.",
            "「Admin > Integrations > API Keys」で発行したAPIキー。",
        ),
        kit.webhook_secret(
            "Secret token of the web hooks, the same for each",
            "Webhookのシークレットトークン（すべてのWebhookで共通）",
            found="changes",
        ),
        kit.optional(
            "link_field",
            "Name of the candidate field that holds the personal link, as it stands in Ashby.",
            "個人用リンクを書き込む候補者カスタムフィールドの名前（Ashbyでの表示どおり）。",
            default="CareerRelay link",
        ),
        kit.report_place(
            "report_field",
            "Name of a candidate field (text)",
            "候補者カスタムフィールド（テキスト）の名前",
        ),
        dataclasses.replace(
            kit.SOURCE_CHANNELS, default="Sourced=scout, Agency=agent, Agencies=agent"
        ),
        kit.HISTORY_DAYS,
        kit.address("https://api.ashbyhq.com"),
    ),
    events=(
        "applicationSubmit",
        "candidateStageChange",
        "applicationUpdate",
        "candidateHire",
        "candidateDelete",
        "candidateMerge",
    ),
    ignored_events=tuple(OTHER_MATTERS.split()),
    notes=(
        "Ashby publishes no numbers for its limits; a 429 is waited out as it says.",
        "Bulk imports fire no web hook; polling finds them and fills the field.",
        "Leads who never applied are left alone.",
        "A mail of ours is recorded under its delivery's id, which Ashby wants to be unique; what "
        "it answers to a second one is not documented, so an answer that does not name "
        "emailProviderEmailId is left to a person.",
    ),
)
