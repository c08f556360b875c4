"""What the Breezy HR connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

REFERENCE = "https://developer.breezy.hr/reference"
DOCS = "https://developer.breezy.hr/docs"
CONVERSATION = f"{DOCS}/company-position-candidate-conversation-add"
ATTRIBUTE = f"{DOCS}/company-position-candidate-custom-attribute-update"
DISPOSITIONS = "https://help.breezy.hr/en/articles/8709230"
# Reads a candidate's activities with their types and times.
ACTIVITY = "https://docs.unified.to/integrations/breezyhr"

SPEC = kit.ConnectorSpec(
    name="breezyhr",
    title="Breezy HR",
    docs_url=f"{REFERENCE}/overview",
    capabilities={
        Capability.WEBHOOK: kit.documented(
            f"{REFERENCE}/webhook-security",
            "Needs a Pro plan. The body does not say what kind of stage it names, so the "
            "candidate is fetched.",
        ),
        Capability.POLL: kit.documented(
            f"{DOCS}/company-position-candidates",
            "One call for each published or closed position, every hour.",
        ),
        Capability.FETCH: kit.reported(
            ACTIVITY,
            "The candidate is documented; that its stream tells when the stage changed is "
            "what public clients read.",
        ),
        Capability.ATS_MESSAGE: kit.documented(
            CONVERSATION,
            "Sent as a message in the candidate's thread, under a subject of Breezy's.",
        ),
        Capability.REPORT: kit.reported(
            ATTRIBUTE,
            "Custom attribute and tags are documented; the comment is written and found again "
            "in the stream as public clients do.",
        ),
        Capability.REASONS: kit.reported(
            DISPOSITIONS,
            "Disqualification reasons are not in the API. The names of the pipelines' stages "
            "of the type 'disqualified' stand for them.",
        ),
        Capability.FIELD_TOKEN: kit.missing(
            f"{DOCS}/company-position-candidate-update",
            "No merge token for custom attributes in templates is documented.",
        ),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification="X-Hook-Signature is the HMAC-SHA256 of the body, as sent or written "
        "compactly, with the whole secret (whsec_...), as hex.",
    ),
    # https://docs.lava.so sums the vendor's overview page up like that.
    rate_limit=kit.RateLimit(100, 60, per="access token", source=f"{REFERENCE}/overview"),
    poll_seconds=3600,
    settings=(
        kit.Setting(
            "company_id",
            "Company id: _id in the answer of GET /companies.",
            "会社ID（GET /companiesの応答にある_id）。",
        ),
        kit.secret(
            "api_token",
            "API access token of a Breezy user made for CareerRelay.",
            "CareerRelay用に作成したBreezyユーザーのAPIアクセストークン。",
        ),
        kit.webhook_secret(
            "Secret of the web hook endpoint (whsec_..., shown once)",
            "Webhookのシークレット（whsec_で始まり、作成時に一度だけ表示）",
            found="changes",
        ),
        kit.optional(
            "hired_stages",
            "Names or types of the stages that mean 'hired', separated by commas.",
            "「採用」を意味するステージの名前または種別（カンマ区切り）。",
            default="Hired",
        ),
        kit.optional(
            "notice_delay_days",
            "Days after a disqualification before CareerRelay writes to the candidate. 0 where the "
            "stage sends no e-mail of its own, as ats_message wants it; else longer than the "
            "longest delay of that e-mail.",
            "不採用から、CareerRelayが候補者にお知らせを送れるようになるまでの日数。ステージの自動"
            "メールを外している場合（ats_messageの前提）は0。自動メールを残す場合は、その送信を"
            "遅らせている最長の期間より長くしてください。",
            default="0",
        ),
        kit.choice(
            "message_format",
            "How Breezy takes a message: text as it is, or html with line breaks as tags. Not "
            "documented; look at the first message.",
            "メッセージの形式。text（そのまま）またはhtml（改行をタグに変換）。Breezyの公開資料に"
            "記載がないため、最初のメッセージの見え方でご確認ください。",
            "text",
            "html",
        ),
        kit.optional(
            "report_attribute",
            "Name of the custom attribute that shows the registration as well.",
            "登録済みであることを表示するカスタム属性の名前。",
            default="CareerRelay",
        ),
        kit.SOURCE_CHANNELS,
        kit.DO_NOT_CONTACT_TAGS,
        kit.HISTORY_DAYS,
        kit.address("https://api.breezy.hr/v3"),
    ),
    events=("candidateAdded", "candidateStatusUpdated", "candidateDeleted"),
    notes=(
        "A case is a candidate record on a position; its id here is both, with a colon between.",
        "A person on two positions is two records with two ids.",
        "A stage of the type 'disqualified' says that a case ended, not by whom: each such stage "
        "needs a line in the reason map, by its name. That the type is called so, and that a move "
        "changes updated_date, is what public clients read.",
        "Sourced candidates count as scout and those of a recruiter as agent; source_channels "
        "says otherwise.",
        "An automatic deletion (GDPR) fires no web hook: a record that is gone is noticed when it "
        "is next asked for.",
    ),
)
