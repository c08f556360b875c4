"""Days and times as spreadsheets in Japan write them, 和暦 too; two readings are none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from zoneinfo import ZoneInfo

ERAS = {
    "令和": 2018, "平成": 1988, "昭和": 1925,
    "R": 2018, "H": 1988, "S": 1925,
    "㋿": 2018, "㍻": 1988, "㍼": 1925,
}  # fmt: skip
"""The year before the first of each era."""
EXCEL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - gets its zone with the others
"""Day 0 of Excel's count since its made-up 29 February 1900."""
FIRST_YEAR = 2000

_TIME = (
    r"(?:[T ]*(?P<half>午前|午後|AM|PM)? ?(?P<hour>\d{1,2})(?::|時)(?P<minute>\d{1,2})分?"
    r"(?:(?::|)(?P<second>\d{2})(?:\.\d+)?秒?)? ?(?P<half_after>AM|PM)?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?)?$"
)
_WEEKDAY = r"(?: ?\([日月火水木金土](?:曜日?)?\))?"
_WESTERN = re.compile(
    r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})" + _WEEKDAY + _TIME
)
_KANJI = re.compile(r"(?P<year>\d{4})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日" + _WEEKDAY + _TIME)
_ERA = re.compile(
    r"(?P<era>令和|平成|昭和|[RHS])(?P<in_era>\d{1,2}|元)(?:年|[-/.])(?P<month>\d{1,2})(?:月|[-/.])"
    r"(?P<day>\d{1,2})日?" + _WEEKDAY + _TIME,
    re.IGNORECASE,
)
_TOGETHER = re.compile(r"(?P<year>20\d{2})(?P<month>\d{2})(?P<day>\d{2})" + _TIME)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?$")


def read_moment(text: str, *, zone: ZoneInfo) -> datetime | None:
    """The moment a cell means, at the day's beginning where it tells no time; None: none that is
    certain."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if _SERIAL.match(plain):
        return _checked(lambda: (EXCEL_ZERO + timedelta(days=float(plain))).replace(tzinfo=zone))
    for form in (_WESTERN, _KANJI, _ERA, _TOGETHER):
        found = form.match(plain)
        if found is not None:
            return _checked(partial(_moment, found.groupdict(), zone))
    return None


def _checked(make: Callable[[], datetime]) -> datetime | None:
    try:
        moment = make()
        return moment.astimezone(UTC) if moment.year >= FIRST_YEAR else None
    except (ValueError, OverflowError):
        return None


def _moment(parts: dict[str, str | None], zone: ZoneInfo) -> datetime:
    return datetime(
        _year(parts),
        int(parts["month"] or 0),
        int(parts["day"] or 0),
        _hour(parts),
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        tzinfo=_zone(parts["zone"]) or zone,
    )


def _year(parts: dict[str, str | None]) -> int:
    if parts.get("year"):
        return int(parts["year"] or 0)
    in_era = parts["in_era"] or ""
    return ERAS[(parts["era"] or "").upper()] + (1 if in_era == "元" else int(in_era))


def _hour(parts: dict[str, str | None]) -> int:
    hour = int(parts["hour"] or 0)
    half = (parts["half"] or parts["half_after"] or "").upper()
    if not half:
        return hour
    if hour > 12:
        raise ValueError("an hour of the twelve is at most 12")
    return hour % 12 + (12 if half in ("午後", "PM") else 0)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
