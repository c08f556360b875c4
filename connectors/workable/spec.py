"""What the Workable connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

API = "https://workable.readme.io/reference"
HOOKS = f"{API}/webhook-subscriptions-candidates-employees"
PLACEHOLDERS = "https://help.workable.com/hc/en-us/articles/115011833627"
READ, WRITE = "r_candidates", "w_candidates"
TOKENS = "Settings > Integrations > Access tokens"
QUICKER = "Only makes polling quicker: no web hook is documented for a disqualification."

SPEC = kit.ConnectorSpec(
    name="workable",
    title="Workable",
    docs_url=API,
    capabilities={
        Capability.POLL: kit.documented(f"{API}/job-candidates-index"),
        Capability.WEBHOOK: kit.documented(HOOKS, QUICKER),
        Capability.FETCH: kit.documented(API),
        Capability.REPORT: kit.documented(API, "Comment, tag and custom attribute."),
        Capability.REASONS: kit.documented(API),
        Capability.FIELD_TOKEN: kit.missing(
            PLACEHOLDERS, "No placeholder for custom attributes is documented."
        ),
        Capability.ATS_MESSAGE: kit.missing(API, "No endpoint that sends an e-mail is documented."),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification="X-Workable-Signature is the HMAC-SHA256 of the raw body with the API token, "
        "as hex.",
        signature=kit.BodyHmac("X-Workable-Signature", setting="api_token"),
    ),
    rate_limit=kit.RateLimit(10, 10, per="account token", source=f"{API}/rate-limits"),
    notice_is_delayed=True,
    settings=(
        kit.account_address("https://acme.workable.com/spi/v3"),
        kit.secret(
            "api_token",
            "Account token (Settings > Integrations) with r_jobs, r_candidates and w_candidates. "
            "It signs the web hooks too; while changing it: new and old one, separated by a comma.",
            "r_jobs・r_candidates・w_candidatesの権限を付けたアクセストークン。"
            "Webhookの署名にも使われます。変更期間中は新旧2つをカンマ区切りで入力します。",
        ),
        kit.author("member_id", "Workable"),
        kit.report_place(
            "report_attribute",
            "Key of a candidate custom attribute (text)",
            "候補者のカスタム属性（テキスト）のキー",
        ),
        *kit.USUAL,
    ),
    events=("candidate_created", "candidate_moved", "candidate_deleted"),
    notes=(
        "A candidate record is one person on one job; somebody on three jobs is three records.",
        "That a disqualification moves updated_at is expected, not documented: once a day all "
        "candidates of the history are looked through.",
        "withdrew says who ended the case, so no reason needs a line in the reason map.",
    ),
)
