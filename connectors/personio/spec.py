"""What the Personio connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

API = "https://developer.personio.de/changelog/recruiting-api-is-generally-available"
FETCH = "https://developer.personio.de/reference/get_v2-recruiting-applications-id"
HOOKS = "https://developer.personio.de/v2.0/reference/webhooks"
TEMPLATES = "https://support.personio.de/hc/en-us/articles/360000983217"
V1 = "https://github.com/personio/api-docs"
UNCHECKED = (
    "The endpoints are documented; their keys, and the words for a stage, as public clients have "
    "them."
)
READ_ONLY = (
    "Nothing can be written: the recruiting API v2 only reads, and v1 only makes new applications. "
    "A registration does not show on the record in Personio; 'careerrelay csv registrations' "
    "writes who registered, by the application's id."
)

SPEC = kit.ConnectorSpec(
    name="personio",
    title="Personio",
    docs_url="https://developer.personio.de",
    capabilities={
        Capability.POLL: kit.reported(API, UNCHECKED),
        Capability.FETCH: kit.reported(FETCH, UNCHECKED),
        Capability.REPORT: kit.missing(V1, READ_ONLY),
        Capability.WEBHOOK: kit.missing(
            HOOKS, "Web hooks tell of employees, absences and documents, never of recruiting."
        ),
        Capability.REASONS: kit.missing(FETCH, "The API returns no reason of a rejection."),
        Capability.FIELD_TOKEN: kit.missing(
            TEMPLATES, "No placeholder for custom attributes is documented, nor could one be set."
        ),
        Capability.ATS_MESSAGE: kit.missing(API, "The recruiting API v2 sends nothing."),
    },
    notice_is_delayed=True,
    end_moves=True,
    merge_syntax="{{position_name}}",
    settings=(
        *kit.client_pair(
            "API credentials with the scope personio:recruiting:read",
            "スコープpersonio:recruiting:readを付けたAPI認証情報",
        ),
        *kit.end_settings(
            "stages",
            named="phases, by type, name or id",
            named_ja="フェーズの種別・名前・ID",
            rejected="rejected",
            withdrawn="withdrawn",
        ),
        kit.NOTICE_DELAY_DAYS,
        kit.SOURCE_CHANNELS,
        kit.HISTORY_DAYS,
        kit.address("https://api.personio.de"),
    ),
    notes=(
        "Rejected and withdrawn are phases of their own in Personio, so no reason map is needed; "
        "how API v2 spells them is not documented, so the settings say it.",
        "That a change of phase moves updated_at is expected, not documented: once a day all "
        "applications of the history are looked through.",
        "Deleted applications are noticed only when they are looked up; anonymised ones at once.",
        "Limits are per endpoint and told with every answer; none is published for recruiting.",
    ),
)
