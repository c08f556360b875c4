"""Greenhouse's words turned into ours; the same for web hooks and for the API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from careerrelay import connectors as kit

# Web hooks say "active", v3 answers "in_process" and, for a prospect who became a candidate,
# "converted". https://harvestdocs.greenhouse.io/reference/get_v3-applications
STATES: Mapping[str, kit.ApplicationState] = {
    "active": kit.ApplicationState.ACTIVE,
    "in_process": kit.ApplicationState.ACTIVE,
    "converted": kit.ApplicationState.ACTIVE,
    "rejected": kit.ApplicationState.REJECTED,
    "hired": kit.ApplicationState.HIRED,
}

# Type ids differ per organisation; names and (v3) keys do not.
# https://developers.greenhouse.io/webhooks.html
SIDES: Mapping[str, kit.RejectionSide] = {
    "we rejected them": kit.RejectionSide.COMPANY,
    "we_rejected_them": kit.RejectionSide.COMPANY,
    "they rejected us": kit.RejectionSide.CANDIDATE,
    "they_rejected_us": kit.RejectionSide.CANDIDATE,
}

# Names of the sources every organisation has from the start, and of source types (v3).
SOURCES: Mapping[str, kit.Channel] = {
    "referral": kit.Channel.REFERRAL,
    "internal applicant": kit.Channel.INTERNAL,
    "agencies": kit.Channel.AGENT,
    "prospecting": kit.Channel.SCOUT,
}

# kit.Stage names are free text: first match wins, so the surer words come first.
STAGES: tuple[tuple[kit.Stage, tuple[str, ...]], ...] = (
    (kit.Stage.DOCUMENTS, ("application review", "resume", "書類")),
    (kit.Stage.OFFER, ("offer", "オファー", "内定")),
    (kit.Stage.FINAL_INTERVIEW, ("final", "最終")),
    (kit.Stage.FIRST_INTERVIEW, ("phone", "first", "1st", "一次", "1次")),
    (kit.Stage.LATER_INTERVIEW, ("interview", "face to face", "onsite", "on-site", "二次", "面接")),
)


def side_of(*words: str | None) -> kit.RejectionSide:
    """Who ended it, by the type's name or key; anything unknown leaves it to the reason map."""
    sides = (SIDES.get(word.strip().lower()) for word in words if word)
    return next((side for side in sides if side), kit.RejectionSide.UNKNOWN)


def state_for(state: kit.ApplicationState, *, side: kit.RejectionSide) -> kit.ApplicationState:
    """A rejection by the candidate is a withdrawal."""
    withdrew = state is kit.ApplicationState.REJECTED and side is kit.RejectionSide.CANDIDATE
    return kit.ApplicationState.WITHDRAWN if withdrew else state


def stage_of(name: str) -> kit.Stage:
    """How far the case came, as far as the stage's name says."""
    text = name.lower()
    return next(
        (stage for stage, words in STAGES if any(w in text for w in words)), kit.Stage.UNKNOWN
    )


def channel_of(*names: str | None) -> kit.Channel:
    """The channel by source name or source type name, as Greenhouse delivers them."""
    for name in filter(None, names):
        text = name.strip().lower()
        if text.endswith("(prospecting)"):
            return kit.Channel.SCOUT
        if text in SOURCES:
            return SOURCES[text]
    return kit.Channel.UNKNOWN


def candidate_of(person: Mapping[str, Any]) -> kit.Candidate:
    """A person as both write them."""
    return kit.Candidate(
        person["id"],
        emails=addresses(person["email_addresses"]),
        family_name=person["last_name"] or "",
        given_name=person["first_name"] or "",
    )


def flags_of(*, may_mail: bool, private: bool) -> frozenset[kit.Flag]:
    """What keeps a link away."""
    found = {kit.Flag.DO_NOT_CONTACT: not may_mail, kit.Flag.PRIVATE: private}
    return frozenset(flag for flag, holds in found.items() if holds)


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
