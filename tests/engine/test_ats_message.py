"""ats_message through an ATS that does not tell what it sent: at most once, or a person looks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from careerrelay.engine.connections import ConnectionPlan, change_connection
from careerrelay.engine.doctor_connections import connection_findings
from careerrelay.engine.rehearsal import KilledError, dying
from careerrelay.engine.replay import close, replay, work_lines
from careerrelay.engine.service import sweep
from careerrelay.models.candidates import Application, ApplicationState
from careerrelay.models.errors import (
    ApiError,
    ApiPermissionError,
    ApiRateLimitedError,
    ApiRequestError,
    ApiResponseError,
    ApiUnavailableError,
    ConfigurationError,
    RefusedError,
)
from careerrelay.models.tables import Connection, Delivery
from tests.support.world import World


@pytest.fixture
def unseen(world: World) -> World:
    """A company whose ATS sends our notice, and cannot be asked about it afterwards."""
    on = {"sending": "on"}
    world.connect("unseen", connector="unseen", strategies=("ats_message",), settings=on)
    return world


def reject(world: World, **values: object) -> Application:
    found = world.application(1, ApplicationState.REJECTED, **values)
    world.tell(found, connection="unseen")
    world.work()
    return found


def later(world: World, **parts: float) -> None:
    """Time passes, and whatever can be found to do is done."""
    world.clock.forward(**parts)
    sweep(world.runtime)
    world.work()


def the_delivery(world: World) -> Delivery:
    with world.runtime.database.read() as session:
        return session.scalars(select(Delivery)).one()


def fail_once(world: World, operation: str, error: BaseException, *, at: int = 1) -> None:
    """The first call of that name ends so, or the one ``at`` that place."""

    def trouble(called: str) -> None:
        if called == operation and world.vendor.calls.count(called) == at:
            raise error

    world.vendor.trouble = trouble


def of_kind(kind: type[ApiError], status: int | None, **more: float) -> ApiError:
    return kind("told so", connector="unseen", operation="send a message", status=status, **more)


def test_notice_is_sent_once_with_the_personal_link(unseen: World) -> None:
    reject(unseen)
    later(unseen, days=1)
    (message,) = unseen.vendor.unseen
    sent = the_delivery(unseen)
    assert unseen.runtime.signer.url_for(str(sent.link_id)) in message.text
    assert sent.state == "done"


LOST = [
    of_kind(ApiUnavailableError, None),
    of_kind(ApiUnavailableError, 502),
    of_kind(ApiResponseError, 200),
    of_kind(ApiRequestError, 408),
]


@pytest.mark.parametrize("error", LOST, ids=lambda e: f"{type(e).__name__}-{e.status}")
def test_lost_answer_is_left_to_a_person_who_closes_it(unseen: World, error: ApiError) -> None:
    fail_once(unseen, "answer", error)
    reject(unseen)
    later(unseen, days=2)
    uncertain = the_delivery(unseen)
    assert (uncertain.state, uncertain.error_code) == ("dead", "api_uncertain")
    assert "the candidate's mailbox" in str(uncertain.error)
    assert "--not-sent" in str(uncertain.error)
    (line,) = work_lines(unseen.runtime, kind="delivery")
    assert line.uncertain
    with pytest.raises(RefusedError, match="the candidate's mailbox"):
        replay(unseen.runtime, line, actor="tester")
    assert close(unseen.runtime, line, actor="tester")
    later(unseen, days=2)
    assert len(unseen.vendor.unseen) == 1


def test_person_who_found_nothing_has_it_sent_again(unseen: World) -> None:
    fail_once(unseen, "send_message", of_kind(ApiUnavailableError, 503))
    reject(unseen)
    later(unseen, days=1)
    assert unseen.vendor.unseen == []
    (line,) = work_lines(unseen.runtime, kind="delivery")
    assert replay(unseen.runtime, line, actor="tester", not_sent=True)
    later(unseen, minutes=1)
    assert len(unseen.vendor.unseen) == 1
    assert the_delivery(unseen).state == "done"


@pytest.mark.parametrize("status", [429, None])
def test_too_many_calls_is_a_definite_no_and_tried_again(unseen: World, status: int | None) -> None:
    """Also by our own count of the month's calls, which is no answer of the ATS."""
    fail_once(unseen, "send_message", of_kind(ApiRateLimitedError, status, retry_after=60))
    reject(unseen)
    waiting = the_delivery(unseen)
    assert (waiting.state, waiting.handed_over_at) == ("due", None)
    later(unseen, minutes=2)
    assert len(unseen.vendor.unseen) == 1
    assert the_delivery(unseen).state == "done"


@pytest.mark.parametrize("error", [of_kind(ApiRequestError, 422), of_kind(ApiPermissionError, 403)])
def test_refusal_is_final_and_replayed_without_a_further_word(
    unseen: World, error: ApiError
) -> None:
    fail_once(unseen, "send_message", error)
    reject(unseen)
    refused = the_delivery(unseen)
    assert (refused.state, refused.error_code) == ("dead", error.code)
    assert refused.handed_over_at is None
    (line,) = work_lines(unseen.runtime, kind="delivery")
    assert replay(unseen.runtime, line, actor="tester")
    later(unseen, minutes=1)
    assert len(unseen.vendor.unseen) == 1


def test_process_killed_between_hand_over_and_answer_sends_no_second(unseen: World) -> None:
    fail_once(unseen, "answer", KilledError())
    with pytest.raises(KilledError):
        reject(unseen)
    unseen.runtime.running.clear()
    for _ in range(3):
        later(unseen, minutes=6)
    assert len(unseen.vendor.unseen) == 1
    uncertain = the_delivery(unseen)
    assert (uncertain.state, uncertain.error_code) == ("dead", "api_uncertain")
    assert "the process died" in str(uncertain.error)


@pytest.mark.parametrize("commits", range(1, 8))
def test_process_killed_anywhere_sends_at_most_once(unseen: World, commits: int) -> None:
    unseen.tell(unseen.application(1, ApplicationState.REJECTED), connection="unseen")
    try:
        with dying(commits):
            unseen.work()
    except KilledError:
        unseen.runtime.running.clear()
    for _ in range(3):
        later(unseen, minutes=6)
    found = the_delivery(unseen)
    if found.state == "done":
        assert len(unseen.vendor.unseen) == 1
    else:
        assert (found.state, found.error_code) == ("dead", "api_uncertain")
    assert len(unseen.vendor.unseen) <= 1


def test_ats_that_is_down_is_met_before_anything_is_handed_over(unseen: World) -> None:
    fail_once(unseen, "fetch", of_kind(ApiUnavailableError, 503), at=2)
    reject(unseen)
    waiting = the_delivery(unseen)
    assert (waiting.state, waiting.handed_over_at) == ("due", None)
    later(unseen, minutes=5)
    assert len(unseen.vendor.unseen) == 1


def test_unrejection_before_the_waiting_time_is_over_stops_it(unseen: World) -> None:
    reject(unseen, notice_after=unseen.clock() + timedelta(days=2))
    later(unseen, days=1)
    unseen.tell(unseen.application(1, ApplicationState.ACTIVE), connection="unseen")
    unseen.work()
    later(unseen, days=3)
    assert unseen.vendor.unseen == []
    skipped = the_delivery(unseen)
    assert (skipped.state, skipped.error_code) == ("skipped", "unrejected")


def test_switched_off_it_is_refused_with_the_settings_name(world: World) -> None:
    world.connect("unseen", connector="unseen", strategies=("static_link",))
    plan = ConnectionPlan(strategies=("ats_message",))
    with pytest.raises(ConfigurationError, match="while the setting sending is off"):
        change_connection(world.runtime, "unseen", plan=plan, actor="tester")
    plan = ConnectionPlan(strategies=("ats_message",), settings={"sending": "on"})
    change_connection(world.runtime, "unseen", plan=plan, actor="tester")
    off = ConnectionPlan(settings={"sending": "off"})
    with pytest.raises(ConfigurationError, match="while the setting sending is off"):
        change_connection(world.runtime, "unseen", plan=off, actor="tester")


def test_switched_off_behind_our_back_sends_nothing_and_doctor_says_so(unseen: World) -> None:
    with unseen.runtime.database.begin() as session:
        session.get_one(Connection, "unseen").settings = {}
    reject(unseen)
    dead = the_delivery(unseen)
    assert (dead.state, dead.error_code) == ("dead", "configuration")
    assert "the setting sending is off" in str(dead.error)
    assert unseen.vendor.unseen == []
    with unseen.runtime.database.read() as session:
        connection = session.get_one(Connection, "unseen")
    found = {f.name: f for f in connection_findings(unseen.runtime, connection)}
    assert found["strategy ats_message"].status == "fail"
