"""What a report feed can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

WORKDAY = "https://docs.unified.to/integrations/workday_legacy"
SAP = (
    "https://learning.sap.com/courses/sap-successfactors-recruiting-recruiter-experience-"
    "administration/describing-odata-and-apis-in-recruiting"
)
NOWHERE = "https://report.invalid"
"""RFC 2606: a name that nobody can have. The address of a report that is not fetched."""
COLUMNS = (
    "application_id=Job_Application_ID, candidate_id=Candidate_ID, given_name=First_Name, "
    "family_name=Last_Name, email=Email, job_id=Job_Requisition_ID, "
    "job_title=Job_Requisition_Title, status=Disposition, reason=Disposition_Reason, "
    "changed_at=Disposition_Moment"
)

SPEC = kit.ConnectorSpec(
    name="report_feed",
    title="Report feed (Workday, SuccessFactors)",
    docs_url=WORKDAY,
    capabilities={
        Capability.WEBHOOK: kit.gated(
            WORKDAY,
            "The format is ours; your administrator builds the step that sends it (Workday "
            "Studio or Orchestrate, SAP Integration Center). No vendor documents such a push.",
        ),
        Capability.POLL: kit.gated(
            WORKDAY,
            "The columns are ours; your administrator exposes a report that has them. "
            "Addresses and sign-in of Workday's reports as a service are general knowledge.",
        ),
        Capability.FETCH: kit.gated(
            WORKDAY, "One row of the report; with case_parameter it alone."
        ),
        Capability.REPORT: kit.missing(
            WORKDAY,
            "No documented way to write a note back that works without a tenant's own build.",
        ),
        Capability.REASONS: kit.missing(SAP, "Statuses are the company's own: rejected_statuses."),
        Capability.FIELD_TOKEN: kit.missing(
            WORKDAY,
            "Printing a value from outside in a notification needs the customer's own build.",
        ),
        Capability.ATS_MESSAGE: kit.missing(SAP, "No free message by API."),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.SIGNED,
        verification="X-CareerRelay-Signature is 'sha256=' and the HMAC-SHA256 of the raw body "
        "with webhook_secret, as hex. With webhook_user set, HTTP Basic instead: then rows are "
        "hints, and the report itself is asked.",
    ),
    rate_limit=kit.RateLimit(1, 1, per="account"),
    poll_seconds=1800,
    experimental=True,
    notice_is_delayed=True,
    events=("report",),
    settings=(
        kit.Setting(
            "webhook_secret",
            "For pushed reports: the key of the signature, or the password of webhook_user. "
            "While changing it: new and old one, separated by a comma. Empty: nothing is pushed.",
            "レポートを送信してもらう場合の署名鍵（webhook_userを使う場合はそのパスワード）。変更期間中は"
            "新旧2つをカンマ区切りで入力します。空欄の場合は受信しません。",
            secret=True,
            required=False,
        ),
        kit.optional(
            "webhook_user",
            "Only where the sender cannot sign: user name for HTTP Basic. Needs report_auth, "
            "because unsigned rows are looked up in the report.",
            "送信側で署名ができない場合のみ：Basic認証のユーザー名。署名のない行はレポートで確認するため、"
            "report_authの設定が必要です。",
        ),
        kit.Setting(
            "report_auth",
            "How the exposed report is fetched: none (only pushed), basic, or oauth.",
            "公開レポートの取得方法：none（受信のみ）、basic、oauth。",
            required=False,
            default="none",
            choices=("none", "basic", "oauth"),
        ),
        kit.optional(
            "report_url",
            "Address of the exposed report, up to the question mark.",
            "公開レポートのURL（「?」より前の部分）。",
            default=NOWHERE,
        ),
        kit.optional(
            "report_query",
            "What stands behind the question mark of the report's address.",
            "公開レポートのURLのうち「?」より後ろの部分。",
            default="format=json",
        ),
        kit.optional(
            "since_parameter",
            "Name of the report's prompt 'changed since', where it has one.",
            "レポートに「この日時以降に変更」を指定するプロンプトがある場合の名前。",
        ),
        kit.optional(
            "case_parameter",
            "Name of the report's prompt for one application, where it has one.",
            "レポートに応募を1件だけ指定するプロンプトがある場合の名前。",
        ),
        kit.optional(
            "client_id",
            "User name (basic) or client ID (oauth) for the report.",
            "レポート取得用のユーザー名（basic）またはクライアントID（oauth）。",
        ),
        kit.Setting(
            "client_secret",
            "Password (basic) or client secret (oauth) for the report.",
            "レポート取得用のパスワード（basic）またはクライアントシークレット（oauth）。",
            secret=True,
            required=False,
        ),
        kit.Setting(
            "refresh_token",
            "oauth: a refresh token that does not expire. Empty: client credentials.",
            "oauthの場合：有効期限のないリフレッシュトークン。空欄の場合はclient credentials方式。",
            secret=True,
            required=False,
        ),
        kit.optional(
            "token_url",
            "oauth: where tokens are given out.",
            "oauthの場合：トークンの発行先URL。",
            default=NOWHERE,
        ),
        kit.optional(
            "rows_at",
            "Where in the JSON the rows are: Report_Entry in Workday, d.results in SuccessFactors; "
            "a dot alone: the JSON is the list.",
            "JSON内の行の場所。WorkdayはReport_Entry、SuccessFactorsはd.results。「.」だけの場合は"
            "JSON全体を一覧として読みます。",
            default="Report_Entry",
        ),
        kit.optional(
            "columns",
            "Which of the report's columns is which, as 'ours=theirs' separated by commas; a dot "
            "leads into a part. All others are dropped.",
            "列の対応。「こちらの項目名=レポートの列名」をカンマ区切りで入力します。入れ子の項目は"
            "「.」でつなぎます。ほかの列は読み捨てます。",
            default=COLUMNS,
        ),
        kit.REJECTED_STATUSES,
        kit.WITHDRAWN_STATUSES,
        kit.HIRED_STATUSES,
        kit.optional(
            "erased_statuses",
            "Statuses that mean: the person was deleted or anonymised. Separated by commas.",
            "候補者の削除・匿名化を意味するステータス（カンマ区切り）。",
        ),
        kit.optional(
            "time_zone",
            "Time zone of times without offset, such as Asia/Tokyo. Empty: they are refused.",
            "時差の表記がない日時のタイムゾーン（例：Asia/Tokyo）。空欄の場合、そのような日時は"
            "受け付けません。",
        ),
        *kit.USUAL,
    ),
    notes=(
        "A row that is gone says nothing: neither a withdrawal nor a deletion.",
        "A whole report is compared with what is known; the same row again does nothing.",
        "JSON and CSV are read; XML is not.",
        "SuccessFactors' OData itself is not asked: its sign-in (SAML bearer) is not built.",
    ),
)
