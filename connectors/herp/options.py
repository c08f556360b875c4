"""The connection's settings as values, checked once when the connection is opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from careerrelay.connectors import Channel, ConfigurationError, whole_number

_TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_USER = re.compile(r"U-[0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Options:
    """``window`` is the longest selection, ``reach`` the age beyond which nothing is read."""

    reserve: int
    window: timedelta
    reach: timedelta
    known_pages: int
    filters: Mapping[str, str]
    manual_channel: Channel
    mention: tuple[str, ...]
    tenant: str

    @classmethod
    def read(cls, settings: Mapping[str, str]) -> Options:
        """Raises ConfigurationError naming the setting."""
        window = whole_number(settings, name="longest_selection_days", low=1, high=1095)
        reach = whole_number(settings, name="import_days", low=1, high=1095)
        if reach < window:
            raise ConfigurationError(
                "HERP Hire: import_days must not be shorter than longest_selection_days"
            )
        return cls(
            reserve=whole_number(settings, name="reserved_requests", low=0, high=90),
            window=timedelta(days=window),
            reach=timedelta(days=reach),
            known_pages=whole_number(settings, name="known_pages", low=1, high=5),
            filters=_filters(settings["outcomes"]),
            manual_channel=Channel(settings["manual_channel"]),
            mention=_mention(settings["mention_users"]),
            tenant=_tenant(settings["tenant"]),
        )


def _filters(outcomes: str) -> dict[str, str]:
    only = {"terminationReason": "rejected"} if outcomes == "rejected" else {}
    return {"status": "terminated", **only}


def _mention(value: str) -> tuple[str, ...]:
    users = tuple(part for part in (p.strip() for p in value.split(",")) if part)
    if not all(_USER.fullmatch(user) for user in users):
        raise ConfigurationError("HERP Hire: mention_users must be user ids such as U-AB12C")
    return users


def _tenant(value: str) -> str:
    tenant = value.strip()
    if tenant and not _TENANT.fullmatch(tenant):
        raise ConfigurationError(
            "HERP Hire: tenant must be the first part of your HERP Hire address only"
        )
    return tenant
