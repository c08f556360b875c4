"""What the Workable connector can do, what a company types in, and how we know."""

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
)

API = "https://workable.readme.io/reference"
HOOKS = f"{API}/webhook-subscriptions-candidates-employees"

SPEC = ConnectorSpec(
    name="workable",
    title="Workable",
    docs_url=API,
    capabilities={
        Capability.POLL: Support(Evidence.DOCUMENTED, f"{API}/job-candidates-index"),
        Capability.WEBHOOK: Support(
            Evidence.DOCUMENTED,
            HOOKS,
            note="Only makes polling quicker: no web hook is documented for a disqualification.",
        ),
        Capability.FETCH: Support(Evidence.DOCUMENTED, API),
        Capability.REPORT: Support(Evidence.DOCUMENTED, API),
        Capability.REASONS: Support(Evidence.DOCUMENTED, API),
        Capability.FIELD_TOKEN: Support(
            Evidence.MISSING,
            "https://help.workable.com/hc/en-us/articles/115011833627",
            note="No placeholder for custom attributes is documented.",
        ),
        Capability.ATS_MESSAGE: Support(
            Evidence.MISSING, API, note="No endpoint that sends an e-mail is documented."
        ),
    },
    webhook=WebhookSpec(
        trust=Trust.HINT,
        verification="X-Workable-Signature is the HMAC-SHA256 of the raw body with the API token, "
        "as hex.",
    ),
    rate_limit=RateLimit(10, 10, per="account token", source=f"{API}/rate-limits"),
    notice_is_delayed=True,
    settings=(
        Setting(
            "api_url",
            "Address of your account's API, for example https://acme.workable.com/spi/v3.",
            "貴社アカウントのAPIのURL。例：https://acme.workable.com/spi/v3",
        ),
        Setting(
            "api_token",
            "Account token (Settings > Integrations) with r_jobs, r_candidates and w_candidates. "
            "It signs the web hooks too; while changing it: new and old one, separated by a comma.",
            "r_jobs・r_candidates・w_candidatesの権限を付けたアクセストークン。"
            "Webhookの署名にも使われます。変更期間中は新旧2つをカンマ区切りで入力します。",
            secret=True,
        ),
        Setting(
            "member_id",
            "Id of the Workable member in whose name comments are written.",
            "コメントの書き込み者となるWorkableメンバーのID。",
        ),
        Setting(
            "report_attribute",
            "Key of a candidate custom attribute (text) that shows the registration as well; "
            "empty: none.",
            "登録済みであることを表示する候補者のカスタム属性（テキスト）のキー。不要な場合は空欄。",
            required=False,
            default="",
        ),
        NOTICE_DELAY_DAYS,
        SOURCE_CHANNELS,
        DO_NOT_CONTACT_TAGS,
        HISTORY_DAYS,
    ),
    events=("candidate_created", "candidate_moved", "candidate_deleted"),
    notes=(
        "A candidate record is one person on one job; somebody on three jobs is three records.",
        "That a disqualification moves updated_at is expected, not documented: once a day all "
        "candidates of the history are looked through.",
        "withdrew says who ended the case, so no reason needs a line in the reason map.",
    ),
)
