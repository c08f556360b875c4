"""Where an ATS holds its notice back, ours is not the quicker one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from careerrelay.engine import registration
from careerrelay.engine.replay import replay, work_lines
from careerrelay.link_signing import Purpose
from careerrelay.models.candidates import (
    Application,
    ApplicationState,
    Flag,
    Reason,
    RejectionSide,
)
from careerrelay.models.errors import ApiUnavailableError
from careerrelay.models.events import ApplicationEvent, EventKind, OutgoingMessage
from careerrelay.models.tables import (
    ApplicationAddress,
    ApplicationRecord,
    Company,
    Delivery,
    Suppression,
)
from tests.support.world import World


@pytest.fixture
def messaging(world: World) -> World:
    """A company whose ATS sends our notice."""
    world.connect("messaging", connector="messaging", strategies=("ats_message",))
    return world


def reject(world: World, *, told: datetime | None = None, **values: Any) -> Application:
    """The ATS says so by a hint; ``told`` is what the hint itself says of the notice."""
    found = world.application(1, ApplicationState.REJECTED, **values)
    hint(world, found, told=told)
    return found


def hint(world: World, found: Application, *, told: datetime | None = None) -> None:
    event = ApplicationEvent(
        EventKind.CHANGED, world.clock(), found.external_id, found.candidate.external_id
    )
    world.hear(replace(event, notice_after=told), connection="messaging")
    world.work()


def sent(world: World) -> list[OutgoingMessage]:
    return list(world.vendor.messages.values())


def the_delivery(world: World) -> Delivery:
    with world.runtime.database.read() as session:
        return session.scalars(select(Delivery)).one()


def in_days(world: World, days: float) -> datetime:
    return world.clock() + timedelta(days=days)


def hold(world: World, days: int) -> None:
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").hold_days = days


def test_the_ats_sends_our_notice_with_the_personal_link(messaging: World) -> None:
    reject(messaging)
    (message,) = sent(messaging)
    link = messaging.runtime.signer.url_for(str(the_delivery(messaging).link_id))
    assert link in message.text
    assert message.marker == the_delivery(messaging).id


def test_a_message_keeps_the_companys_hours_and_waiting_time(messaging: World) -> None:
    hold(messaging, 1)
    messaging.clock.forward(hours=8)
    reject(messaging)
    messaging.clock.forward(hours=13)
    messaging.work()
    assert sent(messaging) == []
    messaging.clock.forward(hours=26)
    messaging.work()
    assert len(sent(messaging)) == 1


def test_a_longer_waiting_time_holds_back_what_waits_already(messaging: World) -> None:
    hold(messaging, 1)
    reject(messaging)
    hold(messaging, 5)
    messaging.clock.forward(days=4, hours=23)
    messaging.work()
    assert sent(messaging) == []
    assert the_delivery(messaging).failures == 0
    messaging.clock.forward(hours=2)
    messaging.work()
    assert len(sent(messaging)) == 1


def test_nothing_is_sent_before_the_ats_lets_the_candidate_know(messaging: World) -> None:
    reject(messaging, notice_after=in_days(messaging, 2))
    messaging.clock.forward(days=1, hours=23)
    messaging.work()
    assert sent(messaging) == []
    messaging.clock.forward(hours=2)
    messaging.work()
    assert len(sent(messaging)) == 1


def test_what_the_signal_says_outlives_what_a_later_look_assumes(messaging: World) -> None:
    found = reject(messaging, told=in_days(messaging, 1), notice_after=in_days(messaging, 7))
    hint(messaging, found)
    messaging.clock.forward(days=1, hours=1)
    messaging.work()
    assert len(sent(messaging)) == 1


def test_a_later_signal_can_move_the_moment(messaging: World) -> None:
    found = reject(messaging, told=in_days(messaging, 1))
    hint(messaging, found, told=in_days(messaging, 2))
    messaging.clock.forward(days=1, hours=1)
    messaging.work()
    assert sent(messaging) == []
    messaging.clock.forward(days=1)
    messaging.work()
    assert len(sent(messaging)) == 1


def test_a_notice_dropped_in_the_ats_without_a_signal_is_not_sent(messaging: World) -> None:
    reject(messaging, notice_after=in_days(messaging, 1))
    messaging.clock.forward(hours=20)
    messaging.application(1, ApplicationState.ACTIVE)
    messaging.clock.forward(hours=5)
    messaging.work()
    assert sent(messaging) == []
    assert the_delivery(messaging).error_code == "unrejected"


def test_a_candidate_deleted_meanwhile_gets_nothing(messaging: World) -> None:
    reject(messaging, notice_after=in_days(messaging, 1))
    messaging.vendor.applications.clear()
    messaging.clock.forward(days=1, hours=1)
    messaging.work()
    assert sent(messaging) == []
    assert the_delivery(messaging).error_code == "erased"


def test_an_ats_that_cannot_be_asked_delays_the_notice(messaging: World) -> None:
    reject(messaging, notice_after=in_days(messaging, 1))

    def down(operation: str) -> None:
        raise ApiUnavailableError("no answer", connector="messaging", operation=operation)

    messaging.vendor.trouble = down
    messaging.clock.forward(days=1, hours=1)
    messaging.work()
    assert the_delivery(messaging).state == "due"
    messaging.vendor.trouble = lambda _operation: None
    messaging.clock.forward(minutes=1)
    messaging.work()
    assert len(sent(messaging)) == 1


def test_a_new_rejection_forgets_when_the_old_one_was_to_be_told(messaging: World) -> None:
    reject(messaging, notice_after=in_days(messaging, 5))
    messaging.clock.forward(hours=1)
    hint(messaging, messaging.application(1, ApplicationState.ACTIVE))
    messaging.clock.forward(hours=1)
    reject(messaging)
    assert len(sent(messaging)) == 1
    with messaging.runtime.database.read() as session:
        assert session.scalars(select(ApplicationRecord.notice_after)).one() is None


def test_who_used_the_stop_link_hears_from_the_company_without_a_link(messaging: World) -> None:
    found = messaging.application(1, ApplicationState.ACTIVE)
    hint(messaging, found)
    with messaging.runtime.database.begin() as session:
        email_hash = session.scalars(select(ApplicationAddress.email_hash)).one()
        cause = Suppression(
            email_hash=email_hash, scope="*", cause="stop_link", at=messaging.clock()
        )
        session.add(cause)
    messaging.clock.forward(minutes=1)
    reject(messaging)
    (message,) = sent(messaging)
    assert "relay.example.jp" not in message.text


@pytest.mark.parametrize("flag", [Flag.PRIVATE, Flag.MINOR, Flag.DISABILITY_QUOTA])
def test_what_is_noted_while_a_notice_waits_takes_the_link_out_of_it(
    messaging: World, flag: Flag
) -> None:
    at = in_days(messaging, 2)
    reject(messaging, notice_after=at)
    messaging.clock.forward(hours=1)
    reject(messaging, notice_after=at, flags=frozenset({flag}))
    messaging.clock.forward(days=2)
    messaging.work()
    (message,) = sent(messaging)
    assert "relay.example.jp" not in message.text


def register(world: World, *, company: str, person: int = 1) -> None:
    """Through a case of theirs on another ATS, of that company."""
    world.connect("elsewhere", company=company)
    world.tell(world.application(person, ApplicationState.REJECTED), connection="elsewhere")
    world.work()
    link = world.vendor.fields[f"c{person}"].rpartition("/")[2]
    form = registration.Application("応募 太郎", f"person{person}@example.com", True, "ja")
    proof = registration.start(world.runtime, link, form)
    outcome = registration.confirm_link(
        world.runtime, world.runtime.signer.token_for(proof, purpose=Purpose.PROOF)
    )
    assert outcome.counted


@pytest.mark.parametrize(
    ("company", "person", "linked"),
    [("acme", 1, False), ("acme", 2, True), ("other", 1, True)],
)
def test_who_registers_while_a_notice_waits_gets_it_without_a_link_from_that_company_alone(
    messaging: World, company: str, person: int, linked: bool
) -> None:
    messaging.add_company("other")
    reject(messaging, notice_after=in_days(messaging, 2))
    register(messaging, company=company, person=person)
    messaging.clock.forward(days=2, hours=1)
    messaging.work()
    (message,) = sent(messaging)
    assert ("relay.example.jp" in message.text) is linked


BARRED: dict[str, Any] = {"flags": frozenset({Flag.DO_NOT_CONTACT})}
WITHDREW: dict[str, Any] = {"reason": Reason("r9", "辞退", RejectionSide.CANDIDATE)}


@pytest.mark.parametrize("mistake", [BARRED, WITHDREW, {"flags": frozenset({Flag.PRIVATE})}])
def test_a_rejection_corrected_and_corrected_back_is_told_once(
    messaging: World, mistake: dict[str, Any]
) -> None:
    reject(messaging)
    for _ in range(2):
        messaging.clock.forward(hours=1)
        reject(messaging, **mistake)
        messaging.clock.forward(hours=1)
        reject(messaging)
    assert len(sent(messaging)) == 1


@pytest.fixture
def uncertain(messaging: World) -> World:
    """A notice was given up: it had been handed over, and nobody knows what became of it."""
    reject(messaging, notice_after=in_days(messaging, 1))
    with messaging.runtime.database.begin() as session:
        waiting = session.scalars(select(Delivery)).one()
        waiting.handed_over_at, waiting.state = messaging.clock(), "dead"
    return messaging


def test_a_notice_given_up_as_uncertain_is_not_sent_anew_after_a_correction(
    uncertain: World,
) -> None:
    for values in (BARRED, {}):
        uncertain.clock.forward(hours=1)
        reject(uncertain, **values)
    assert sent(uncertain) == []
    assert the_delivery(uncertain).state == "dead"


def test_a_notice_given_up_as_uncertain_is_not_replayed_to_who_must_not_be_written_to(
    uncertain: World,
) -> None:
    uncertain.clock.forward(hours=1)
    reject(uncertain, **BARRED)
    (line,) = work_lines(uncertain.runtime, kind="delivery")
    assert replay(uncertain.runtime, line, actor="tester", not_sent=True)
    uncertain.clock.forward(days=2)
    uncertain.work()
    assert sent(uncertain) == []
    assert the_delivery(uncertain).error_code == "do_not_contact"


def test_a_notice_that_is_just_leaving_is_that_of_the_corrected_decision(
    messaging: World,
) -> None:
    reject(messaging, notice_after=in_days(messaging, 1))
    with messaging.runtime.database.begin() as session:
        leaving = session.scalars(select(Delivery)).one()
        leaving.running_since = messaging.clock()
    messaging.clock.forward(hours=1)
    reject(messaging, flags=frozenset({Flag.PRIVATE}))
    assert the_delivery(messaging).link_id is None


def test_a_second_rejection_is_told_like_the_first(messaging: World) -> None:
    reject(messaging)
    messaging.clock.forward(hours=1)
    hint(messaging, messaging.application(1, ApplicationState.ACTIVE))
    messaging.clock.forward(hours=1)
    reject(messaging)
    assert len(sent(messaging)) == 2


def test_a_withdrawal_is_answered_by_nobody(messaging: World) -> None:
    hint(messaging, messaging.application(1, ApplicationState.WITHDRAWN))
    assert sent(messaging) == []
