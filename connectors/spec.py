"""What a connector declares about itself: identity, settings, capabilities and how we know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..models.errors import UnknownEventError
from .signatures import Signature


class Capability(StrEnum):
    """What a connector can do. Static link and own mail need none of these."""

    WEBHOOK = "webhook"
    POLL = "poll"
    FETCH = "fetch"
    CSV_IMPORT = "csv_import"
    FIELD_TOKEN = "field_token"  # noqa: S105 - a strategy's name, no password
    ATS_MESSAGE = "ats_message"
    REPORT = "report"
    REASONS = "reasons"
    MAIL_RECORD = "mail_record"
    """A mail that we have sent (``own_mail``) can be shown on the candidate's record."""
    MAIL_RELAY = "mail_relay"
    """The ATS's mails can be routed through a server of the company's choice. No method: what is
    to be done is done in the ATS's settings or at the company's mail provider."""


class Evidence(StrEnum):
    """How we know that a capability works."""

    LIVE = "live"
    """Run against a real account."""
    DOCUMENTED = "documented"
    """The vendor's documents say so; tested on fixtures and a stand-in only."""
    REPORTED = "reported"
    """Third parties say so."""
    UNCONFIRMED = "unconfirmed"
    """It follows from what is documented for something near it; nobody says or has shown it."""
    GATED = "gated"
    """Needs a partner agreement or a plan."""
    MISSING = "missing"
    """The vendor offers no way."""


@dataclass(frozen=True, slots=True)
class Support:
    """Evidence for one capability. ``note`` is compulsory unless live or documented."""

    evidence: Evidence
    source: str
    note: str = ""


def documented(source: str, note: str = "") -> Support:
    """The vendor's documents say so, on that page."""
    return Support(Evidence.DOCUMENTED, source, note)


def reported(source: str, note: str) -> Support:
    """Third parties say so, there."""
    return Support(Evidence.REPORTED, source, note)


def unconfirmed(source: str, note: str) -> Support:
    """It follows from that page, and nobody says or has shown it."""
    return Support(Evidence.UNCONFIRMED, source, note)


def gated(source: str, note: str) -> Support:
    """Only with a partner agreement or a plan."""
    return Support(Evidence.GATED, source, note)


def missing(source: str, note: str) -> Support:
    """The vendor offers no way."""
    return Support(Evidence.MISSING, source, note)


class Trust(StrEnum):
    """May the body of a verified webhook be believed?"""

    SIGNED = "signed"
    HINT = "hint"
    """Only ids are read; the engine fetches the truth."""


class LinkScope(StrEnum):
    """What one personal link stands for in this ATS."""

    APPLICATION = "application"
    CANDIDATE = "candidate"
    """One field per person, so one link for all of a person's cases."""


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """How this vendor's webhooks are verified and must be answered."""

    trust: Trust
    verification: str
    """One sentence for people: what is signed, with which secret."""
    signature: Signature | None = None
    """One of the usual ways, which then needs no code; None: the connector has its own."""
    ack_status: int = 200
    ack_seconds: int | None = None
    """Documented limit for our answer; None: not documented."""
    delivery_id_header: str | None = None
    refuse_status: int = 401
    """How a request that is not the vendor's is answered; another where the vendor would never
    send again what a mistyped secret made us refuse."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast we call at most: ``calls`` in ``seconds``, counted per credential or account.

    ``source`` is the page that states the vendor's limit, within which this keeps; "" where the
    vendor publishes none and the pace is our own caution.
    ``monthly``: the setting that says how many calls we may make in a calendar month (UTC), for
    an account that has so many for all its integrations together.
    """

    calls: int
    seconds: float
    per: str = "account"
    source: str = ""
    monthly: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value a company types in; forms, prompts and pages are derived from it."""

    name: str
    help: str
    help_ja: str
    secret: bool = False
    required: bool = True
    default: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One thing ``import_row`` reads: the list is closed, and other columns are never looked at.

    ``headings`` are those that may be suggested for it, ordinary words or of a vendor's
    documents; a person confirms each.
    """

    name: str
    help: str
    help_ja: str
    headings: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    """What a company may say that its own words in this column mean."""


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """Everything about a connector that is data.

    ``name`` is the folder and never changes; ``title`` is the brand and may.
    ``notice_is_delayed``: the ATS tells the candidate later than it tells us.
    ``end_moves``: what the ATS tells as the time of an end moves with later edits of the case, so
    the first one told is kept.
    ``merge_syntax``: how a static link's paste text refers to the job title in a template of
    this ATS, or "" where it has no such token.
    ``link_query``: a query that a static link may carry in a template of this ATS, in its merge
    fields: ``job`` is the job's title, a hint which application the mail is about.
    ``paste_note``: what else whoever pastes it has to know of these templates, by language.
    ``columns``: what ``import_row`` reads, for CSV_IMPORT.
    ``message_unseen``: no call tells afterwards whether a message was sent. Then ``send_message``
    is called at most once a message, and what became of one without an answer is for a person to
    find out.
    ``message_switch``: a setting, ``off`` or ``on``, without which nothing is sent.
    """

    name: str
    title: str
    docs_url: str
    capabilities: Mapping[Capability, Support]
    settings: tuple[Setting, ...]
    webhook: WebhookSpec | None = None
    rate_limit: RateLimit | None = None
    events: tuple[str, ...] = ()
    ignored_events: tuple[str, ...] = ()
    link_scope: LinkScope = LinkScope.APPLICATION
    notice_is_delayed: bool = False
    end_moves: bool = False
    poll_seconds: int = 300
    experimental: bool = False
    merge_syntax: str = ""
    link_query: str = ""
    paste_note: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=())
    columns: tuple[Column, ...] = ()
    message_unseen: bool = False
    message_switch: str = ""

    def column(self, name: str) -> Column | None:
        """The declared column of that name."""
        return next((c for c in self.columns if c.name == name), None)

    def setting(self, name: str) -> Setting | None:
        """The declared setting of that name."""
        return next((s for s in self.settings if s.name == name), None)

    def message_refusal(self, settings: Mapping[str, str]) -> str:
        """Why a company with these settings has no message sent by this ATS; "" if it may."""
        if not self.message_switch or settings.get(self.message_switch) == "on":
            return ""
        return (
            f"{self.title} sends nothing for us while the setting {self.message_switch} is off; "
            "read in the connector's guide what has to be done first, then set it to on"
        )

    def reads(self, event: str) -> bool:
        """False for an event that is ignored. Raises UnknownEventError for one in no list."""
        if event not in (*self.events, *self.ignored_events):
            raise UnknownEventError(f"{self.title} sent an event that is in no list of its spec")
        return event in self.events

    def can(self, capability: Capability) -> bool:
        """Declared, and by evidence other than MISSING."""
        support = self.capabilities.get(capability)
        return support is not None and support.evidence is not Evidence.MISSING
