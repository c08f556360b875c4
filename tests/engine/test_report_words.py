"""What is written on the ATS record of a registrant: language, what is left, the slot made."""

from __future__ import annotations

import re

import pytest

from careerrelay.models.tables import Company
from tests.engine.test_flow import register
from tests.support.world import World

JAPANESE = (
    "キャリアリレー: 2026年11月4日にご本人が登録されました（ご本人の同意に基づくお知らせです）。"
)
ENGLISH = "CareerRelay: this person registered on November 4, 2026 (told with their consent). "


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Words do not differ between databases."""
    return sqlite_url


def notes_of_ten(world: World, *, locale: str) -> list[str]:
    """The notes of ten people, in the order they registered, without their markers."""
    with world.runtime.database.begin() as session:
        session.get_one(Company, "acme").locale = locale
    for number in range(10):
        world.apply(number)
        world.clock.forward(seconds=1)
        world.reject(number)
    world.work()
    for number in range(10):
        assert register(world, number).counted
    world.work()
    notes = [world.vendor.notes[f"c{number}"] for number in range(10)]
    assert [len(written) for written in notes] == [1] * 10
    return [re.sub(r" ?\[CR-[0-9A-Za-z_-]{12}\]$", "", written) for (written,) in notes]


@pytest.mark.parametrize(
    ("locale", "left", "slot"),
    [
        (
            "ja",
            JAPANESE + "次の無料紹介枠まで、あと{}件です。",
            JAPANESE + "この登録で無料紹介枠を1つ獲得しました。",
        ),
        (
            "en",
            ENGLISH + "{} more to the next free placement slot.",
            ENGLISH + "With this registration you earned one free placement slot.",
        ),
    ],
)
def test_the_record_says_how_many_are_left_and_the_tenth_that_it_made_a_slot(
    world: World, locale: str, left: str, slot: str
) -> None:
    expected = [left.format(10 - done) for done in range(1, 10)]
    assert notes_of_ten(world, locale=locale) == [*expected, slot]
