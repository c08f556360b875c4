"""While many webhooks arrive at once, the reading of them gives way, but not for ever."""

from __future__ import annotations

from collections.abc import Callable

from careerrelay.engine.rush import CROWD, ENDS_AFTER_SECONDS, LONGEST_SECONDS, Rush


class Watch:
    """A clock that only sleeping moves; ``then`` happens at every look."""

    def __init__(self) -> None:
        self.now = 100.0
        self.then: Callable[[], None] = lambda: None

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.then()

    def rush(self) -> Rush:
        return Rush(clock=self.clock, sleep=self.sleep)


def test_nobody_waits_where_webhooks_come_one_by_one() -> None:
    watch = Watch()
    rush = watch.rush()
    rush.stored(CROWD - 1)
    rush.give_way()
    assert watch.now == 100.0


def test_reading_goes_on_as_soon_as_no_crowd_came_for_a_moment() -> None:
    watch = Watch()
    rush = watch.rush()
    rush.stored(CROWD)
    rush.give_way()
    assert 0 <= watch.now - 100.0 - ENDS_AFTER_SECONDS < 0.05


def test_a_rush_without_end_does_not_stop_the_reading() -> None:
    watch = Watch()
    rush = watch.rush()
    watch.then = lambda: rush.stored(CROWD)
    rush.stored(CROWD)
    rush.give_way()
    assert 0 <= watch.now - 100.0 - LONGEST_SECONDS < 0.05
