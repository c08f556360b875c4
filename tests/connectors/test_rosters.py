"""Polls of a list that people just leave: who is new, who is missing, whatever dies on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from careerrelay.connectors import Roster

NOON = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pages(
    cursor: dict[str, Any], *rows: str, now: datetime = NOON, sweep: timedelta = HOUR
) -> tuple[list[str], dict[str, Any]]:
    """A round over pages of ids ("a b"): who was new, and the cursor after it, kept as JSON."""
    found: list[str] = []
    for number, row in enumerate(rows, start=1):
        roster = Roster.resume(cursor, now=now, sweep=sweep)
        page = str(number) if number < len(rows) else ""
        found += sorted(roster.take(dict.fromkeys(row.split(), ""), page=page))
        cursor = json.loads(json.dumps(dict(roster.turned(()).cursor)))
    return found, cursor


def test_who_is_new_is_told_once() -> None:
    found, cursor = pages({}, "a b", "c")
    assert found == ["a", "b", "c"]
    assert pages(cursor, "a b d c", now=NOON + HOUR)[0] == ["d"]


def test_who_is_missing_from_a_whole_round_is_a_doubt() -> None:
    _, cursor = pages({}, "a b", "c")
    _, cursor = pages(cursor, "a", "d", now=NOON + HOUR)
    roster = Roster.resume(cursor, now=NOON + 2 * HOUR, sweep=HOUR)
    assert roster.doubts == ["b", "c"]
    roster.settle(["b"])
    roster.forget(["c"])
    assert not roster.doubts
    assert sorted(roster.known) == ["a", "b", "d"]
    assert roster.turned(()).more is False


def test_a_quick_round_doubts_nobody() -> None:
    _, cursor = pages({}, "a b")
    found, cursor = pages(cursor, "c", now=NOON + timedelta(minutes=5))
    assert found == ["c"]
    assert cursor["doubts"] == []
    assert sorted(cursor["known"]) == ["a", "b", "c"]


def test_a_page_moved_while_it_was_read_is_only_a_doubt_and_then_new_again() -> None:
    _, cursor = pages({}, "a b", "c d")
    _, cursor = pages(cursor, "b c", "d", now=NOON + HOUR)
    roster = Roster.resume(cursor, now=NOON + HOUR, sweep=HOUR)
    assert roster.doubts == ["a"]
    roster.forget(["a"])
    _, cursor = [], dict(roster.turned(()).cursor)
    assert pages(cursor, "a b", "c d", now=NOON + 2 * HOUR)[0] == ["a"]


def test_quick_rounds_ask_from_where_the_last_quick_one_began() -> None:
    """A whole round says nothing of people who are known, so it moves nothing on."""
    _, cursor = pages({}, "a")
    starts = []
    for minutes in (5, 60, 65):
        roster = Roster.resume(cursor, now=NOON + timedelta(minutes=minutes), sweep=HOUR)
        starts.append(roster.since if not roster.whole else "whole")
        roster.take({"a": ""}, page="")
        cursor = dict(roster.turned(()).cursor)
    before = timedelta(minutes=10)
    assert starts == [
        (NOON - before).isoformat(),
        "whole",
        (NOON + timedelta(minutes=5) - before).isoformat(),
    ]


def test_a_failed_poll_leaves_its_cursor_as_it_was() -> None:
    _, cursor = pages({}, "a b", "c")
    kept = json.dumps(cursor)
    roster = Roster.resume(cursor, now=NOON + HOUR, sweep=HOUR)
    roster.take({"a": "", "z": ""}, page="1")
    assert json.dumps(cursor) == kept


def test_forgotten_in_the_middle_of_a_round_is_nobodys_doubt() -> None:
    _, cursor = pages({}, "a b")
    roster = Roster.resume(cursor, now=NOON + HOUR)
    roster.forget(["b"])
    roster.take({"a": ""}, page="")
    assert roster.doubts == []
