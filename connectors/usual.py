"""What nearly every ATS leaves to the company to say, as settings and as values.

Which source is an agency, which tag means "do not contact", how long the ATS may hold its notice
back: no vendor's API tells, or each company has its own words. A connector declares the settings
it needs and reads them with ``Policy.read``, once, when it is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..models.candidates import ApplicationState, Channel, Flag, Reason, RejectionSide
from ..models.errors import ConfigurationError
from .spec import Setting
from .values import channels, listed, named_ends, whole_number

SOURCE_CHANNELS = Setting(
    "source_channels",
    "Your sources by name, for example 'ABC Agency=agent, Sourcing=scout'. Values: direct, agent, "
    "scout, school, referral, internal. Agents, scouts and schools never get a link.",
    "応募経路の名前と種別。例「ABC Agency=agent, Sourcing=scout」。値はdirect・agent・scout・"
    "school・referral・internal。人材紹介（agent）・スカウト（scout）・学校（school）経由の方には"
    "リンクを送りません。",
    required=False,
    default="",
)
DO_NOT_CONTACT_TAGS = Setting(
    "do_not_contact_tags",
    "Candidate tags that mean 'do not contact', separated by commas.",
    "「連絡不可」を意味する候補者タグ（カンマ区切り）。",
    required=False,
    default="",
)
NOTICE_DELAY_DAYS = Setting(
    "notice_delay_days",
    "Days after a rejection before CareerRelay itself may write to the candidate, where the ATS "
    "does not say when: longer than the longest delay of your rejection mails (5 business days "
    "are 7 days).",
    "不採用から、CareerRelayが候補者にお知らせを送れるようになるまでの日数（ATSから時期が伝えられない"
    "場合）。不採用メールの送信を遅らせている最長の期間より長くしてください（5営業日なら7日）。",
    required=False,
    default="7",
)
HISTORY_DAYS = Setting(
    "history_days",
    "How many days back the first poll reads.",
    "初回の取り込みで遡る日数。",
    required=False,
    default="365",
)
REJECTED_STATUSES = Setting(
    "rejected_statuses",
    "Statuses that mean: the company said no. Separated by commas.",
    "貴社からの不採用を意味するステータス（カンマ区切り）。",
)
WITHDRAWN_STATUSES = Setting(
    "withdrawn_statuses",
    "Statuses or reasons that mean: the candidate withdrew. They win over the others.",
    "候補者の辞退を意味するステータスまたは理由（カンマ区切り）。ほかの設定より優先します。",
    required=False,
    default="",
)
HIRED_STATUSES = Setting(
    "hired_statuses",
    "Statuses that mean: hired. Separated by commas.",
    "採用を意味するステータス（カンマ区切り）。",
    required=False,
    default="",
)


USUAL = (NOTICE_DELAY_DAYS, SOURCE_CHANNELS, DO_NOT_CONTACT_TAGS, HISTORY_DAYS)
"""What an ATS that is polled leaves to the company, in the order of its forms."""


def secret(name: str, help_: str, help_ja: str) -> Setting:
    """A key or token that a company has to type in."""
    return Setting(name, help_, help_ja, secret=True)


def optional(name: str, help_: str, help_ja: str, *, default: str = "") -> Setting:
    """A setting that may stay as it is."""
    return Setting(name, help_, help_ja, required=False, default=default)


def choice(name: str, help_: str, help_ja: str, *choices: str) -> Setting:
    """One of a few words; the first is the default."""
    return Setting(name, help_, help_ja, required=False, default=choices[0], choices=choices)


def webhook_secret(what: str, what_ja: str, *, found: str = "rejections") -> Setting:
    """What signs the web hooks, of a connector that also polls: ``found`` are found by both.

    ``what`` and ``what_ja`` say how the ATS calls it, without a full stop.
    """
    return Setting(
        "webhook_secret",
        f"{what}. While changing it: new and old one, separated by a comma. "
        f"Empty: {found} are found by polling alone.",
        f"{what_ja}。変更期間中は新旧2つをカンマ区切りで入力します。"
        "空欄の場合は定期取得のみで検知します。",
        secret=True,
        required=False,
    )


def report_place(name: str, what: str, what_ja: str) -> Setting:
    """A field that may show the registration beside the note; ``what`` is "Id of a field"."""
    return optional(
        name,
        f"{what} that shows the registration as well; empty: none.",
        f"登録済みであることを表示する{what_ja}。不要な場合は空欄。",
    )


def address(default: str, *, name: str = "api_url") -> Setting:
    """Where the API is."""
    return Setting(
        name,
        "Address of the API; another one for a sandbox or region.",
        "APIのURL。検証環境や別リージョンを使う場合に変更します。",
        required=False,
        default=default,
    )


def account_address(example: str) -> Setting:
    """Where the API is, of an ATS where each account has an address of its own."""
    return Setting(
        "api_url",
        f"Address of your account's API, for example {example}.",
        f"貴社アカウントのAPIのURL。例：{example}",
    )


def author(name: str, brand: str) -> Setting:
    """Whose name stands under what we write."""
    return Setting(
        name,
        f"Id of the {brand} user in whose name notes and comments are written.",
        f"メモやコメントの書き込み者となる{brand}ユーザーのID。",
    )


def client_pair(of: str, of_ja: str) -> tuple[Setting, Setting]:
    """Client id and secret; ``of`` is where they are made, "the API console"."""
    return (
        Setting("client_id", f"Client id, from {of}.", f"{of_ja}のクライアントID。"),
        secret(
            "client_secret",
            "Client secret, from there too.",
            f"{of_ja}のクライアントシークレット。",
        ),
    )


def own_mail_delay(more: str = "", more_ja: str = "") -> Setting:
    """The same as NOTICE_DELAY_DAYS, for an ATS that sends its notice only when told to."""
    return Setting(
        NOTICE_DELAY_DAYS.name,
        "Days after a rejection before CareerRelay itself may write to the candidate (own_mail "
        f"only).{more}",
        "不採用から、CareerRelayが候補者にメールを送れるようになるまでの日数（own_mailの場合）。"
        f"{more_ja}",
        required=False,
        default="0",
    )


def end_settings(
    what: str, *, named: str, named_ja: str, rejected: str = "", withdrawn: str = ""
) -> tuple[Setting, Setting]:
    """Which ``what`` end a case, for ``Statuses.ends``; ``named`` is "stages, by name or id".

    ``rejected`` and ``withdrawn`` are the ATS's own, as defaults.
    """
    return (
        Setting(
            f"rejected_{what}",
            f"What means that your company rejects: {named}, separated by commas.",
            f"貴社からの不採用を表す{named_ja}（カンマ区切り）。",
            required=not rejected,
            default=rejected or None,
        ),
        optional(
            f"withdrawn_{what}",
            f"What means that the candidate withdrew: {named}, separated by commas.",
            f"候補者の辞退を表す{named_ja}（カンマ区切り）。",
            default=withdrawn,
        ),
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """The usual settings, those of them that the connection has, as values."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    stop_tags: frozenset[str] = frozenset()
    notice_delay: timedelta = timedelta()
    history: timedelta = timedelta()

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Policy:
        """Raises ConfigurationError naming the setting."""
        days = {
            setting.name: timedelta(days=whole_number(settings, name=setting.name, high=3650))
            for setting in (NOTICE_DELAY_DAYS, HISTORY_DAYS)
            if setting.name in settings
        }
        words = {SOURCE_CHANNELS.name: "", DO_NOT_CONTACT_TAGS.name: "", **settings}
        return cls(
            channels(words, name=SOURCE_CHANNELS.name),
            listed(words, name=DO_NOT_CONTACT_TAGS.name),
            days.get(NOTICE_DELAY_DAYS.name, timedelta()),
            days.get(HISTORY_DAYS.name, timedelta()),
        )

    def channel(self, *sources: str | None, otherwise: Channel = Channel.UNKNOWN) -> Channel:
        """What the company says of the first source that it names; else what the ATS says."""
        names = (source.strip().casefold() for source in sources if source)
        return next((self.channels[name] for name in names if name in self.channels), otherwise)

    def flags(
        self, tags: Iterable[str], *, do_not_contact: bool = False, rescinded: bool = False
    ) -> frozenset[Flag]:
        """By tag, or because the ATS itself says so. ``rescinded``: ended after they were hired."""
        marked = do_not_contact or any(tag.strip().casefold() in self.stop_tags for tag in tags)
        told = {Flag.DO_NOT_CONTACT: marked, Flag.OFFER_RESCINDED: rescinded}
        return frozenset(flag for flag, holds in told.items() if holds)

    def notice_after(
        self, changed_at: datetime, state: ApplicationState = ApplicationState.REJECTED
    ) -> datetime | None:
        """Before that nobody but the ATS tells the candidate; None: no delay is known of, or
        nothing is there to tell."""
        delayed = self.notice_delay and state is ApplicationState.REJECTED
        return changed_at + self.notice_delay if delayed else None


@dataclass(frozen=True, slots=True)
class Statuses:
    """What a company's own statuses mean, for ATSs whose statuses are the company's own."""

    names: Mapping[ApplicationState, frozenset[str]]

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Statuses:
        """Raises ConfigurationError where one status would mean two things."""
        found = {
            ApplicationState.WITHDRAWN: listed(settings, name=WITHDRAWN_STATUSES.name),
            ApplicationState.REJECTED: listed(settings, name=REJECTED_STATUSES.name),
            ApplicationState.HIRED: listed(settings, name=HIRED_STATUSES.name),
        }
        if len(frozenset().union(*found.values())) < sum(map(len, found.values())):
            raise ConfigurationError(
                "rejected_statuses, withdrawn_statuses and hired_statuses share a status"
            )
        return cls(found)

    @classmethod
    def ends(
        cls, settings: Mapping[str, str], *, rejected: str, withdrawn: str, hired: str = ""
    ) -> Statuses:
        """The same from two settings that name what ends a case; ``hired`` is the ATS's word.

        Raises ConfigurationError as ``named_ends`` does.
        """
        ours, theirs = named_ends(settings, rejected, withdrawn)
        names = {ApplicationState.WITHDRAWN: theirs, ApplicationState.REJECTED: ours}
        return cls(names | {ApplicationState.HIRED: frozenset(filter(None, [hired]))})

    def of(self, *words: str | None) -> ApplicationState:
        """By any word that the ATS has for one status: its id, name or kind."""
        told = {word.strip().casefold() for word in words if word}
        ends = (state for state, names in self.names.items() if told & names)
        return next(ends, ApplicationState.ACTIVE)

    def state(self, status: str, reason: str = "") -> ApplicationState:
        """Withdrawals first, by status or reason; a status nobody named is an open case."""
        said = {status.strip().casefold(), reason.strip().casefold()}
        if said & self.names[ApplicationState.WITHDRAWN]:
            return ApplicationState.WITHDRAWN
        status = status.strip().casefold()
        return next(
            (s for s, names in self.names.items() if status in names), ApplicationState.ACTIVE
        )

    @staticmethod
    def reason(state: ApplicationState, text: str) -> Reason | None:
        """Why it ended; who ended it, the company's own list has said."""
        known = state.side is not RejectionSide.UNKNOWN
        return Reason(text[:255], text, state.side) if known else None
