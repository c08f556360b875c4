"""What the JazzHR connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

KEYS = "https://docs.datagrail.io/docs/integrations/api-documentation/jazz_hr"
EXPORT = "https://apidoc.jazzhrapis.com/candidate-export"

SPEC = kit.ConnectorSpec(
    name="jazzhr",
    title="JazzHR",
    docs_url="https://apidoc.jazzhrapis.com",
    capabilities={
        Capability.WEBHOOK: kit.missing(
            EXPORT,
            "Candidate Export is for partners of JazzHR, and no page that we know says what "
            "stands in its body, so nobody could be recognised in it.",
        ),
        Capability.POLL: kit.reported(
            KEYS,
            "Lists and filters as a public SDK uses them. No list tells what changed or "
            "when, so everybody's step is read each time.",
        ),
        Capability.FETCH: kit.reported(KEYS, "Keys as a public SDK reads them from real accounts."),
        Capability.REPORT: kit.reported(
            KEYS, "A note, as a public SDK writes it. No field or tag."
        ),
        Capability.REASONS: kit.missing(
            KEYS, "The step is the reason, and no call lists the steps."
        ),
        Capability.FIELD_TOKEN: kit.missing(KEYS, "No field of a candidate can be written."),
        Capability.ATS_MESSAGE: kit.missing(KEYS, "Messages can be read and not sent."),
    },
    rate_limit=kit.RateLimit(1, 1, per="account"),
    poll_seconds=1800,
    experimental=True,
    notice_is_delayed=True,
    settings=(
        kit.Setting(
            "api_key",
            "API key, from JazzHR's settings under Integrations. It has all rights.",
            "APIキー（JazzHRの設定の「Integrations」で発行）。すべての権限を持ちます。",
            secret=True,
        ),
        kit.Setting(
            "user_id",
            "Id of the user in whose name notes are written (usr_…).",
            "メモの作成者とするユーザーのID（usr_…）。",
        ),
        kit.REJECTED_STATUSES,
        kit.WITHDRAWN_STATUSES,
        kit.HIRED_STATUSES,
        kit.NOTICE_DELAY_DAYS,
        kit.SOURCE_CHANNELS,
        kit.address("https://api.resumatorapi.com/v1"),
    ),
    notes=(
        "JazzHR does not say when a step changed; the rejection's time is when we first see it.",
        "Who stands in a rejecting step at the first poll is left alone.",
    ),
)
