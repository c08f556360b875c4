"""Who gets a link: pure rules, first that applies decides, each visible to the company.

Never by score or any personal trait. The version changes with every change of a rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ..models.candidates import ApplicationState, Channel, Flag, RejectionSide
from ..models.companies import ReasonMeaning
from ..models.decisions import ReasonCode

RULE_VERSION = "2026-11"

NOTICE_WITHOUT_LINK = frozenset(
    {
        ReasonCode.SUPPRESSED,
        ReasonCode.ALREADY_COUNTED,
        ReasonCode.UNDER_18,
        ReasonCode.DISABILITY_QUOTA,
        ReasonCode.PRIVATE,
    }
)
"""Rejected for certain and free to be written to: where we send the company's notice, these
people get it without the link rather than no answer at all."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All a decision may look at. Times are aware."""

    state: ApplicationState
    side: RejectionSide
    meaning: ReasonMeaning | None
    """What the company's reason map says of the reason; None: nothing."""
    flags: frozenset[Flag]
    channel: Channel
    has_address: bool
    suppressed: bool
    erased: bool
    already_counted: bool
    rejected_at: datetime
    oldest_allowed: datetime
    started_at: datetime
    """When this connection began to give links."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason not to send a link."""

    code: ReasonCode
    applies: Callable[[Facts], bool]
    switchable: bool = False


def _side_is_open(facts: Facts) -> bool:
    """Neither the ATS nor the company has said who ended the case."""
    return facts.meaning is None and facts.side is RejectionSide.UNKNOWN


def _withdrew(facts: Facts) -> bool:
    if facts.state is ApplicationState.WITHDRAWN:
        return True
    if facts.meaning is not None:
        return facts.meaning is ReasonMeaning.WITHDRAWN
    return facts.side is RejectionSide.CANDIDATE


def _before_start(facts: Facts) -> bool:
    """Some ATSs tell the time of a rejection to the minute only, so the first minute counts in."""
    return facts.rejected_at < facts.started_at.replace(second=0, microsecond=0)


def _flag(flag: Flag) -> Callable[[Facts], bool]:
    return lambda facts: flag in facts.flags


RULES: tuple[Rule, ...] = (
    Rule(ReasonCode.ERASED, lambda f: f.erased or f.state is ApplicationState.ERASED),
    Rule(ReasonCode.HIRED, lambda f: f.state is ApplicationState.HIRED),
    Rule(ReasonCode.WITHDRAWN, _withdrew),
    Rule(ReasonCode.NOT_REJECTED, lambda f: f.state is not ApplicationState.REJECTED),
    Rule(ReasonCode.TOO_OLD, lambda f: f.rejected_at < f.oldest_allowed),
    Rule(ReasonCode.BEFORE_START, _before_start),
    Rule(
        ReasonCode.OFFER_RESCINDED,
        lambda f: f.meaning is ReasonMeaning.OFFER_RESCINDED or Flag.OFFER_RESCINDED in f.flags,
    ),
    Rule(
        ReasonCode.TEST_OR_DUPLICATE,
        lambda f: (
            f.meaning in (ReasonMeaning.TEST, ReasonMeaning.DUPLICATE)
            or bool({Flag.TEST, Flag.DUPLICATE} & f.flags)
        ),
    ),
    Rule(
        ReasonCode.MISCONDUCT,
        lambda f: f.meaning is ReasonMeaning.MISCONDUCT or Flag.MISCONDUCT in f.flags,
    ),
    Rule(ReasonCode.UNMAPPED_REASON, _side_is_open),
    Rule(
        ReasonCode.AGENT_SCOUT_SCHOOL,
        lambda f: f.channel in (Channel.AGENT, Channel.SCOUT, Channel.SCHOOL),
    ),
    Rule(ReasonCode.INTERNAL, lambda f: f.channel is Channel.INTERNAL),
    Rule(ReasonCode.DO_NOT_CONTACT, _flag(Flag.DO_NOT_CONTACT)),
    Rule(ReasonCode.DISPUTE, _flag(Flag.DISPUTE)),
    Rule(ReasonCode.NO_ADDRESS, lambda f: not f.has_address),
    Rule(ReasonCode.UNDER_18, _flag(Flag.MINOR)),
    Rule(ReasonCode.DISABILITY_QUOTA, _flag(Flag.DISABILITY_QUOTA)),
    Rule(ReasonCode.PRIVATE, _flag(Flag.PRIVATE), switchable=True),
    Rule(ReasonCode.SUPPRESSED, lambda f: f.suppressed),
    Rule(ReasonCode.ALREADY_COUNTED, lambda f: f.already_counted),
)

PERSONAL = frozenset(
    {
        ReasonCode.TEST_OR_DUPLICATE,
        ReasonCode.MISCONDUCT,
        ReasonCode.AGENT_SCOUT_SCHOOL,
        ReasonCode.INTERNAL,
        ReasonCode.DO_NOT_CONTACT,
        ReasonCode.DISPUTE,
        ReasonCode.UNDER_18,
        ReasonCode.DISABILITY_QUOTA,
        ReasonCode.PRIVATE,
    }
)
"""Known before a case has ended, by how the person came and what is noted of them."""

SWITCHABLE = frozenset(rule.code for rule in RULES if rule.switchable)


def decide(facts: Facts, *, switched_off: frozenset[str] = frozenset()) -> ReasonCode:
    """LINK, or the code of the first rule that speaks against it."""
    for rule in RULES:
        if rule.switchable and rule.code.value in switched_off:
            continue
        if rule.applies(facts):
            return rule.code
    return ReasonCode.LINK


def is_barred(facts: Facts, *, switched_off: frozenset[str] = frozenset()) -> bool:
    """However this open case ends, there will be no link: nothing may wait in the ATS's field."""
    return any(
        rule.code in PERSONAL and rule.applies(facts)
        for rule in RULES
        if not (rule.switchable and rule.code.value in switched_off)
    )
