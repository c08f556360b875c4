"""What the BambooHR connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

DOCS = "https://documentation.bamboohr.com"
SDK = "https://github.com/BambooHR/bhr-api-python"
HELP = "https://bamboohr.screenstepslive.com/m/53914/l"
PLACEHOLDERS = f"{HELP}/588070-applicant-tracking-email-placeholders"
REPORT = (
    "A comment. Comments cannot be listed, so whether one was written is told by their number. No "
    "tag or field can be written."
)
NO_HOOK = "Web hooks tell of employees and the company, never of applicants."

SPEC = kit.ConnectorSpec(
    name="bamboohr",
    title="BambooHR",
    docs_url=DOCS,
    capabilities={
        Capability.POLL: kit.documented(SDK),
        Capability.FETCH: kit.documented(SDK),
        Capability.REPORT: kit.documented(SDK, REPORT),
        Capability.REASONS: kit.documented(SDK, "There are no reasons: the status is all."),
        Capability.WEBHOOK: kit.missing(f"{DOCS}/docs/webhooks", NO_HOOK),
        Capability.FIELD_TOKEN: kit.missing(
            PLACEHOLDERS, "The placeholders are a fixed list without fields of one's own."
        ),
        Capability.ATS_MESSAGE: kit.missing(SDK, "No endpoint for applicants sends mail."),
    },
    notice_is_delayed=True,
    poll_seconds=600,
    settings=(
        kit.account_address("https://acme.bamboohr.com"),
        kit.secret(
            "api_key",
            "API key of a BambooHR user who may see the applicant tracking settings.",
            "採用管理（ATS）の設定を開けるBambooHRユーザーのAPIキー。",
        ),
        *kit.end_settings(
            "status_ids", named="ids of applicant statuses", named_ja="応募者ステータスのID"
        ),
        kit.NOTICE_DELAY_DAYS,
        kit.SOURCE_CHANNELS,
        kit.HISTORY_DAYS,
    ),
    notes=(
        "A status is the company's own word. Those that mean a rejection and those that mean a "
        "withdrawal are named by their ids in the settings; any other status gets no link.",
        "The list knows no time of change: every ten minutes all who are in one of these statuses "
        "are compared with those of the last time, for applications of the last history_days.",
        "No rate limit is published; 429 and its Retry-After are kept to.",
    ),
)
