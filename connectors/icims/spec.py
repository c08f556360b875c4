"""What the iCIMS connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

COMMUNITY = "https://developer-community.icims.com"
CONNECT = f"{COMMUNITY}/platform/services/connecting-and-authentication"
EVENTS = f"{COMMUNITY}/workflow-status-change-notification"
SEARCH = f"{COMMUNITY}/applications/applicant-tracking/search-api"
PATCH = f"{COMMUNITY}/api/231"
APPROVAL = "Needs iCIMS' approval of the integration, or an integration user of your own."
OFF = "none"
NOWHERE = "https://token.invalid"
"""RFC 2606: a name that nobody can have; iCIMS gives out the real one with the credentials."""

SPEC = kit.ConnectorSpec(
    name="icims",
    title="iCIMS",
    docs_url=COMMUNITY,
    capabilities={
        Capability.WEBHOOK: kit.gated(
            EVENTS,
            f"{APPROVAL} Only moves by your own users are described as triggers, status by status.",
        ),
        Capability.POLL: kit.gated(
            SEARCH,
            f"{APPROVAL} The status filter's name is not documented: off until it is told.",
        ),
        Capability.FETCH: kit.gated(CONNECT, APPROVAL),
        Capability.FIELD_TOKEN: kit.unconfirmed(
            PATCH,
            f"{APPROVAL} Writing a field is documented; that a mail prints one nobody says, so "
            "look at one mail first. The link is written when one of your triggers tells of the "
            "case, so choose a trigger before the rejection.",
        ),
        Capability.REPORT: kit.gated(
            PATCH, f"{APPROVAL} A field. How notes are written is each customer's configuration."
        ),
        Capability.REASONS: kit.missing(CONNECT, "The status is the reason; no call lists them."),
        Capability.ATS_MESSAGE: kit.missing(CONNECT, "No call sends a mail."),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification="Authorization holds iCIMS' own signature (x-icims-v1-hmac-sha256) over "
        "method, path, signed headers and, by its hash, the body; with webhook_auth 'basic' HTTP "
        "Basic instead.",
    ),
    rate_limit=kit.RateLimit(400, 3600, per="customer"),
    poll_seconds=3600,
    experimental=True,
    notice_is_delayed=True,
    events=("WorkFlowStatusChangeEvent",),
    settings=(
        kit.Setting(
            "customer_id",
            "Your customer id: the number behind /customers/ in addresses of the API.",
            "お客様ID（APIのURLの/customers/に続く番号）。",
        ),
        kit.choice(
            "api_auth",
            "How we sign in: basic (integration user) or oauth (client credentials).",
            "認証方式：basic（連携用ユーザー）またはoauth（client credentials）。",
            "basic",
            "oauth",
        ),
        kit.Setting(
            "client_id",
            "User name of the integration user, or OAuth client ID.",
            "連携用ユーザーのユーザー名、またはOAuthのクライアントID。",
        ),
        kit.secret(
            "client_secret", "Its password, or client secret.", "パスワード、またはシークレット。"
        ),
        kit.webhook_secret(
            "Secret of the event notification", "イベント通知のシークレット", found="changes"
        ),
        kit.optional(
            "webhook_user",
            "User that you typed in for the event notification.",
            "イベント通知に入力したユーザー名。",
            default="careerrelay",
        ),
        kit.choice(
            "webhook_auth",
            "Security of the event notification: hmac or basic.",
            "イベント通知のセキュリティー：hmacまたはbasic。",
            "hmac",
            "basic",
        ),
        kit.REJECTED_STATUSES,
        kit.WITHDRAWN_STATUSES,
        kit.HIRED_STATUSES,
        kit.Setting(
            "report_field",
            "Name of a text field of the applicant workflow that shows the registration.",
            "登録済みであることを表示する、応募ワークフローのテキスト項目の名前。",
        ),
        kit.optional(
            "link_field",
            "For field_token: name of a field of the applicant workflow for the link.",
            "field_tokenの場合：リンクを書き込む、応募ワークフローの項目の名前。",
        ),
        kit.optional(
            "source_field",
            "Name of the applicant workflow's field for the source, where it has one.",
            "応募経路の項目の名前（ある場合）。",
        ),
        kit.optional(
            "status_filter",
            "The search's name for the status, as iCIMS' Search page has it; none: no polling.",
            "検索で使うステータスの名前（iCIMSのSearchのページで確認します）。noneの場合、定期取得を"
            "行いません。",
            default=OFF,
        ),
        kit.optional(
            "search_days",
            "How many days of changes each poll reads.",
            "定期取得のたびに遡る日数。",
            default="9",
        ),
        kit.NOTICE_DELAY_DAYS,
        kit.SOURCE_CHANNELS,
        kit.address("https://api.icims.com"),
        kit.address(NOWHERE, name="token_url"),
    ),
    notes=(
        "iCIMS tells in the event, and nowhere else that is documented, when a status changed.",
        "Who stood in such a status at the first poll is left alone, unless edited much later.",
        "Third parties report 10,000 calls a day for each customer; ours keep below that.",
        "Statuses are ids (D10105), not names; event notifications under OAuth are not taken.",
    ),
)
