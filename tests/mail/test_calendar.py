"""When a mail may leave."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from careerrelay.mail.calendar import is_business_day, next_send_time
from careerrelay.models.errors import ConfigurationError

TOKYO = ZoneInfo("Asia/Tokyo")


def tokyo(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=TOKYO)  # type: ignore[arg-type, misc]


def when(now: datetime, **changes) -> datetime:
    options = {
        "timezone": "Asia/Tokyo",
        "from_hour": 10,
        "until_hour": 17,
        "business_days_only": True,
    } | changes
    return next_send_time(now, **options)


@pytest.mark.parametrize(
    ("now", "leaves", "why"),
    [
        ((2026, 11, 24, 11, 30), (2026, 11, 24, 11, 30), "inside the window: at once"),
        ((2026, 11, 24, 8, 0), (2026, 11, 24, 10, 0), "too early"),
        ((2026, 11, 24, 16, 59), (2026, 11, 24, 16, 59), "the last minute"),
        ((2026, 11, 24, 17, 0), (2026, 11, 25, 10, 0), "closed"),
        ((2026, 11, 20, 18, 0), (2026, 11, 24, 10, 0), "Friday evening, then Labour Thanksgiving"),
        ((2026, 5, 6, 12, 0), (2026, 5, 7, 10, 0), "a substitute holiday"),
        ((2026, 9, 22, 12, 0), (2026, 9, 24, 10, 0), "a citizens' holiday between two others"),
        ((2026, 12, 28, 18, 0), (2027, 1, 4, 10, 0), "the end of the year"),
        ((2026, 8, 12, 18, 0), (2026, 8, 17, 10, 0), "Obon"),
    ],
)
def test_mail_waits_for_a_decent_hour(now, leaves, why):
    assert when(tokyo(*now)) == tokyo(*leaves), why


def test_weekends_are_open_to_those_who_want_them():
    saturday = tokyo(2026, 11, 28, 12, 0)
    assert when(saturday, business_days_only=False) == saturday


def test_obon_is_a_custom_of_japan_only():
    assert not is_business_day(date(2026, 8, 14))
    assert is_business_day(date(2026, 8, 14), country="US")


def test_skipped_hour_of_daylight_saving_has_no_window():
    """On 8 March 2026 New York has no 02:00 to 03:00."""
    found = when(
        datetime(2026, 3, 8, 5, 0, tzinfo=UTC),
        timezone="America/New_York",
        from_hour=2,
        until_hour=3,
        business_days_only=False,
    )
    assert found == datetime(2026, 3, 9, 6, 0, tzinfo=UTC)


def test_day_that_a_country_skipped_is_no_day_to_send():
    """Samoa went from Thursday 29 December 2011 to Saturday 31 December."""
    thursday_evening = datetime(2011, 12, 30, 4, 0, tzinfo=UTC)
    found = when(thursday_evening, timezone="Pacific/Apia", country="US")
    assert found.astimezone(ZoneInfo("Pacific/Apia")).date() == date(2012, 1, 3)


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"from_hour": 17, "until_hour": 10}, "send_from_hour"),
        ({"from_hour": 10, "until_hour": 10}, "send_until_hour"),
        ({"until_hour": 25}, "send_until_hour"),
        ({"from_hour": -1}, "send_from_hour"),
        ({"timezone": "Asia/Nowhere"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"country": "XX"}, "country"),
    ],
)
def test_impossible_setting_is_named(changes, setting):
    with pytest.raises(ConfigurationError, match=setting):
        when(tokyo(2026, 11, 24, 11, 0), **changes)


def test_naive_time_is_a_programming_error():
    with pytest.raises(ValueError, match="aware"):
        when(datetime(2026, 11, 24, 11, 0))  # noqa: DTZ001 - the mistake under test


@given(
    now=st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1)),  # noqa: DTZ001 - zone below
    hours=st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda h: h[0] < h[1]),
    zone=st.sampled_from(["Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    business=st.booleans(),
)
@example(datetime(2026, 3, 8, 6, 59), (2, 3), "America/New_York", False)  # noqa: DTZ001
@settings(deadline=None)
def test_result_is_never_earlier_inside_the_window_and_settled(now, hours, zone, business):
    aware = now.replace(tzinfo=UTC)
    options = {
        "timezone": zone,
        "from_hour": hours[0],
        "until_hour": hours[1],
        "business_days_only": business,
    }
    found = next_send_time(aware, **options)
    local = found.astimezone(ZoneInfo(zone))
    assert found >= aware
    assert found - aware < timedelta(days=30)
    assert hours[0] <= local.hour < hours[1]
    assert not business or is_business_day(local.date())
    assert next_send_time(found, **options) == found
