"""What one row means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from careerrelay.connectors import (
    ApplicationEvent,
    ApplicationState,
    CellError,
    Channel,
    ConfigurationError,
    EventKind,
    Flag,
    Reason,
    RejectionSide,
    open_connector,
)
from careerrelay.connectors.csv_bridge.dates import read_moment
from careerrelay.connectors.csv_bridge.words import Outcome, outcome_of

TOKYO = ZoneInfo("Asia/Tokyo")
AS_OF = datetime(2026, 11, 28, 3, tzinfo=UTC)
ROW = {"application_id": "A1", "email": "person1@example.com", "as_of": AS_OF.isoformat()}


def read(settings: dict[str, str] | None = None, **cells: str) -> ApplicationEvent | None:
    return open_connector("csv_bridge", settings or {}).import_row({**ROW, **cells})


def case(settings: dict[str, str] | None = None, **cells: str) -> Any:
    event = read(settings, **cells)
    assert event is not None
    return event.application


@pytest.mark.parametrize(
    "text",
    [
        "2026/8/5", "2026-08-05", "2026.8.5", "2026年8月5日", "２０２６／８／５", "2026/08/05(水)",
        "20260805", "令和8年8月5日", "R8.8.5", "r8/8/5", "令和８年８月５日（水）", "46239",
        "2026年8月5日（水曜日）",
    ],
)  # fmt: skip
def test_days_are_read_as_midnight_in_tokyo(text: str) -> None:
    assert read_moment(text, zone=TOKYO) == datetime(2026, 8, 5, tzinfo=TOKYO)


@pytest.mark.parametrize(
    "text",
    [
        "2026/8/5 15:30", "2026-08-05T15:30:00", "2026-08-05T06:30:00Z",
        "2026-08-05T15:30:00+09:00", "2026年8月5日 15時30分", "2026/8/5 午後3:30",
        "2026/8/5 3:30 PM", "46239.645833333336", "令和8年8月5日 15:30",
        "2026-08-05 15:30:00.000",
    ],
)  # fmt: skip
def test_times_are_read(text: str) -> None:
    found = read_moment(text, zone=TOKYO)
    expected = datetime(2026, 8, 5, 15, 30, tzinfo=TOKYO)
    assert found is not None
    assert abs(found - expected) < timedelta(seconds=1)


def test_first_year_of_an_era_has_a_name() -> None:
    assert read_moment("令和元年5月1日", zone=TOKYO) == datetime(2019, 5, 1, tzinfo=TOKYO)
    assert read_moment("平成31年4月30日", zone=TOKYO) == datetime(2019, 4, 30, tzinfo=TOKYO)


@pytest.mark.parametrize(
    "text", ["8/5/2026", "05/08/2026", "8月5日", "2026/13/1", "2026/2/30", "昨日", "1926/1/1",
             "2026/8/5 25:00", "2026/8/5 13:00 PM", "2026/8/5 or later"],
)  # fmt: skip
def test_days_with_two_readings_or_none_are_none(text: str) -> None:
    assert read_moment(text, zone=TOKYO) is None


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("不合格", Outcome.REJECTED), ("ＮＧ", Outcome.REJECTED),
        ("選考前 辞退", Outcome.WITHDRAWN),
        ("重複", Outcome.IGNORED), ("内定取消", Outcome.OFFER_RESCINDED), ("rejected", "rejected"),
        ("一次面接", None),
    ],
)  # fmt: skip
def test_plain_words_are_known_and_others_are_not_guessed(word: str, outcome: str | None) -> None:
    assert outcome_of(word) == outcome


def test_rejected_row_is_the_companys_rejection() -> None:
    found = case(status="不合格", rejected_on="2026/11/10", job="営業職", full_name="応募 太郎")
    assert (found.state, found.reason) == (
        ApplicationState.REJECTED,
        Reason("rejected", "rejected", RejectionSide.COMPANY),
    )
    assert found.changed_at == datetime(2026, 11, 10, tzinfo=TOKYO)
    assert found.notice_after == found.changed_at + timedelta(days=7)
    assert (found.job.title, found.candidate.full_name) == ("営業職", "応募 太郎")


@pytest.mark.parametrize(
    ("column", "state"),
    [
        ("rejected_on", ApplicationState.REJECTED),
        ("withdrawn_on", ApplicationState.WITHDRAWN),
        ("hired_on", ApplicationState.HIRED),
    ],
)
def test_the_day_alone_tells_the_end(column: str, state: ApplicationState) -> None:
    assert case(None, **{column: "2026/11/10"}).state is state


def test_without_an_end_the_case_is_open_as_of_the_export() -> None:
    found = case(applied_on="2026/11/1")
    assert (found.state, found.changed_at) == (ApplicationState.ACTIVE, AS_OF)


def test_a_hire_may_lie_ahead() -> None:
    found = case(status="入社", hired_on="2027/4/1")
    assert (found.state, found.changed_at) == (ApplicationState.HIRED, AS_OF)
    assert case(status="入社").changed_at == AS_OF


def test_a_reason_of_the_candidate_makes_no_rejection_of_the_company() -> None:
    found = case(status="不合格", ended_on="2026/11/10", reason="他社決定", reason_side="candidate")
    assert found.reason == Reason("他社決定", "他社決定", RejectionSide.CANDIDATE)


def test_withdrawals_offers_taken_back_and_erasures_are_told_apart() -> None:
    assert case(status="選考前辞退", ended_on="2026/11/10").reason.side is RejectionSide.CANDIDATE
    assert Flag.OFFER_RESCINDED in case(status="内定取消", ended_on="2026/11/10").flags
    erased = read(status="erased")
    assert erased is not None
    assert (erased.kind, erased.application_id) == (EventKind.ERASED, "A1")
    assert read(status="重複") is None


def test_agents_and_stop_tags_are_the_companys_words() -> None:
    settings = {"source_channels": "ABC人材=agent", "do_not_contact_tags": "連絡不可"}
    found = case(
        settings, status="不合格", ended_on="2026/11/10", source="ABC人材", tags="A、連絡不可"
    )
    assert (found.channel, found.flags) == (Channel.AGENT, {Flag.DO_NOT_CONTACT})


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"status": "一次面接"}, "status"),
        ({"status": "不合格"}, "ended_on"),
        ({"status": "不合格", "rejected_on": ""}, "rejected_on"),
        ({"status": "不合格", "rejected_on": "8/5/2026"}, "rejected_on"),
        ({"status": "不合格", "rejected_on": "2027/1/1"}, "rejected_on"),
        ({"status": "不合格", "withdrawn_on": "2026/11/1"}, "status"),
        ({"rejected_on": "2026/11/1", "withdrawn_on": "2026/11/2"}, "status"),
        ({"status": "選考中", "applied_on": "いつか"}, "applied_on"),
    ],
)
def test_what_cannot_be_read_names_its_column_in_both_languages(
    cells: dict[str, str], column: str
) -> None:
    with pytest.raises(CellError) as told:
        read(None, **cells)
    assert told.value.column == column
    assert told.value.message_ja
    assert not [cell for cell in cells.values() if cell and cell in told.value.message]


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="timezone"):
        open_connector("csv_bridge", {"timezone": "Mars/Base"})
    with pytest.raises(ConfigurationError, match="folder_limit"):
        open_connector("csv_bridge", {"folder_limit": "many"})
