"""What the Recruitee connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

GUIDE = "https://docs.recruitee.com"
API = "https://api.recruitee.com/docs/index.html"
HOOKS = "https://docs.recruitee.com/docs/webhooks"
SEARCH = "https://github.com/jnot807/recruitee-mcp"
SENDER = "https://github.com/wingbackapp/recruitee-round-robin-interview-service"
TAGGER = "https://github.com/Parameswaran-L/RecruiteeToWhatsApp"
PLACEHOLDERS = "https://support.recruitee.com/en/articles/6400477"
MAILBOX_SEND = "mailbox_send"

SPEC = kit.ConnectorSpec(
    name="recruitee",
    title="Recruitee",
    docs_url=GUIDE,
    capabilities={
        Capability.WEBHOOK: kit.documented(HOOKS),
        Capability.POLL: kit.reported(SEARCH, "The search's filters are those of public clients."),
        Capability.FETCH: kit.reported(API, "Keys as public clients read them from real accounts."),
        Capability.REPORT: kit.reported(
            TAGGER,
            "Note (documented) and tag (as a public client adds it). How a profile field is "
            "written is not documented.",
        ),
        Capability.REASONS: kit.reported(API, "No reason says who ended the case."),
        Capability.FIELD_TOKEN: kit.missing(
            PLACEHOLDERS, "No placeholder for profile fields is documented."
        ),
        Capability.ATS_MESSAGE: kit.reported(
            SENDER,
            "By an endpoint of the app itself that a public integration uses, so mailbox_send has "
            "to be on. Nothing tells afterwards whether a mail was sent: it is asked for once, "
            "and after a lost answer a person looks.",
        ),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.SIGNED,
        verification="X-Recruitee-Signature is the HMAC-SHA256 of the raw body with the web "
        "hook's secret, as hex.",
        signature=kit.BodyHmac("X-Recruitee-Signature"),
        ack_status=200,
    ),
    rate_limit=kit.RateLimit(2, 1, per="account"),
    notice_is_delayed=True,
    message_unseen=True,
    message_switch=MAILBOX_SEND,
    settings=(
        kit.Setting(
            "company_id",
            "Company id: the number under Settings > Apps and plugins > API tokens.",
            "会社ID（Settings > Apps and plugins > API tokensに表示される番号）。",
        ),
        kit.secret(
            "api_token",
            "Personal API token of a Recruitee user made for CareerRelay.",
            "CareerRelay用に作成したRecruiteeユーザーのAPIトークン。",
        ),
        kit.webhook_secret(
            "Secret of the web hook ('Show secret')", "Webhookのシークレット（「Show secret」）"
        ),
        kit.choice(
            "note_visibility",
            "Who sees the note: public (everybody who may see the candidate) or private.",
            "メモの公開範囲。public（候補者を閲覧できる全員）またはprivate。",
            "public",
            "private",
        ),
        kit.choice(
            MAILBOX_SEND,
            "on: strategy ats_message may send the notice from the mailbox of the token's user. "
            "First take the automatic e-mail out of the disqualify reasons, or people get two.",
            "onにすると、トークンのユーザーのメールボックスからお知らせを送れます（ats_message）。"
            "二通届かないよう、先に不採用理由の自動送信メールを外してください。",
            "off",
            "on",
        ),
        *kit.USUAL,
        kit.address("https://api.recruitee.com"),
    ),
    events=("candidate_created", "candidate_moved", "candidate_assigned", "candidate_deleted"),
    notes=(
        "A case is a candidate on a job; its id here is both, with a colon between them.",
        "No flag tells a rejection from a withdrawal: every disqualify reason needs a line in "
        "the reason map, by its name.",
        "Polling finds disqualifications; that one was taken back only a web hook tells.",
    ),
)
