"""What is counted in an hour: few threads look after it."""

from __future__ import annotations

import threading

import pytest

from careerrelay.mail.relay import limits
from careerrelay.mail.relay.desk import Account, NextHop
from careerrelay.mail.relay.limits import HourLimits, TooManyError
from careerrelay.mail.smtp import Security

HOP = NextHop("127.0.0.1", 25, Security.NONE)
MAILS = 50


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Timer]:
    """The timers that are started; each ends at once."""
    found: list[threading.Timer] = []

    def run(timer: threading.Timer) -> None:
        found.append(timer)
        timer.function()

    monkeypatch.setattr(threading.Timer, "start", run)
    return found


def take_all(mails: int) -> None:
    counted = HourLimits()
    account = Account("a", HOP, frozenset(), per_hour=mails, people_per_hour=mails)
    for number in range(mails):
        counted.take(account, f"{number}@example.com")
    with pytest.raises(TooManyError, match="people_per_hour"):
        counted.take(account, "another@example.com")
    with pytest.raises(TooManyError, match="per_hour"):
        counted.take(account, "0@example.com")


def test_counted_mails_start_no_thread_for_each(started: list[threading.Timer]) -> None:
    take_all(MAILS)
    assert len(started) == 1


def test_what_is_over_is_looked_for_again_after_a_rest(
    started: list[threading.Timer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REST_SECONDS", 0)
    take_all(MAILS)
    assert len(started) > MAILS
