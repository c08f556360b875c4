"""How often one network or link may do what; counted in this process.

Behind several processes each counts for itself, so the real limit is a few times higher. That
is enough to keep guesses slow; what keeps mailboxes from being flooded is counted in the store
(``engine/quotas.py``). Verified webhooks are not limited at all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from flask import Blueprint, Flask, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from werkzeug.exceptions import TooManyRequests

PAGES = "300/minute"
START_BY_NETWORK = parse("60/hour")
"""A university's career centre is one network; it still needs to get through."""
CODE_BY_NETWORK = parse("60/minute")
STOP_BY_NETWORK = parse("30/minute")
STOP_BY_LINK = parse("20/minute")
"""One-click stops come from the mail providers' few networks, so they count by link."""
UPLOADS_BY_LINK = parse("60/hour")
REFUSALS = parse("60/minute")
"""Refused webhooks kept per connection and network; a log anybody can fill is no log."""


class Limits:
    """The limits of one app."""

    def __init__(self, app: Flask) -> None:
        self._limiter = Limiter(
            network,
            app=app,
            default_limits=[PAGES],
            storage_uri="memory://",
            strategy="moving-window",
        )

    def exempt(self, *views: Blueprint | Callable[..., Any]) -> None:
        """Blueprints and views that the limit on pages does not concern."""
        for view in views:
            self._limiter.exempt(view)

    def seconds_to_wait(self, limit: RateLimitItem, *key: str) -> int:
        """Count one; 0 when it is within the limit."""
        strategy = self._limiter.limiter
        if strategy.hit(limit, *key):
            return 0
        return wait_until(strategy.get_window_stats(limit, *key).reset_time)

    def spend(self, limit: RateLimitItem, *key: str) -> None:
        """Count one. Raises TooManyRequests when that was one too many."""
        wait = self.seconds_to_wait(limit, *key)
        if wait:
            raise TooManyRequests(retry_after=wait)

    def retry_after(self) -> int:
        """Seconds until the limit that stopped the current request lets one through."""
        current = self._limiter.current_limit
        # Not ``reset_at``, which is a whole second too late.
        return wait_until(current.window.reset_time) if current else 60


def wait_until(moment: float) -> int:
    """Whole seconds from now to a UNIX time, at least 1."""
    return max(1, math.ceil(moment - time.time()))


def network() -> str:
    """The asking network."""
    return network_of(request.remote_addr or "")


def network_of(text: str) -> str:
    """The network of an address: an IPv4 address, or the /64 that one IPv6 household has."""
    try:
        address = ip_address(text)
    except ValueError:
        return "unknown"
    if address.version == 4:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or ip_network((address, 64), strict=False))
