"""Greenhouse's words turned into ours; the same for web hooks and for the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from careerrelay.connectors import (
    ApplicationState,
    Channel,
    ConfigurationError,
    EventKind,
    RejectionSide,
    Stage,
)

# Web hooks say "active", v3 answers "in_process" and, for a prospect who became a candidate,
# "converted". https://harvestdocs.greenhouse.io/reference/get_v3-applications
STATES: Mapping[str, ApplicationState] = {
    "active": ApplicationState.ACTIVE,
    "in_process": ApplicationState.ACTIVE,
    "converted": ApplicationState.ACTIVE,
    "rejected": ApplicationState.REJECTED,
    "hired": ApplicationState.HIRED,
}

# Type ids differ per organisation; names and (v3) keys do not.
# https://developers.greenhouse.io/webhooks.html
SIDES: Mapping[str, RejectionSide] = {
    "we rejected them": RejectionSide.COMPANY,
    "we_rejected_them": RejectionSide.COMPANY,
    "they rejected us": RejectionSide.CANDIDATE,
    "they_rejected_us": RejectionSide.CANDIDATE,
}

# Names of the sources every organisation has from the start, and of source types (v3).
SOURCES: Mapping[str, Channel] = {
    "referral": Channel.REFERRAL,
    "internal applicant": Channel.INTERNAL,
    "agencies": Channel.AGENT,
    "prospecting": Channel.SCOUT,
}

# Stage names are free text: first match wins, so the surer words come first.
STAGES: tuple[tuple[Stage, tuple[str, ...]], ...] = (
    (Stage.DOCUMENTS, ("application review", "resume", "書類")),
    (Stage.OFFER, ("offer", "オファー", "内定")),
    (Stage.FINAL_INTERVIEW, ("final", "最終")),
    (Stage.FIRST_INTERVIEW, ("phone", "first", "1st", "一次", "1次")),
    (Stage.LATER_INTERVIEW, ("interview", "face to face", "onsite", "on-site", "二次", "面接")),
)

KINDS: Mapping[ApplicationState, EventKind] = {
    ApplicationState.ACTIVE: EventKind.APPLIED,
    ApplicationState.REJECTED: EventKind.REJECTED,
    ApplicationState.WITHDRAWN: EventKind.WITHDRAWN,
    ApplicationState.HIRED: EventKind.HIRED,
}


def side_of(*words: str | None) -> RejectionSide:
    """Who ended it, by the type's name or key; anything unknown leaves it to the reason map."""
    sides = (SIDES.get(word.strip().lower()) for word in words if word)
    return next((side for side in sides if side), RejectionSide.UNKNOWN)


def state_for(state: ApplicationState, *, side: RejectionSide) -> ApplicationState:
    """A rejection by the candidate is a withdrawal."""
    withdrew = state is ApplicationState.REJECTED and side is RejectionSide.CANDIDATE
    return ApplicationState.WITHDRAWN if withdrew else state


def stage_of(name: str) -> Stage:
    """How far the case came, as far as the stage's name says."""
    text = name.lower()
    return next((stage for stage, words in STAGES if any(w in text for w in words)), Stage.UNKNOWN)


def channel_of(*names: str | None) -> Channel:
    """The channel by source name or source type name, as Greenhouse delivers them."""
    for name in filter(None, names):
        text = name.strip().lower()
        if text.endswith("(prospecting)"):
            return Channel.SCOUT
        if text in SOURCES:
            return SOURCES[text]
    return Channel.UNKNOWN


def source_channels(setting: str) -> dict[str, Channel]:
    """Read ``source_channels``: "31=agent, 44=school". Raises ConfigurationError."""
    pairs = (part.partition("=") for part in setting.split(",") if part.strip())
    try:
        return {source.strip(): Channel(word.strip().lower()) for source, _, word in pairs}
    except ValueError:
        raise ConfigurationError(
            "source_channels must look like '31=agent, 44=school' with the values direct, agent, "
            "scout, school, referral or internal"
        ) from None


def addresses(entries: Iterable[Mapping[str, str | None]]) -> tuple[str, ...]:
    """Every e-mail address once, personal ones first: work mailboxes end with the job."""
    typed = [(e.get("type") != "personal", (e.get("value") or "").strip()) for e in entries]
    unique: dict[str, str] = {}
    for _, address in sorted(typed, key=lambda pair: pair[0]):
        if address:
            unique.setdefault(address.lower(), address)
    return tuple(unique.values())


def latest(*moments: datetime | None) -> datetime | None:
    """The newest, in whole seconds: web hooks have no finer ones, and both must compare."""
    known = [moment for moment in moments if moment]
    return max(known).replace(microsecond=0) if known else None
