"""What the 採用一括かんりくん connector can do, what a company types in, and how we know."""

from __future__ import annotations

from dataclasses import replace

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

REFERENCE = "https://developer.career-cloud.asia/api/v1.0/new-graduate/index.html"
CLIENT = "Fields, statuses and search keys as a public client of the new-graduate edition has them."
NO_UPDATE = (
    "The reference says that data can be updated, but neither paths nor bodies are public. "
    "'careerrelay csv registrations' writes who registered, by the student's id."
)

SPEC = kit.ConnectorSpec(
    name="kanrikun",
    title="採用一括かんりくん",
    docs_url=REFERENCE,
    capabilities={
        Capability.WEBHOOK: kit.missing(REFERENCE, "No web hook is documented in public."),
        Capability.POLL: kit.reported(REFERENCE, CLIENT),
        Capability.FETCH: kit.missing(REFERENCE, "No way to read one student by id is documented."),
        Capability.REPORT: kit.missing(REFERENCE, NO_UPDATE),
        Capability.FIELD_TOKEN: kit.missing(
            REFERENCE, "Neither writing custom items nor merge fields of mails are documented."
        ),
        Capability.ATS_MESSAGE: kit.missing(REFERENCE, "Sending by API is not documented."),
    },
    settings=(
        *kit.client_pair("各種設定 > 外部公開API設定", "「各種設定 > 外部公開API設定」"),
        kit.Setting(
            "channel",
            "How your students came, which the API does not tell. direct: all who get the mail "
            "with the link applied themselves. agent: some came through agencies, scouts or "
            "schools, and they cannot be told apart, so nobody gets a link.",
            "学生の応募経路（APIでは分かりません）。direct：リンク入りのメールを送る学生は全員、本人が"
            "直接応募している。agent：人材紹介・スカウト・学校推薦の学生が含まれ、区別できない（この場合は"
            "どなたにもリンクを送りません）。",
            choices=("direct", "agent"),
        ),
        replace(kit.REJECTED_STATUSES, required=False, default="8"),
        replace(kit.WITHDRAWN_STATUSES, default="5,6,7"),
        replace(kit.HIRED_STATUSES, default="4"),
        kit.optional(
            "other_statuses",
            "All other status codes of yours: selection still under way. Who is in none of the "
            "four settings counts as deleted.",
            "そのほかのステータスのコード（選考中など）。4つの設定のどれにもないステータスの学生は、削除"
            "されたものとして扱います。すべてのコードを書いてください。",
            default="1,2,3",
        ),
        kit.optional(
            "job_title",
            "What the mails call the job, which the API does not tell.",
            "メールに記載する募集職種名（APIでは分かりません）。",
            default="新卒採用",
        ),
        kit.own_mail_delay(),
        replace(
            kit.HISTORY_DAYS,
            help="Students who entered longer ago, in days, are not read.",
            help_ja="エントリーがこの日数より前の学生は読み取りません。",
            default="730",
        ),
        kit.address("https://api.career-cloud.asia"),
    ),
    rate_limit=kit.RateLimit(1000, 3600, per="company", source=REFERENCE),
    # The whole list each time: there is no way to ask for changes.
    poll_seconds=1800,
    paste_note={
        "en": "The merge fields of this product's mail templates are not documented in public: "
        "choose those for the student's name from the list on its screen. The text above needs "
        "none.",
        "ja": "かんりくんのメールテンプレートの差し込み項目は公開資料に記載がないため、氏名などは"
        "画面の一覧から選んでください。上の文面に差し込み項目はなく、そのまま貼り付けられます。",
    },
    notes=(
        "New-graduate edition only; addresses of the mid-career edition's API are not public.",
        "The API tells no time of a rejection: who is met in the first round counts as rejected "
        "before the connection began, and later ones as rejected when they are first met.",
        "Nothing in the API says do-not-contact; use CareerRelay's stop link, or leave such "
        "students in another status.",
    ),
)
