"""When a case ended, where the ATS tells it anew with every look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.toy import ToyConnector
from tests.support.world import World

from .test_cases import codes


def test_edit_of_a_case_that_ended_before_the_connection_is_no_rejection_of_today(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some ATSs have no time but that of the last change."""
    monkeypatch.setattr(ToyConnector, "spec", replace(ToyConnector.spec, end_moves=True))
    world.reject(1, changed_at=world.clock() - timedelta(days=30))
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    assert codes(world) == ["before_start"]
    world.clock.forward(hours=1)
    world.apply(1)
    world.clock.forward(hours=1)
    world.reject(1)
    world.work()
    assert codes(world) == ["before_start", "link"]


def test_day_of_an_end_that_was_mistyped_counts_as_corrected(world: World) -> None:
    world.reject(1, changed_at=world.clock() - timedelta(days=300))
    world.work()
    world.clock.forward(hours=1)
    world.reject(1, changed_at=world.clock() - timedelta(minutes=30))
    world.work()
    assert codes(world) == ["before_start", "link"]
