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


def _field(name: str, what: str, what_ja: str, *, held: str = "") -> kit.Setting:
    """Which field of an application holds it; each account may have given it another name."""
    told = f"API name of the application's field for {what}."
    return kit.optional(name, told, f"{what_ja}のAPI参照名。", default=held)


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
        signature=kit.UrlToken("cr_secret", setting="webhook_secret", in_form=True),
    ),
    rate_limit=kit.RateLimit(1, 1, per="account"),
    poll_seconds=900,
    experimental=True,
    notice_is_delayed=True,
    end_moves=True,
    events=("workflow",),
    settings=(
        *kit.client_pair("the API console", "API Console"),
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
        kit.choice(
            "note_module",
            "Where notes are written: Applications, or Candidates where your account shows none "
            "on applications.",
            "メモの書き込み先：Applications、または応募にメモ欄がない場合はCandidates。",
            "Applications",
            "Candidates",
        ),
        _field("status_field", "the status", "応募ステータスの項目", held="Application_Status"),
        _field("candidate_field", "the candidate", "候補者の項目", held="Candidate_Id"),
        _field("job_field", "the job opening", "求人の項目", held="Job_Opening_Name"),
        _field("source_field", "the source, if there is one", "応募経路の項目（ある場合）"),
        _field(
            "stop_field",
            "a checkbox that means 'do not contact', if there is one",
            "「連絡不可」を示すチェックボックス（ある場合）",
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
