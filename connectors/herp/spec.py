"""What the HERP Hire connector can do, which settings it needs, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

REFERENCE = "https://public-api.herp.cloud/hire/public/doc"
HELP = "https://help.herp.cloud/ja/articles/HERP-Hire-API-86ba917e"
REASON_LABELS = "https://guide.herp.cloud/faq/e5a6561fc6f645dd886b76fa248b6013"
CLIENT_AUDIT = "https://github.com/lalarsson87/herp-python-client"

CAPABILITIES = {
    Capability.WEBHOOK: kit.missing(
        REFERENCE,
        "The API reference describes no webhook; the connector polls instead.",
    ),
    Capability.POLL: kit.documented(
        HELP,
        "The list of applications is documented; its filter names come from public client code.",
    ),
    Capability.FETCH: kit.reported(
        CLIENT_AUDIT,
        "A single read lacks e-mail address and termination reason, so the list is read for the "
        "day of the application and its requisition as well: two calls, seldom more.",
    ),
    Capability.REPORT: kit.reported(
        REFERENCE,
        "Timeline comments exist, but public clients disagree about the names in the body; the "
        "shape used here follows the one that states the documented length limit.",
    ),
    Capability.REASONS: kit.reported(
        REASON_LABELS,
        "Four fixed values. Only 'rejected' was seen in recorded traffic; the others are paired "
        "with the labels on the screen by their meaning.",
    ),
    Capability.FIELD_TOKEN: kit.missing(
        REFERENCE,
        "Neither custom fields nor merge variables of the mail templates are documented.",
    ),
    Capability.ATS_MESSAGE: kit.missing(
        REFERENCE, "Sending a message through the API is not documented."
    ),
}

SETTINGS = (
    kit.secret(
        "api_key",
        "API key, issued by a HERP Hire administrator under the top-right menu, API キー.",
        "API キー。HERP Hire の管理者が、画面右上のメニュー「APIキー」から発行します。",
    ),
    kit.optional(
        "api_url",
        "Base URL of the API, without /v1. Change it only for tests.",
        "API の基準 URL（/v1 は含みません）。テスト以外では変更しないでください。",
        default="https://public-api.herp.cloud/hire",
    ),
    kit.optional(
        "tenant",
        "First part of your HERP Hire address (TENANT in https://TENANT.v1.herp.cloud), for links "
        "back to the application. Empty: no links.",
        "HERP Hire の URL（https://テナント名.v1.herp.cloud）のテナント名。応募画面へ戻るリンクに"
        "使います。空欄の場合、リンクは表示されません。",
    ),
    kit.optional(
        "reserved_requests",
        "How many of the 100 requests a minute stay untouched for your other scripts (0 to 90).",
        "1 分間 100 回の API 呼び出しのうち、貴社のほかのスクリプトのために残しておく回数"
        "（0〜90）。",
        default="20",
    ),
    kit.optional(
        "longest_selection_days",
        "The longest time between application and rejection that you expect, in days (1 to 1095). "
        "Every poll reads the ended applications of this period.",
        "応募から不採用の確定までにかかる最長の日数（1〜1095）。定期取得のたびに、この期間の"
        "選考終了分を読み直します。",
        default="180",
    ),
    kit.optional(
        "known_pages",
        "A poll stops after this many whole pages, older than that period, without a new "
        "application (1 to 5).",
        "上記の期間より古く、新しい応募を 1 件も含まないページが、この数だけ続いたら読み取りを"
        "終えます（1〜5）。",
        default="2",
    ),
    kit.optional(
        "import_days",
        "Applications older than this are never read, in days (1 to 1095, and not shorter than "
        "longest_selection_days).",
        "これより前の応募は読み取りません。日数で指定します（1〜1095。"
        "longest_selection_days 以上にしてください）。",
        default="365",
    ),
    kit.Setting(
        "outcomes",
        "all: read rejections, withdrawals, hires and not-eligible cases; rejected: ask the API "
        "for rejections only.",
        "all：不採用・辞退・入社決定・非選考対象を読み取ります。"
        "rejected：API に不採用だけを問い合わせます。",
        required=False,
        default="all",
        choices=("all", "rejected"),
    ),
    kit.Setting(
        "manual_channel",
        "How applications typed in by hand count. HERP does not document their kinds, so they "
        "are treated like an agent's (nobody is mailed) until you say that they came directly.",
        "手動で登録した応募の経路の扱い。種別の値は HERP の資料に記載がないため、初期設定では"
        "人材紹介と同じ扱い（候補者へ送らない）にしています。本人からの直接応募だけを手動登録して"
        "いる場合は direct を選んでください。",
        required=False,
        default="agent",
        choices=("agent", "direct", "referral", "school"),
    ),
    kit.optional(
        "mention_users",
        "User ids (U-XXXXX, separated by commas) to be notified of each registration. HERP may "
        "also notify them on Slack.",
        "登録があったときに通知するユーザーの ID（U-XXXXX。複数の場合はカンマ区切り）。HERP の"
        "設定により Slack にも通知されます。",
    ),
)

SPEC = kit.ConnectorSpec(
    name="herp",
    title="HERP Hire",
    docs_url=REFERENCE,
    capabilities=CAPABILITIES,
    settings=SETTINGS,
    rate_limit=kit.RateLimit(100, 60, per="account", source=REFERENCE),
    # A walk of the last 180 days can take dozens of calls, and nothing here is urgent.
    poll_seconds=900,
    paste_note={
        "en": "Paste it into the applicant mail template, not into one for agents. How merge "
        "fields are written there is not documented in public; the text above needs none.",
        "ja": "エージェント向けではなく、応募者メールテンプレートに貼り付けてください。差し込み"
        "項目の書き方は公開資料に記載がありません。上の文面に差し込み項目はなく、そのまま貼り付けられます。",
    },
    notes=(
        "The API needs a paid plan and a one-time application to HERP.",
        "One HERP application is one person: the application's id is also the candidate's.",
    ),
)
