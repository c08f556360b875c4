"""What every view needs of its app: the runtime, the ingest writer, the limits."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import current_app

from ..engine.ingest import Ingest
from ..engine.runtime import Runtime
from ..models.errors import ConfigurationError
from .reception import Reception
from .throttle import Limits

EXTENSION = "careerrelay"
MAX_BODY = 1024 * 1024
"""Bytes of a web hook or a form; an upload has its own limit."""
NEEDED = {
    "operator": ("name", "license_no", "address", "contact_email", "privacy_url", "terms_url"),
    "mail": ("host", "sender"),
}
"""Without these the page would promise, or keep silent about, what it must not."""


@dataclass(frozen=True, slots=True)
class Server:
    """One app's parts."""

    runtime: Runtime
    ingest: Ingest
    limits: Limits
    reception: Reception
    looking: threading.Lock = field(default_factory=threading.Lock)
    """Held while a CSV file is looked at: that takes seconds, and web hooks must not wait."""

    @property
    def is_secure(self) -> bool:
        """Whether people reach us over https."""
        return self.runtime.settings.server["base_url"].startswith("https://")

    @property
    def is_hosted(self) -> bool:
        """Whether the registration page is ours."""
        return self.runtime.settings.role["name"] == "hosted"

    @property
    def operator(self) -> dict[str, Any]:
        """The operator as pages name it; addresses that are no web address are left out."""
        values = dict(self.runtime.settings.operator)
        for name in ("privacy_url", "terms_url"):
            values[name] = values[name] if is_web_address(values[name]) else ""
        return values

    def cookie_name(self, name: str) -> str:
        """Bound to this very host where browsers can be told so (they want https for it)."""
        return f"__Host-{name}" if self.is_secure else name

    def check_operator(self) -> None:
        """Raise ConfigurationError naming what the registration page cannot do without."""
        for section, names in NEEDED.items():
            values = getattr(self.runtime.settings, section)
            missing = [name for name in names if not values[name]]
            if missing:
                raise ConfigurationError(
                    f"[{section}] {', '.join(missing)}: not set; no registration page without"
                )
        for name in ("privacy_url", "terms_url"):
            if not self.operator[name]:
                raise ConfigurationError(f"[operator] {name}: must begin with https://")

    def external_url(self) -> str:
        """The operator's page of an external installation. Raises ConfigurationError."""
        url = self.runtime.settings.role["external_url"]
        if not is_web_address(url):
            raise ConfigurationError("[role] external_url: must begin with https://")
        return url


def is_web_address(url: str) -> bool:
    """https, or http for a trial: what a link on a page may lead to."""
    parts = urlsplit(url)
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def current_server() -> Server:
    """The parts of the app that answers now."""
    return current_app.extensions[EXTENSION]
