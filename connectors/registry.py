"""Find connectors: our own folders and the plug-ins installed beside us; open one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any

from ..models.errors import ConfigurationError
from .addresses import check_url
from .base import Connector
from .http import HttpClient
from .oauth import TokenStore, utcnow
from .spec import ConnectorSpec, Setting

EMPTY = "-"
GROUP = "careerrelay.connectors"
"""The entry-point group a plug-in names its connector class in: ``acme = package:Class``."""


@lru_cache(maxsize=1)
def connector_classes() -> Mapping[str, type[Connector]]:
    """Every connector by name: folders first, then entry points; looked for once per process.

    Raises ConfigurationError for two of one name, and for a folder or plug-in that does not
    hold a connector. ``connector_classes.cache_clear()`` looks again.
    """
    found: dict[str, type[Connector]] = {}
    for name, origin, loaded in (*_built_in(), *_plugged_in()):
        cls = _connector(name, origin, loaded)
        if name in found:
            raise ConfigurationError(f"two connectors are called '{name}'; uninstall {origin}")
        found[name] = cls
    return MappingProxyType(dict(sorted(found.items())))


def connector_class(name: str) -> type[Connector]:
    """The class of that name. Raises ConfigurationError listing those there are."""
    classes = connector_classes()
    if name not in classes:
        known = ", ".join(classes) or "none"
        raise ConfigurationError(f"there is no connector '{name}'; installed: {known}")
    return classes[name]


def open_connector(
    name: str,
    settings: Mapping[str, str],
    *,
    http: HttpClient | None = None,
    tokens: TokenStore | None = None,
    clock: Callable[[], datetime] = utcnow,
) -> Connector:
    """A connection's connector, with defaults filled in and every setting checked."""
    cls = connector_class(name)
    allowed = http.allow_private if http is not None else False
    checked = check_settings(cls.spec, settings, allow_private=allowed)
    return cls(checked, http=http, tokens=tokens, clock=clock)


def check_settings(
    spec: ConnectorSpec, settings: Mapping[str, str], *, allow_private: bool = False
) -> dict[str, str]:
    """The settings with defaults, trimmed. Raises one ConfigurationError naming all at fault."""
    unknown = [name for name in settings if spec.setting(name) is None]
    faults = [f"{name} is not a setting of {spec.title}" for name in unknown]
    values: dict[str, str] = {}
    for setting in spec.settings:
        value = _value(setting, settings.get(setting.name, "").strip())
        values[setting.name] = value
        faults += _faults(setting, value, allow_private=allow_private)
    if faults:
        raise ConfigurationError("; ".join(faults))
    return values


def _value(setting: Setting, given: str) -> str:
    """What is not given is the default; a dash alone is nothing, where nothing can be meant."""
    optional = not (setting.required or setting.choices or setting.name.endswith("_url"))
    if given == EMPTY and setting.default and optional:
        return ""
    return given or (setting.default or "")


def _faults(setting: Setting, value: str, *, allow_private: bool) -> list[str]:
    if not value:
        return [f"{setting.name} is missing"] if setting.required else []
    if setting.choices and value not in setting.choices:
        return [f"{setting.name} must be one of {', '.join(setting.choices)}"]
    if not setting.name.endswith("_url"):
        return []
    try:
        parts = check_url(value, allow_private=allow_private, what=setting.name)
    except ConfigurationError as error:
        return [error.message]
    return [f"{setting.name} must end before any ? or #"] if parts.query or parts.fragment else []


def _built_in() -> Iterator[tuple[str, str, Any]]:
    package = importlib.import_module(__package__ or "")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg or module.name.startswith("_") or module.name == "testing":
            continue
        folder = importlib.import_module(f"{__package__}.{module.name}")
        yield module.name, f"connectors/{module.name}", getattr(folder, "CONNECTOR", None)


def _plugged_in() -> Iterator[tuple[str, str, Any]]:
    for entry in entry_points(group=GROUP):
        origin = f"the package {entry.dist.name if entry.dist else entry.value}"
        yield entry.name, origin, _load(entry, origin)


def _load(entry: EntryPoint, origin: str) -> Any:
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"{origin} cannot be loaded ({type(error).__name__}); update or uninstall it"
        ) from error


def _connector(name: str, origin: str, loaded: Any) -> type[Connector]:
    if not (isinstance(loaded, type) and issubclass(loaded, Connector)):
        raise ConfigurationError(f"{origin} names no Connector class as '{name}'")
    if loaded.spec.name != name:
        raise ConfigurationError(f"{origin}: the spec is called '{loaded.spec.name}', not '{name}'")
    return loaded
