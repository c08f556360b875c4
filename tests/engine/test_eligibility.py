"""Every rule alone, their order, and what a company may switch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from careerrelay.engine.eligibility import PERSONAL, RULES, SWITCHABLE, Facts, decide, is_barred
from careerrelay.models.candidates import ApplicationState, Channel, Flag, RejectionSide
from careerrelay.models.companies import ReasonMeaning
from careerrelay.models.decisions import ReasonCode

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GOOD = Facts(
    state=ApplicationState.REJECTED,
    side=RejectionSide.COMPANY,
    meaning=None,
    flags=frozenset(),
    channel=Channel.DIRECT,
    has_address=True,
    suppressed=False,
    erased=False,
    already_counted=False,
    rejected_at=NOW,
    oldest_allowed=NOW - timedelta(days=365),
    started_at=NOW - timedelta(days=30),
)
CASES = [
    (ReasonCode.ERASED, {"erased": True}),
    (ReasonCode.ERASED, {"state": ApplicationState.ERASED}),
    (ReasonCode.HIRED, {"state": ApplicationState.HIRED}),
    (ReasonCode.WITHDRAWN, {"state": ApplicationState.WITHDRAWN}),
    (ReasonCode.WITHDRAWN, {"side": RejectionSide.CANDIDATE}),
    (ReasonCode.WITHDRAWN, {"meaning": ReasonMeaning.WITHDRAWN}),
    (ReasonCode.NOT_REJECTED, {"state": ApplicationState.ACTIVE}),
    (ReasonCode.TOO_OLD, {"rejected_at": NOW - timedelta(days=366)}),
    (ReasonCode.BEFORE_START, {"rejected_at": NOW - timedelta(days=31)}),
    (ReasonCode.OFFER_RESCINDED, {"meaning": ReasonMeaning.OFFER_RESCINDED}),
    (ReasonCode.OFFER_RESCINDED, {"flags": frozenset({Flag.OFFER_RESCINDED})}),
    (ReasonCode.TEST_OR_DUPLICATE, {"meaning": ReasonMeaning.TEST}),
    (ReasonCode.TEST_OR_DUPLICATE, {"meaning": ReasonMeaning.DUPLICATE}),
    (ReasonCode.TEST_OR_DUPLICATE, {"flags": frozenset({Flag.DUPLICATE})}),
    (ReasonCode.MISCONDUCT, {"meaning": ReasonMeaning.MISCONDUCT}),
    (ReasonCode.MISCONDUCT, {"flags": frozenset({Flag.MISCONDUCT})}),
    (ReasonCode.UNMAPPED_REASON, {"side": RejectionSide.UNKNOWN}),
    (ReasonCode.AGENT_SCOUT_SCHOOL, {"channel": Channel.AGENT}),
    (ReasonCode.AGENT_SCOUT_SCHOOL, {"channel": Channel.SCOUT}),
    (ReasonCode.AGENT_SCOUT_SCHOOL, {"channel": Channel.SCHOOL}),
    (ReasonCode.INTERNAL, {"channel": Channel.INTERNAL}),
    (ReasonCode.DO_NOT_CONTACT, {"flags": frozenset({Flag.DO_NOT_CONTACT})}),
    (ReasonCode.DISPUTE, {"flags": frozenset({Flag.DISPUTE})}),
    (ReasonCode.NO_ADDRESS, {"has_address": False}),
    (ReasonCode.UNDER_18, {"flags": frozenset({Flag.MINOR})}),
    (ReasonCode.DISABILITY_QUOTA, {"flags": frozenset({Flag.DISABILITY_QUOTA})}),
    (ReasonCode.PRIVATE, {"flags": frozenset({Flag.PRIVATE})}),
    (ReasonCode.SUPPRESSED, {"suppressed": True}),
    (ReasonCode.ALREADY_COUNTED, {"already_counted": True}),
]


def test_plain_rejection_gets_a_link() -> None:
    assert decide(GOOD) is ReasonCode.LINK


@pytest.mark.parametrize(("code", "facts"), CASES)
def test_each_obstacle_alone_decides(code: ReasonCode, facts: dict) -> None:
    assert decide(replace(GOOD, **facts)) is code


@pytest.mark.parametrize(("code", "facts"), CASES)
def test_open_case_is_barred_by_what_is_noted_of_the_person_alone(
    code: ReasonCode, facts: dict
) -> None:
    open_case = replace(GOOD, state=ApplicationState.ACTIVE)
    assert not is_barred(open_case)
    assert is_barred(replace(open_case, **facts)) is (code in PERSONAL)


def test_what_a_company_switched_off_bars_nobody() -> None:
    private = replace(GOOD, flags=frozenset({Flag.PRIVATE}))
    assert is_barred(private)
    assert not is_barred(private, switched_off=frozenset({ReasonCode.PRIVATE.value}))


def test_every_code_but_link_and_unrejected_has_a_rule_and_a_case() -> None:
    decided_elsewhere = {ReasonCode.LINK, ReasonCode.UNREJECTED}
    assert {rule.code for rule in RULES} == set(ReasonCode) - decided_elsewhere
    assert {code for code, _ in CASES} == set(ReasonCode) - decided_elsewhere


def test_companys_word_beats_the_ats_on_who_ended_it() -> None:
    facts = replace(GOOD, side=RejectionSide.CANDIDATE, meaning=ReasonMeaning.REJECTED)
    assert decide(facts) is ReasonCode.LINK


def test_company_may_switch_only_what_is_switchable() -> None:
    private = replace(GOOD, flags=frozenset({Flag.PRIVATE}))
    assert frozenset({ReasonCode.PRIVATE}) == SWITCHABLE
    assert decide(private, switched_off=frozenset({"private"})) is ReasonCode.LINK
    suppressed = replace(GOOD, suppressed=True)
    assert decide(suppressed, switched_off=frozenset({"suppressed"})) is ReasonCode.SUPPRESSED


def test_rejection_in_the_minute_the_connection_began_is_after_its_start() -> None:
    """HERP, for one, tells the time of a rejection to the minute."""
    start = NOW.replace(hour=10, minute=30, second=42)
    facts = replace(GOOD, rejected_at=start.replace(second=0), started_at=start)
    assert decide(facts) is ReasonCode.LINK
    earlier = replace(facts, rejected_at=start.replace(minute=29, second=59))
    assert decide(earlier) is ReasonCode.BEFORE_START
