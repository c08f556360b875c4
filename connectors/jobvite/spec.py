"""What the Jobvite connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

SURVEY = "https://github.com/Aztec03hub/fast-mcp-jobvite"
CLIENT = "https://github.com/kippnorcal/jobvite"
CLOSED = "Jobvite's own reference stands behind a sign-in."

SPEC = kit.ConnectorSpec(
    name="jobvite",
    title="Jobvite",
    docs_url=SURVEY,
    capabilities={
        Capability.WEBHOOK: kit.reported(
            SURVEY, f"One integrator's body; no signature is known. {CLOSED}"
        ),
        Capability.POLL: kit.reported(CLIENT, f"As working public clients do it. {CLOSED}"),
        Capability.FETCH: kit.reported(SURVEY, f"By candidate and application id. {CLOSED}"),
        Capability.REPORT: kit.missing(
            SURVEY, "No call that writes a note, tag or field is known."
        ),
        Capability.REASONS: kit.missing(SURVEY, "States and dispositions are the company's own."),
        Capability.FIELD_TOKEN: kit.missing(SURVEY, "How a custom field is written is not known."),
        Capability.ATS_MESSAGE: kit.missing(
            SURVEY, "A resource 'message' exists; nobody outside knows what it takes."
        ),
    },
    webhook=kit.WebhookSpec(
        trust=kit.Trust.HINT,
        verification="Nothing is signed; the address holds webhook_token as the parameter 'token'.",
        signature=kit.UrlToken(),
    ),
    rate_limit=kit.RateLimit(1, 1, per="account"),
    poll_seconds=3600,
    experimental=True,
    notice_is_delayed=True,
    end_moves=True,
    events=("application stage",),
    settings=(
        kit.secret("api_key", "API key (x-jvi-api).", "APIキー（x-jvi-api）。"),
        kit.secret("api_secret", "Its secret (x-jvi-sc).", "APIシークレット（x-jvi-sc）。"),
        kit.optional(
            "company_id",
            "Company id, where Jobvite's support says that the header X-Company-Id is needed.",
            "会社ID（X-Company-Idヘッダーが必要と案内された場合のみ）。",
        ),
        kit.Setting(
            "webhook_token",
            "Secret in the web hook's address, behind '?token='. While changing it: new and old "
            "one, separated by a comma. Empty: rejections are found by polling alone.",
            "WebhookのURLの「?token=」に続けるシークレット。変更期間中は新旧2つをカンマ区切りで"
            "入力します。空欄の場合は定期取得のみで検知します。",
            secret=True,
            required=False,
        ),
        kit.REJECTED_STATUSES,
        kit.WITHDRAWN_STATUSES,
        kit.HIRED_STATUSES,
        kit.optional(
            "stop_field",
            "Code of a custom field of the application that means 'do not contact' as soon as it "
            "holds anything but no, false or 0.",
            "「連絡不可」を示すカスタム項目のコード。no・false・0以外の値があれば連絡不可とみなします。",
        ),
        kit.NOTICE_DELAY_DAYS,
        kit.SOURCE_CHANNELS,
        kit.HISTORY_DAYS,
        kit.address("https://api.jobvite.com/api/v2"),
    ),
    notes=(
        "Nothing is written back: no call for it is known.",
        "The time of an application's last update stands for the time of the rejection.",
        "Whether pages begin at 0 or 1 is disputed: a row met twice does nothing.",
    ),
)
