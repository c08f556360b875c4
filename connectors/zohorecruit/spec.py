"""What the Zoho Recruit connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

API = "https://www.zoho.com/recruit/developer-guide/apiv2/whats-new.html"
HOOKS = (
    "https://help.zoho.com/portal/en/kb/recruit/automation/workflow/webhooks/articles/"
    "zoho-recruit-webhooks"
)
CLIENT = "https://github.com/kesslerio/zoho-recruit-openclaw-skill"
KOMBO = "https://docs.kombo.dev/ats/connectors/zohorecruit"
SCOPES = "ZohoRecruit.modules.ALL and ZohoRecruit.modules.notes.ALL"

SPEC = kit.ConnectorSpec(
    name="zohorecruit",
    title="Zoho Recruit",
    docs_url=API,
    capabilities={
        Capability.WEBHOOK: kit.documented(
            HOOKS,
            "That workflow rules exist for applications is not documented; look at your account.",
        ),
        Capability.POLL: kit.reported(CLIENT, "Order and paging as a public client uses them."),
        Capability.FETCH: kit.reported(CLIENT, "Names of fields are settings: read your own."),
        Capability.FIELD_TOKEN: kit.unconfirmed(
            HOOKS,
            "Writing a field is reported, and merge fields with custom fields are documented for "
            "web hooks; that a mail prints them nobody says, so look at one mail first. A "
            "rejection within half an hour of the application may leave before the link is there.",
        ),
        Capability.REPORT: kit.reported(
            CLIENT, "A note, as a public client writes it, and a field."
        ),
        Capability.REASONS: kit.missing(KOMBO, "Statuses are the company's own; no reasons."),
        Capability.ATS_MESSAGE: kit.missing(CLIENT, "A path for it is marked as unconfirmed."),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification="The custom parameter cr_secret holds webhook_secret; nothing is signed.",
    ),
    rate_limit=kit.RateLimit(1, 1, per="account"),
    poll_seconds=900,
    experimental=True,
    notice_is_delayed=True,
    events=("workflow",),
    settings=(
        kit.Setting("client_id", "Client ID of the API console.", "API ConsoleのクライアントID。"),
        kit.secret("client_secret", "Client secret.", "クライアントシークレット。"),
        kit.secret(
            "refresh_token",
            f"Refresh token with the scopes {SCOPES}.",
            f"リフレッシュトークン（スコープ：{SCOPES}）。",
        ),
        kit.webhook_secret(
            "What you typed as the web hook's custom parameter cr_secret",
            "Webhookのカスタムパラメーターcr_secretに入力した値",
        ),
        kit.REJECTED_STATUSES,
        kit.WITHDRAWN_STATUSES,
        kit.HIRED_STATUSES,
        kit.optional(
            "link_field",
            "API name of the URL field of Applications that your rejection mail shows.",
            "不採用メールに差し込むURL項目（Applications）のAPI参照名。",
            default="CareerRelay_Link",
        ),
        kit.report_place(
            "report_field", "API name of a field of Applications", "Applicationsの項目のAPI参照名"
        ),
        kit.Setting(
            "note_module",
            "Where notes are written: Applications, or Candidates where your account shows none "
            "on applications.",
            "メモの書き込み先：Applications、または応募にメモ欄がない場合はCandidates。",
            required=False,
            default="Applications",
            choices=("Applications", "Candidates"),
        ),
        kit.optional(
            "status_field",
            "API name of the application's status.",
            "応募ステータスのAPI参照名。",
            default="Application_Status",
        ),
        kit.optional(
            "candidate_field",
            "API name of the application's candidate.",
            "応募の候補者項目のAPI参照名。",
            default="Candidate_Id",
        ),
        kit.optional(
            "job_field",
            "API name of the application's job opening.",
            "応募の求人項目のAPI参照名。",
            default="Job_Opening_Name",
        ),
        kit.optional(
            "source_field",
            "API name of the application's source, where it has one.",
            "応募経路の項目のAPI参照名（ある場合）。",
        ),
        kit.optional(
            "stop_field",
            "API name of a checkbox that means 'do not contact', where you have one.",
            "「連絡不可」を示すチェックボックスのAPI参照名（ある場合）。",
        ),
        kit.NOTICE_DELAY_DAYS,
        kit.SOURCE_CHANNELS,
        kit.HISTORY_DAYS,
        kit.address("https://recruit.zoho.jp/recruit/v2"),
        kit.address("https://accounts.zoho.jp/oauth/v2/token", name="token_url"),
    ),
    notes=(
        "api_url and token_url must be of the same data centre.",
        "Zoho does not say when a status changed; the record's last change stands for it.",
        "Who was deleted is not noticed: the call that lists them is not documented for Recruit.",
    ),
)
