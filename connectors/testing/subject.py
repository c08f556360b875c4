"""What is under examination: a connector, its stored examples, and its stand-in."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..base import Connector
from ..http import HttpClient
from ..oauth import utcnow
from ..registry import check_settings
from ..spec import Capability, ConnectorSpec
from .fixtures import Exchange, Fixture, read_exchanges, read_fixtures, read_settings
from .standin import Scene

METHODS: Mapping[Capability, tuple[str, ...]] = {
    Capability.WEBHOOK: ("verify_webhook", "parse_webhook", "sign_webhook"),
    Capability.POLL: ("poll",),
    Capability.FETCH: ("fetch_application",),
    Capability.CSV_IMPORT: ("import_row",),
    Capability.FIELD_TOKEN: ("write_link",),
    Capability.ATS_MESSAGE: ("send_message",),
    Capability.REPORT: ("report_registration",),
    Capability.REASONS: ("reasons",),
    Capability.MAIL_RECORD: ("record_mail",),
}
"""Which methods a capability stands for."""

CALLING = frozenset(METHODS) - {Capability.WEBHOOK, Capability.CSV_IMPORT}
"""Capabilities that call the vendor's API."""


@dataclass(frozen=True)
class Subject:
    """``fixtures`` is the folder that holds fixtures/, api/ and settings.json."""

    connector: type[Connector]
    folder: Path
    scene: Callable[[], Scene] | None = field(default=None, repr=False)

    @property
    def spec(self) -> ConnectorSpec:
        """What the connector declares."""
        return self.connector.spec

    @cached_property
    def settings(self) -> dict[str, str]:
        """The test settings, checked, with defaults."""
        return read_settings(self.folder, self.spec)

    @cached_property
    def fixtures(self) -> list[Fixture]:
        """The stored webhooks."""
        return read_fixtures(self.folder)

    @cached_property
    def exchanges(self) -> list[Exchange]:
        """The stored API exchanges."""
        return read_exchanges(self.folder)

    @property
    def home(self) -> Path:
        """The folder of the connector's code."""
        return Path(sys.modules[self.connector.__module__].__file__ or "").parent

    def open(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        clock: Callable = utcnow,
        allow_private: bool = False,
    ) -> Connector:
        """The connector with these settings (the test settings), without a client-side limit."""
        checked = check_settings(
            self.spec, self.settings if settings is None else settings, allow_private=True
        )
        http = HttpClient(self.spec.name, allow_private=allow_private, timeout=(2.0, 5.0))
        return self.connector(checked, http=http, clock=clock)

    def declared(self, *, among: frozenset[Capability] = frozenset(METHODS)) -> list[Capability]:
        """The capabilities the connector has, in the order of ``Capability``."""
        return [c for c in Capability if c in among and self.spec.can(c)]


def scene_beside(connector: type[Connector]) -> Callable[[], Scene] | None:
    """``scene`` from the module ``standin`` beside the connector's own; None where it has none."""
    return beside(connector, "scene")


def beside(connector: type[Connector], name: str, *, module: str = "standin") -> Any:
    """What a module beside the connector's own calls ``name``; None where there is none."""
    package = sys.modules[connector.__module__].__package__
    if not package or importlib.util.find_spec(f"{package}.{module}") is None:
        return None
    return getattr(importlib.import_module(f"{package}.{module}"), name, None)


def require(condition: object, message: str) -> None:
    """Raise AssertionError with this message unless the condition holds."""
    if not condition:
        raise AssertionError(message)
