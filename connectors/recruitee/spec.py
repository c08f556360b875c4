"""What the Recruitee connector can do, what a company types in, and how we know."""

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

GUIDE = "https://docs.recruitee.com"
API = "https://api.recruitee.com/docs/index.html"
HOOKS = "https://docs.recruitee.com/docs/webhooks"
SEARCH = "https://github.com/jnot807/recruitee-mcp"
SENDER = "https://github.com/wingbackapp/recruitee-round-robin-interview-service"
TAGGER = "https://github.com/Parameswaran-L/RecruiteeToWhatsApp"

SPEC = ConnectorSpec(
    name="recruitee",
    title="Recruitee",
    docs_url=GUIDE,
    capabilities={
        Capability.WEBHOOK: Support(Evidence.DOCUMENTED, HOOKS),
        Capability.POLL: Support(
            Evidence.REPORTED, SEARCH, note="The search's filters are those of public clients."
        ),
        Capability.FETCH: Support(
            Evidence.REPORTED, API, note="Keys as public clients read them from real accounts."
        ),
        Capability.REPORT: Support(
            Evidence.REPORTED,
            TAGGER,
            note="Note (documented) and tag (as a public client adds it). How a profile field is "
            "written is not documented.",
        ),
        Capability.REASONS: Support(
            Evidence.REPORTED, API, note="No reason says who ended the case."
        ),
        Capability.FIELD_TOKEN: Support(
            Evidence.MISSING,
            "https://support.recruitee.com/en/articles/6400477",
            note="No placeholder for profile fields is documented.",
        ),
        Capability.ATS_MESSAGE: Support(
            Evidence.MISSING,
            SENDER,
            note="A public integration sends mail by an endpoint of the app itself; but nothing "
            "known tells afterwards whether a mail was sent, so after a lost answer a rejection "
            "could be sent twice.",
        ),
    },
    webhook=WebhookSpec(
        trust=Trust.SIGNED,
        verification="X-Recruitee-Signature is the HMAC-SHA256 of the raw body with the web "
        "hook's secret, as hex.",
        ack_status=200,
    ),
    rate_limit=RateLimit(2, 1, per="account", source=GUIDE),
    notice_is_delayed=True,
    settings=(
        Setting(
            "company_id",
            "Company id: the number under Settings > Apps and plugins > API tokens.",
            "会社ID（Settings > Apps and plugins > API tokensに表示される番号）。",
        ),
        Setting(
            "api_token",
            "Personal API token of a Recruitee user made for CareerRelay.",
            "CareerRelay用に作成したRecruiteeユーザーのAPIトークン。",
            secret=True,
        ),
        Setting(
            "webhook_secret",
            "Secret of the web hook ('Show secret'). While changing it: new and old one, "
            "separated by a comma. Empty: rejections are found by polling alone.",
            "Webhookのシークレット（「Show secret」）。変更期間中は新旧2つをカンマ区切りで"
            "入力します。空欄の場合は定期取得のみで検知します。",
            secret=True,
            required=False,
        ),
        Setting(
            "note_visibility",
            "Who sees the note: public (everybody who may see the candidate) or private.",
            "メモの公開範囲。public（候補者を閲覧できる全員）またはprivate。",
            required=False,
            default="public",
            choices=("public", "private"),
        ),
        NOTICE_DELAY_DAYS,
        SOURCE_CHANNELS,
        DO_NOT_CONTACT_TAGS,
        HISTORY_DAYS,
        address("https://api.recruitee.com"),
    ),
    events=("candidate_created", "candidate_moved", "candidate_assigned", "candidate_deleted"),
    notes=(
        "A case is a candidate on a job; its id here is both, with a colon between them.",
        "No flag tells a rejection from a withdrawal: every disqualify reason needs a line in "
        "the reason map, by its name.",
        "Polling finds disqualifications; that one was taken back only a web hook tells.",
    ),
)
