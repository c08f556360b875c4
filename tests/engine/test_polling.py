"""Polls: every page once, from where it stopped, at a pace the ATS bears."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from careerrelay.engine import polling
from careerrelay.engine.queue import Job
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import ApiAuthenticationError, ApiRateLimitedError
from careerrelay.models.events import ApplicationEvent, EventKind
from careerrelay.models.tables import Connection, Decision, Signal
from tests.support.world import World


def calm(_operation: str) -> None:
    """No trouble any more."""


def rejected(world: World, number: int) -> ApplicationEvent:
    found = world.application(number, ApplicationState.REJECTED)
    return ApplicationEvent(
        EventKind.REJECTED, found.changed_at, found.external_id, found.candidate.external_id, found
    )


def connection(world: World) -> Connection:
    with world.runtime.database.read() as session:
        return session.get_one(Connection, "toy")


def count(world: World, table: type) -> int:
    with world.runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_poll_walks_all_pages_and_each_rejection_is_decided_once(world: World) -> None:
    world.vendor.events = [rejected(world, n) for n in range(250)]
    assert polling.poll(world.runtime, "toy") == 250
    world.work()
    assert polling.poll(world.runtime, "toy") == 0
    assert count(world, Decision) == 250
    assert connection(world).poll_cursor == {"seen": 250}


def test_poll_cut_off_in_the_middle_goes_on_from_its_cursor(world: World) -> None:
    world.vendor.events = [rejected(world, n) for n in range(250)]

    def die_on_the_third_page(_operation: str) -> None:
        if world.vendor.calls.count("poll") == 3:
            raise KeyboardInterrupt

    world.vendor.trouble = die_on_the_third_page
    with pytest.raises(KeyboardInterrupt):
        polling.poll(world.runtime, "toy")
    assert connection(world).poll_cursor == {"seen": 200}
    assert polling.poll(world.runtime, "toy") == 50
    world.work()
    assert count(world, Decision) == 250


def test_same_state_seen_by_hook_and_poll_is_decided_once(world: World) -> None:
    world.reject(1)
    world.vendor.events = [rejected(world, 1)]
    polling.poll(world.runtime, "toy")
    world.work()
    assert count(world, Signal) == 2
    assert count(world, Decision) == 1


def test_due_poll_is_queued_once_however_many_processes_look(world: World) -> None:
    polling.poll_now(world.runtime, "toy", at=world.clock())
    assert polling.submit_due(world.runtime) == 1
    assert polling.submit_due(world.runtime) == 0
    world.work()
    assert world.vendor.calls == ["poll"]
    planned = connection(world).next_poll_at
    assert planned is not None
    assert 280 < (planned - world.clock()).total_seconds() < 320


def test_poll_asked_for_while_one_runs_is_made_after_it(world: World) -> None:
    """What the person means may have happened after the running one passed the place."""

    def asked(operation: str) -> None:
        polling.poll_now(world.runtime, "toy", at=world.clock())

    world.vendor.trouble = asked
    world.clock.forward(seconds=1)
    polling.poll(world.runtime, "toy")
    world.vendor.trouble = calm
    assert polling.submit_due(world.runtime) == 1


def test_two_polls_asked_for_in_one_second_are_both_made(world: World) -> None:
    for _ in range(2):
        world.clock.forward(milliseconds=100)
        polling.poll_now(world.runtime, "toy", at=world.clock())
        polling.submit_due(world.runtime)
        world.work()
    assert world.vendor.calls == ["poll", "poll"]


def test_poll_that_died_before_its_end_is_queued_again(world: World) -> None:
    polling.poll_now(world.runtime, "toy", at=world.clock())
    polling.submit_due(world.runtime)
    world.queue.lose_everything()
    world.clock.forward(minutes=2)
    assert polling.submit_due(world.runtime) == 1


def test_rate_limit_moves_the_poll_and_pauses_the_account(world: World) -> None:
    def limited(operation: str) -> None:
        raise ApiRateLimitedError(
            "too many", connector="toy", operation=operation, status=429, retry_after=40
        )

    world.vendor.trouble = limited
    assert polling.poll(world.runtime, "toy") == 0
    paused = connection(world)
    assert paused.paused_until is not None
    assert (paused.paused_until - world.clock()).total_seconds() == 40
    assert paused.next_poll_at == paused.paused_until
    assert polling.submit_due(world.runtime) == 0


def test_refused_credentials_are_shown_until_a_poll_succeeds(world: World) -> None:
    def refused(operation: str) -> None:
        raise ApiAuthenticationError("api_key is refused", connector="toy", operation=operation)

    world.vendor.trouble = refused
    polling.poll(world.runtime, "toy")
    assert connection(world).attention == "api_key is refused"
    world.vendor.trouble = calm
    polling.poll(world.runtime, "toy")
    assert connection(world).attention is None


def test_poll_job_of_the_queue_reaches_the_poll(world: World) -> None:
    world.vendor.events = [rejected(world, 1)]
    world.service().run(Job(polling.POLL, ("toy",), 1))
    assert count(world, Signal) == 1


def changed(world: World, number: int, *, version: str) -> ApplicationEvent:
    """What a list tells that says when a case changed, and not how."""
    kind, case = EventKind.CHANGED, f"a{number}"
    return ApplicationEvent(kind, world.clock(), case, f"c{number}", version=version)


def test_ats_is_not_asked_for_a_case_that_its_list_shows_as_it_was_read(world: World) -> None:
    world.reject(1, version="v7")
    world.work()
    world.vendor.events = [changed(world, 1, version="v7")]
    polling.poll(world.runtime, "toy")
    world.work()
    assert "fetch" not in world.vendor.calls
    with world.runtime.database.read() as session:
        assert set(session.scalars(select(Signal.outcome))) == {"recorded", "unchanged"}


@pytest.mark.parametrize(
    ("read", "listed"), [("v7", "v8"), ("v8", "v7"), ("v7", ""), ("", "v7"), ("", "")]
)
def test_ats_is_asked_where_its_list_may_show_another_state(
    world: World, read: str, listed: str
) -> None:
    world.reject(1, version=read)
    world.work()
    world.application(1, ApplicationState.ACTIVE)
    world.clock.forward(minutes=1)
    world.vendor.events = [changed(world, 1, version=listed)]
    polling.poll(world.runtime, "toy")
    world.work()
    assert "fetch" in world.vendor.calls


def test_ats_is_asked_again_after_an_older_reading_was_the_last_to_be_recorded(
    world: World,
) -> None:
    """Two readings of one state may be recorded in the wrong order."""
    for version in ("v8", "v7"):
        world.tell(world.application(1, ApplicationState.REJECTED, version=version))
        world.work()
    world.vendor.events = [changed(world, 1, version="v8")]
    polling.poll(world.runtime, "toy")
    world.work()
    assert "fetch" in world.vendor.calls


def test_web_hook_that_is_but_a_hint_cannot_keep_the_ats_from_being_asked(world: World) -> None:
    world.connect("messaging", connector="messaging", strategies=("ats_message",))
    world.tell(world.application(1, ApplicationState.REJECTED, version="v7"))
    for _ in range(2):
        world.hear(changed(world, 1, version="v7"), connection="messaging")
        world.work()
    assert world.vendor.calls.count("fetch") >= 2
