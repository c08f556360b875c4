"""When a company's mail may go out: its window of hours, its business days, Japan's days off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from ..models.errors import ConfigurationError

YEAR_END = ((12, 29), (1, 3))
"""年末年始: offices are shut though only 1 January is a holiday by law
(官公庁: https://laws.e-gov.go.jp/law/363AC0000000091)."""
OBON = ((8, 13), (8, 16))
"""お盆: most people are with their families; no bad news then."""

LOOK_AHEAD_DAYS = 60
"""No run of days off is that long: beyond it the settings leave no time to send."""
SATURDAY = 5


def next_send_time(
    now: datetime,
    *,
    timezone: str,
    from_hour: int,
    until_hour: int,
    business_days_only: bool,
    country: str = "JP",
) -> datetime:
    """The first moment not before ``now`` at which a mail may leave: ``now`` itself, or the
    opening of the next window (UTC).

    Hours are local, ``from_hour`` included, ``until_hour`` (up to 24) excluded; Friday evening
    is closed because the hours are. Business days leave out weekends, the holidays of
    ``country`` (ISO 3166 code) and, in Japan, YEAR_END and OBON.
    Raises ConfigurationError naming the setting when the window cannot exist.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    zone = _zone(timezone)
    if not 0 <= from_hour < until_hour <= 24:
        raise ConfigurationError("send_from_hour must be before send_until_hour, within 0 to 24")
    for day in _days(now.astimezone(zone).date()):
        if business_days_only and not is_business_day(day, country=country):
            continue
        moment = max(now, _opening(day, hour=from_hour, zone=zone))
        local = moment.astimezone(zone)
        if local.date() == day and from_hour <= local.hour < until_hour:
            return moment
    raise ConfigurationError(
        f"no time to send within {LOOK_AHEAD_DAYS} days; widen send_from_hour and send_until_hour"
    )


def is_business_day(day: date, *, country: str = "JP") -> bool:
    """Neither weekend nor public holiday (substitute ones too) nor, in Japan, a customary day off.

    Raises ConfigurationError for a country whose holidays are not known.
    """
    if day.weekday() >= SATURDAY or day in _public_holidays(country, day.year):
        return False
    return not (country == "JP" and _is_customary_day_off(day))


def _is_customary_day_off(day: date) -> bool:
    key = (day.month, day.day)
    return key >= YEAR_END[0] or key <= YEAR_END[1] or OBON[0] <= key <= OBON[1]


@lru_cache(maxsize=64)
def _public_holidays(country: str, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        raise ConfigurationError(f"country {country!r} has no known public holidays") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError):
        raise ConfigurationError(f"timezone {name!r} is not a known time zone") from None


def _days(first: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range(LOOK_AHEAD_DAYS))


def _opening(day: date, *, hour: int, zone: ZoneInfo) -> datetime:
    # By way of UTC, so that an hour skipped by daylight saving becomes the one after it.
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
