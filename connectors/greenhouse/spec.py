"""What the Greenhouse connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

HOOKS = "https://developers.greenhouse.io/webhooks.html"
LISTS = "https://harvestdocs.greenhouse.io/docs/list-endpoints"
WRITES = "https://harvestdocs.greenhouse.io/docs/write-endpoint-migration-guide"
EMAIL_SETTINGS = "https://support.greenhouse.io/hc/en-us/articles/360002116131"
TOKENS = "https://support.greenhouse.io/hc/en-us/articles/200871485"

ACCESS_SETTINGS = (
    kit.Setting(
        "client_id",
        "Client ID of a 'Harvest V3 (OAuth)' credential. Nothing else may use this credential: "
        "a token asked for elsewhere ends ours.",
        "「Harvest V3 (OAuth)」認証情報のClient ID。他のツールと共用しないでください"
        "（他でトークンを発行すると、こちらのトークンが無効になります）。",
    ),
    kit.secret(
        "client_secret",
        "Client secret of the same credential.",
        "同じ認証情報のClient secret。",
    ),
    kit.Setting(
        "acting_user_id",
        "Numeric id of the Greenhouse user in whose name CareerRelay reads and writes "
        "(a Site Admin; best a user made for this).",
        "CareerRelayの操作者となるGreenhouseユーザーの数値ID"
        "（Site Admin権限。専用ユーザーの作成をおすすめします）。",
    ),
    kit.secret(
        "webhook_secret",
        "Secret key of the web hooks. While changing it: new and old one, separated by a comma.",
        "WebhookのSecret key。変更期間中は新旧2つをカンマ区切りで入力します。",
    ),
)

RECORD_SETTINGS = (
    kit.Setting(
        "link_field",
        "Key (name_key) of the candidate custom field that receives the link and has an email "
        "token.",
        "リンクを書き込む候補者カスタム項目のキー（name_key）。"
        "メール用トークンを作成した項目を指定します。",
        default="careerrelay_link",
    ),
    kit.optional(
        "tag",
        "Candidate tag for people who registered and let you know; empty: CareerRelay's own.",
        "登録し、貴社への通知に同意された方に付ける候補者タグ。空欄の場合はCareerRelayの標準のタグ名を使います。",
    ),
    kit.optional(
        "report_field",
        "Key (name_key) of a candidate custom field that shows the registration as well; "
        "empty: none.",
        "登録済みであることを表示する候補者カスタム項目のキー（name_key）。不要な場合は空欄。",
    ),
    kit.Setting(
        "note_visibility",
        "Who sees the note about a registration.",
        "登録を知らせるメモ（Note）の公開範囲。",
        default="private",
        choices=("admin_only", "private", "public"),
    ),
    kit.optional(
        "source_channels",
        "Your own sources by id, for example '31=agent, 44=school'. Values: direct, agent, scout, "
        "school, referral, internal. Agents, scouts and schools never get a link.",
        "応募経路（Source）のIDと種別。例「31=agent, 44=school」。"
        "値はdirect・agent・scout・school・referral・internal。"
        "人材紹介（agent）・スカウト（scout）・学校（school）経由の方にはリンクを送りません。",
    ),
    kit.optional(
        "round_trip_types",
        "Custom field types (currency, user, ...) that you have seen survive being written back. "
        "Greenhouse replaces all candidate fields at once and does not document how these are "
        "written, so a candidate with such a value is refused unless its type is listed here.",
        "書き戻しても値が変わらないことを確認済みの項目タイプ（currency、userなど）。"
        "Greenhouseは候補者のカスタム項目を一括で置き換え、これらの書き込み形式を公開していないため、"
        "ここにないタイプの値を持つ候補者にはリンクを書き込みません。",
    ),
)

PLACE_SETTINGS = (
    kit.optional(
        "backfill_months",
        "How many months back the first poll reads.",
        "初回の取り込みで遡る月数。",
        default="12",
    ),
    kit.optional(
        "base_url",
        "Address of the Harvest API.",
        "Harvest APIのURL。",
        default="https://harvest.greenhouse.io/v3",
    ),
    kit.optional(
        "token_url",
        "Address that issues access tokens.",
        "アクセストークン発行用のURL。",
        default="https://auth.greenhouse.io/token",
    ),
)

SPEC = kit.ConnectorSpec(
    name="greenhouse",
    title="Greenhouse",
    docs_url="https://harvestdocs.greenhouse.io/",
    capabilities={
        Capability.WEBHOOK: kit.documented(HOOKS),
        Capability.POLL: kit.documented(LISTS),
        Capability.FETCH: kit.documented(LISTS),
        Capability.FIELD_TOKEN: kit.documented(
            TOKENS,
            "When a token is resolved is not documented, so the link is written at "
            "application time.",
        ),
        Capability.MAIL_RELAY: kit.documented(
            EMAIL_SETTINGS,
            "One SMTP server for all mail of the organisation; Greenhouse's support has to "
            "switch the setting on first.",
        ),
        Capability.REPORT: kit.documented(WRITES),
        Capability.REASONS: kit.documented(LISTS),
    },
    settings=ACCESS_SETTINGS + RECORD_SETTINGS + PLACE_SETTINGS,
    webhook=kit.WebhookSpec(
        trust=kit.Trust.SIGNED,
        verification="HMAC-SHA256 of the raw body with the web hook's Secret key, sent as "
        "'Signature: sha256 <hex>'.",
        delivery_id_header="Greenhouse-Event-ID",
    ),
    # Since v3 the limit is told only in X-RateLimit-* headers, per credential; 429 names the wait.
    # https://harvestdocs.greenhouse.io/docs/api-rate-limiting
    rate_limit=None,
    events=(
        "reject_candidate",
        "unreject_candidate",
        "hire_candidate",
        "unhire_candidate",
        "candidate_stage_change",
        "new_candidate_application",
        "new_prospect_application",
        "application_updated",
        "update_candidate",
        "delete_candidate",
        "delete_application",
        "merge_candidate",
        "candidate_anonymized",
    ),
    ignored_events=(
        "ping",
        "offer_created",
        "offer_approved",
        "offer_updated",
        "offer_deleted",
        "interview_deleted",
        "scorecard_deleted",
        "job_created",
        "job_updated",
        "job_approved",
        "job_deleted",
        "job_post_created",
        "job_post_updated",
        "job_post_deleted",
        "job_interview_stage_deleted",
        "department_deleted",
        "office_deleted",
    ),
    link_scope=kit.LinkScope.CANDIDATE,
    merge_syntax="{{JOB_NAME}}",
    notes=(
        "One link per candidate: the field and its token belong to the person.",
        "PATCH replaces all custom fields; we read, merge, write and read again.",
    ),
)
