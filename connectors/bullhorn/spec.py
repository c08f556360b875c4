"""What the Bullhorn connector can do, what a company types in, and how we know."""

from __future__ import annotations

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

DOCS = "https://bullhorn.github.io/rest-api-docs/"
ENTITIES = f"{DOCS}entityref.html"
EVENTS = "https://bullhorn.github.io/REST-API-Event-Subscriptions/"
MERGE_TAGS = "https://kb.bullhorn.com/automation/Content/Automation/Topics/MergeTagsExplained.html"
LIMITS = (
    "https://kb.bullhorn.com/ats/Content/BHATS/Topics/"
    "understandingBHAPIUsageLimitsVersioningBackwardCompatibility.htm"
)
NEEDS_AUTOMATION = (
    "The field's merge tag works in mails of Bullhorn Automation, a paid add-on, once the field is "
    "synced."
)
NO_REASON = "A submission has a status and no structured reason; the settings say what each means."
QUEUE = "A queue of the REST API that is asked; it is read once, and the last batch again."

SPEC = kit.ConnectorSpec(
    name="bullhorn",
    title="Bullhorn",
    docs_url=DOCS,
    capabilities={
        Capability.POLL: kit.documented(EVENTS, QUEUE),
        Capability.FETCH: kit.documented(f"{ENTITIES}#jobsubmission"),
        Capability.FIELD_TOKEN: kit.gated(MERGE_TAGS, NEEDS_AUTOMATION),
        Capability.REPORT: kit.documented(f"{ENTITIES}#note", "Note, field and file."),
        Capability.REASONS: kit.missing(f"{ENTITIES}#jobsubmission", NO_REASON),
        Capability.ATS_MESSAGE: kit.missing(DOCS, "No call sends a candidate a text of ours."),
    },
    # The account may make 1,500 calls a minute with all integrations together: a fifth is ours.
    rate_limit=kit.RateLimit(300, 60, per="account", source=LIMITS, monthly="monthly_calls"),
    poll_seconds=300,
    notice_is_delayed=True,
    settings=(
        kit.Setting(
            "client_id",
            "OAuth client id, as Bullhorn Support issued it.",
            "BullhornのサポートからOAuth用に発行されたClient ID。",
        ),
        kit.secret(
            "client_secret",
            "OAuth client secret that belongs to client_id.",
            "client_idに対応するOAuthのClient Secret。",
        ),
        kit.Setting(
            "api_username",
            "Name of the API user that Bullhorn Support made.",
            "Bullhornのサポートが作成したAPIユーザーの名前。",
        ),
        kit.secret("api_password", "Password of the API user.", "APIユーザーのパスワード。"),
        kit.Setting(
            "own_company_ids",
            "Ids of the ClientCorporation records that stand for your own company, separated by "
            "commas. A submission to any other company is an agency's candidate and never gets a "
            "link.",
            "貴社自身を表すClientCorporation（企業レコード）のID（カンマ区切り）。ほかの企業への推薦は"
            "人材紹介の候補者とみなし、リンクを送りません。",
        ),
        kit.Setting(
            "rejected_statuses",
            "Submission statuses by which your company rejects, separated by commas.",
            "貴社からの不採用を意味する応募（Submission）のステータス（カンマ区切り）。",
        ),
        kit.optional(
            "withdrawn_statuses",
            "Submission statuses by which the candidate leaves, separated by commas.",
            "候補者の辞退を意味する応募のステータス（カンマ区切り）。",
        ),
        kit.optional(
            "hired_statuses",
            "Submission statuses that mean hired, separated by commas.",
            "採用を意味する応募のステータス（カンマ区切り）。",
            default="Placed",
        ),
        kit.optional(
            "do_not_contact_statuses",
            "Candidate statuses that mean 'do not contact', separated by commas.",
            "「連絡不可」を意味する候補者のステータス（カンマ区切り）。",
        ),
        kit.Setting(
            "link_field",
            "Field of the submission for the personal link: customText1 to customText25 (100 "
            "characters) or customTextBlock1 to customTextBlock5.",
            "個人用リンクを書き込む応募の項目。customText1～customText25（100文字まで）または"
            "customTextBlock1～customTextBlock5。",
        ),
        kit.report_place(
            "report_field",
            "Field of the submission (customText1 to customText25)",
            "応募の項目（customText1～customText25）",
        ),
        kit.Setting(
            "report_file",
            "yes: the registration is also attached to the candidate as a small text file.",
            "yesの場合、登録のお知らせを小さなテキストファイルとしても候補者に添付します。",
            required=False,
            default="no",
            choices=("no", "yes"),
        ),
        kit.optional(
            "note_action",
            "Action of the note, one of your commentActionList.",
            "メモのアクション（貴社のcommentActionListにあるもの）。",
            default="Other",
        ),
        kit.optional(
            "subscription",
            "Name of the event subscription. No two programs may read the same one: choose another "
            "for each installation.",
            "イベント購読の名前。同じ購読を2つのプログラムで読み取ると欠落が生じるため、環境ごとに"
            "別の名前にしてください。",
            default="careerrelay",
        ),
        kit.optional(
            "monthly_calls",
            "How many calls a month CareerRelay may make of those that all integrations of the "
            "account share (100,000, unless your contract says otherwise). Watching alone takes "
            "17,300.",
            "アカウント全体の1か月の呼び出し回数（契約に別の定めがなければ10万回）のうち、CareerRelayが"
            "使ってよい回数。変更の監視だけで約17,300回を使います。",
            default="50000",
        ),
        kit.NOTICE_DELAY_DAYS,
        kit.SOURCE_CHANNELS,
        kit.HISTORY_DAYS,
        kit.address("https://rest.bullhornstaffing.com/rest-services", name="login_url"),
    ),
    notes=(
        "Made for companies that hire for themselves with Bullhorn. Agencies' candidates, that is "
        "submissions to any company but own_company_ids, never get a link.",
        "customText fields take 100 characters. A link that is longer is refused before any call, "
        "with its length and the field's name.",
        "Calls are shared with all integrations of the account (100,000 a month). Watching takes "
        "two every five minutes, about 17,300 a month; an application three, a rejection two if it "
        "comes alone and less than a tenth of one in a burst, a registration two to five.",
        "Events unread for 30 days are gone. If the queue is gone, or was not asked for 29 days, "
        "and once a day anyhow, what changed is searched for.",
        "An update of the status alone is read; what CareerRelay itself writes leads to nothing.",
        "A web response that is hidden instead of given a status does not count as rejected.",
    ),
)
