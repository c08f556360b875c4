"""What the Lever connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

API = "https://hire.lever.co/developer/documentation"
HOOKS = "https://help.lever.co/hc/en-us/articles/20087284427677"
PARAMETERS = "https://github.com/tonyxiao/openSDKs"
PLACEHOLDERS = "https://help.lever.co/hc/en-us/articles/20087359674269"
MAILBOXES = "https://help.lever.co/hc/en-us/articles/360013094552"

ACCESS_SETTINGS = (
    kit.secret(
        "api_key",
        "API key made by a Super Admin under Settings > Integrations and API > API Credentials.",
        "特権管理者（Super Admin）が「Settings > Integrations and API > API Credentials」で"
        "発行したAPIキー。",
    ),
    kit.Setting(
        "perform_as",
        "Id of the Lever user in whose name notes, tags and links are written "
        "(best a user made for this).",
        "メモ・タグ・リンクの書き込み者となるLeverユーザーのID（専用ユーザーの作成をおすすめします）。",
    ),
    kit.Setting(
        "signature_tokens",
        "Signature tokens of the web hooks, separated by commas: one for each event, and old and "
        "new while changing one. Empty where the package has no web hooks.",
        "Webhookの署名トークン（Signature token）。イベントごとのトークンや、"
        "変更期間中の新旧トークンはカンマ区切りで入力します。Webhookのない契約プランでは空欄。",
        secret=True,
        required=False,
        default="",
    ),
)

READING_SETTINGS = (
    kit.optional(
        "webhook_max_age_hours",
        "A web hook that Lever triggered longer ago than this many hours is refused.",
        "Leverでの発生からこの時間数を超えて届いたWebhookは受け付けません。",
        default="24",
    ),
    kit.HISTORY_DAYS,
    kit.optional(
        "unarchive_watch_days",
        "For how many days after an archiving the poll looks again whether it was taken back; "
        "0: never.",
        "アーカイブ後、取り消し（Unarchive）の有無をポーリングで確認し続ける日数。0の場合は確認しません。",
        default="7",
    ),
    kit.optional(
        "base_url",
        "Address of the API. Sandbox: https://api.sandbox.lever.co/v1; ask Lever for the address "
        "of another data centre.",
        "APIのURL。サンドボックスはhttps://api.sandbox.lever.co/v1。"
        "他地域のデータセンターのURLはLeverにご確認ください。",
        default="https://api.lever.co/v1",
    ),
)

SPEC = kit.ConnectorSpec(
    name="lever",
    title="Lever",
    docs_url=API,
    capabilities={
        Capability.WEBHOOK: kit.reported(
            HOOKS,
            "Event names are the vendor's; the signature rule and the payload are as "
            "integrators repeat them. Only on packages with web hooks.",
        ),
        Capability.POLL: kit.reported(
            PARAMETERS,
            "Parameters as repeated from the vendor's page. A full alternative to web hooks; "
            "un-archiving is seen only by looking at known records again.",
        ),
        Capability.FETCH: kit.reported(
            API, "Shapes from live answers that third parties recorded."
        ),
        Capability.FIELD_TOKEN: kit.missing(
            PLACEHOLDERS,
            "Placeholders are a fixed list and opportunities have no custom fields.",
        ),
        Capability.ATS_MESSAGE: kit.missing(API, "No endpoint sends mail or lists mail templates."),
        Capability.MAIL_RELAY: kit.documented(
            MAILBOXES,
            "Lever has no SMTP settings: it sends from the recruiter's own Google or "
            "Microsoft 365 account, and the route is set there. What Lever sends by itself does "
            "not pass.",
        ),
        Capability.REPORT: kit.reported(
            API, "Shapes from live answers that third parties recorded."
        ),
        Capability.REASONS: kit.reported(
            API, "Shapes from live answers that third parties recorded."
        ),
    },
    settings=ACCESS_SETTINGS + READING_SETTINGS,
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification="HMAC-SHA256 of the body's token followed by its triggeredAt, with the web "
        "hook's signature token, as lower-case hex in the body's signature; data is not signed.",
    ),
    # A token bucket: 10 a second steady, bursts to 20; 429 carries no Retry-After.
    # As third parties sum that page up; bursts of 20 that it also allows are not used.
    rate_limit=kit.RateLimit(10, 1, per="credential", source=API),
    events=(
        "candidateArchiveChange",
        "candidateHired",
        "applicationCreated",
        "candidateDeleted",
    ),
    ignored_events=(
        "candidateStageChange",
        "interviewCreated",
        "interviewUpdated",
        "interviewDeleted",
        "contactCreated",
        "contactUpdated",
    ),
    merge_syntax="{{Newest job posting}}",
    notes=(
        "A case is an opportunity; one contact can have several.",
        "No flag tells a rejection from a withdrawal: every archive reason that is not of type "
        "'hired' needs a line in the reason map.",
        "OAuth is gated: Lever issues it by hand to approved partners only, and this connector "
        "does not support it. An API key is what Lever offers for a customer's own use.",
        "Confidential opportunities are invisible unless the key was made with access to them; "
        "they never get a link.",
    ),
)
