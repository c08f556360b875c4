"""What the Pinpoint connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

API = "https://developers.pinpointhq.com/docs/introduction"
HOOKS = "https://developers.pinpointhq.com/docs/webhooks-overview"
WRITES = "https://developers.pinpointhq.com/reference/put-application"
VARIABLES = "https://help.pinpoint.support/en/articles/2619435-how-do-i-email-a-candidate"
UNCHECKED = "Paths, pages and keys as public clients and maps of the vendor's reference have them."
STAGE = "Pinpoint has no rejected state: the settings name the stages that are one."
SIGNED = (
    "PINPOINT-HMAC-SHA256 is the HMAC-SHA256 of the raw body with the signing secret, as base64."
)

SPEC = kit.ConnectorSpec(
    name="pinpoint",
    title="Pinpoint",
    docs_url=API,
    capabilities={
        Capability.WEBHOOK: kit.documented(
            HOOKS, "Says only that an application moved; its names of events are not documented."
        ),
        Capability.POLL: kit.reported(API, UNCHECKED),
        Capability.FETCH: kit.reported(API, f"{UNCHECKED} {STAGE}"),
        Capability.REPORT: kit.reported(
            WRITES, "Tag (documented) and comment (as a public client writes it)."
        ),
        Capability.REASONS: kit.missing(
            API, "Reasons are tags, and tags cannot be listed; they are learned from the cases."
        ),
        Capability.FIELD_TOKEN: kit.missing(
            VARIABLES, "The variables of an e-mail are a fixed list without custom attributes."
        ),
        Capability.ATS_MESSAGE: kit.missing(API, "No endpoint that sends an e-mail is documented."),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification=SIGNED,
        ack_seconds=5,
        signature=kit.BodyHmac("PINPOINT-HMAC-SHA256", encoding="base64"),
    ),
    notice_is_delayed=True,
    end_moves=True,
    settings=(
        kit.account_address("https://acme.pinpointhq.com/api/v1"),
        kit.secret(
            "api_key",
            "API key that may read and write applications and comments (Settings > Integrations > "
            "Pinpoint API).",
            "応募（Application）とコメントの読み取り・書き込みができるAPIキー。",
        ),
        kit.webhook_secret("Signing secret of the web hook", "Webhookの署名シークレット"),
        *kit.end_settings(
            "stages",
            named="stages of your hiring workflows, by name or id",
            named_ja="選考フローのステージの名前またはID",
        ),
        kit.optional(
            "report_tag_context",
            "Kind (context) of the tag that shows a registration; empty: no tag.",
            "登録済みであることを示すタグの種別（context）。不要な場合は空欄。",
            default="assessment",
        ),
        kit.optional(
            "vendor_name",
            "Name that Pinpoint gave you for the header X-Vendor-Name, if it gave one.",
            "Pinpointから指定されたX-Vendor-Nameヘッダーの値（指定された場合のみ）。",
        ),
        *kit.USUAL,
    ),
    # As they stand beside the boxes to tick. Of the names that are sent only one is known to the
    # public, application_hired, so whatever is about an application makes us look.
    events=("Application stage changed", "Applicant hired"),
    notes=(
        "Any event about an application makes CareerRelay look it up, by whatever name it comes.",
        "Who ended a case is said by the rejection tag, in the company's own words: every one "
        "needs a line in the reason map.",
        "The time of a rejection is that of the record's last change, or earlier by the days in "
        "the current stage: Pinpoint does not tell it to the minute.",
        "Deleted applications are noticed only when they are looked up.",
        "No rate limit is published.",
    ),
)
