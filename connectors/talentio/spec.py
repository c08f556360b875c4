"""What the Talentio connector can do, which settings it needs, and how we know."""

from __future__ import annotations

from dataclasses import replace

from careerrelay import connectors as kit
from careerrelay.connectors import Capability

REFERENCE = "https://developers.talentio.com/"
TEMPLATES = "https://intercom.help/talentio/ja/articles/1391606"
CLIENT = "https://github.com/kaneshin/go-talentio"

POLL = (
    "The list and its statuses are documented; the names of its filters come from public client "
    "code."
)
FETCH = (
    "Public clients read one candidate by its id; what answers for a deleted one is not "
    "documented, and 404 is taken for it."
)
REPORT = (
    "A tag. That tagNames replaces all tags comes from a public client, which tried it in August "
    "2026. Comments by API are not documented."
)

SPEC = kit.ConnectorSpec(
    name="talentio",
    title="Talentio",
    docs_url=REFERENCE,
    capabilities={
        Capability.WEBHOOK: kit.missing(REFERENCE, "The reference describes no webhook."),
        Capability.POLL: kit.documented(REFERENCE, POLL),
        Capability.FETCH: kit.reported(CLIENT, FETCH),
        Capability.REPORT: kit.reported(REFERENCE, REPORT),
        Capability.FIELD_TOKEN: kit.missing(
            TEMPLATES, "That custom fields may stand in a mail template is not documented."
        ),
        Capability.ATS_MESSAGE: kit.missing(REFERENCE, "Sending by API is not documented."),
    },
    settings=(
        kit.secret(
            "api_token",
            "API token (各種設定 > 基本設定 > API設定). It sees what its issuer may see.",
            "APIトークン（各種設定 > 基本設定 > API設定）。発行した方が閲覧できる範囲の候補者だけを"
            "読み取ります。",
        ),
        replace(
            kit.SOURCE_CHANNELS,
            help=f"{kit.SOURCE_CHANNELS.help} A part of a name (応募経路) is enough; which sources "
            "are agencies Talentio says itself.",
            help_ja=f"{kit.SOURCE_CHANNELS.help_ja}応募経路の名前は一部でも構いません。人材紹介経由か"
            "どうかはTalentioの情報から分かるため、指定は不要です。",
            default="ビズリーチ=scout, LAPRAS=scout, Findy=scout, YOUTRUST=scout, "
            "転職ドラフト=scout",
        ),
        kit.DO_NOT_CONTACT_TAGS,
        kit.optional(
            "test_tags",
            "Tags of test candidates, separated by commas: they never get a link.",
            "テスト用の候補者に付けるタグ（カンマ区切り）。リンクを送りません。",
        ),
        kit.own_mail_delay(
            " Where Talentio sends its own notice by reservation: longer than the longest one.",
            "Talentioの予約送信でも候補者に連絡している場合は、予約の最長日数より長くしてください。",
        ),
        kit.HISTORY_DAYS,
        kit.address("https://talentio.com/api/v1"),
    ),
    # 5,000 an hour as documented, spread evenly: a public client was cut off at four a second.
    rate_limit=kit.RateLimit(2, 1.44, per="API token", source=REFERENCE),
    paste_note={
        "en": "Talentio puts the salutation (name and 様) at the head of the body by itself: do "
        "not begin the template with a name. Variables look like { candidate }; that there is one "
        "for the job is not documented.",
        "ja": "Talentioでは本文の先頭に「◯◯様」が自動で入ります。テンプレートを宛名から書き始め"
        "ないでください。変数は { candidate } の形で挿入します。求人名の変数は公開資料に記載がない"
        "ため、必要な場合は求人名をそのまま入力してください。",
    },
    notes=(
        "fail is the company's お見送り; reject is the candidate's 辞退, and never gets a link.",
        "5,000 calls an hour, spread evenly; every answer says how many are left, and the last "
        "hundred are left to others.",
        "Once an hour everybody who is rejected is looked through, because who is taken back or "
        "deleted just leaves the list, and because it is not documented which changes count as "
        "updates.",
        "One candidate is one person on one requisition: the candidate's id is the application's.",
    ),
)
