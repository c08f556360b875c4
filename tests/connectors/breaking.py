"""The template, and what the suite says to a copy of it that is broken in one way."""

from __future__ import annotations

import dataclasses
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from careerrelay.connectors import Capability, Connector, Support
from careerrelay.connectors.scaffold import TEMPLATE
from careerrelay.connectors.testing import Scene
from careerrelay.connectors.testing.conformance import cases

template = importlib.import_module("careerrelay.connectors._template")
standin = importlib.import_module("careerrelay.connectors._template.standin")
webhook = importlib.import_module("careerrelay.connectors._template.webhook")
Good: type[Connector] = template.CONNECTOR
SPEC = Good.spec
EXAMPLES = TEMPLATE / "fixtures"


def caught(
    connector: type[Connector],
    check: str = "",
    *,
    examples: Path = EXAMPLES,
    scene: Callable[[], Scene] | None = standin.scene,
) -> dict[str, str]:
    """check -> first message, for all checks that fail, or for the named one."""
    connector.__module__ = Good.__module__
    failures: dict[str, str] = {}
    for name, run in cases(connector, fixtures=examples, scene=scene):
        if not name.startswith(check):
            continue
        try:
            run()
        except Exception as error:
            failures.setdefault(name.partition("-")[0], f"{type(error).__name__}: {error}")
    return failures


def with_spec(**changes: Any) -> type[Connector]:
    """The template under another spec."""
    return type("Changed", (Good,), {"spec": dataclasses.replace(SPEC, **changes)})


def with_setting(name: str, **changes: Any) -> type[Connector]:
    """The template with one setting changed."""
    settings = [dataclasses.replace(s, **changes) if s.name == name else s for s in SPEC.settings]
    return with_spec(settings=tuple(settings))


def with_support(capability: Capability, support: Support | None) -> type[Connector]:
    """The template with one capability declared otherwise."""
    changed = {k: v for k, v in SPEC.capabilities.items() if k is not capability}
    return with_spec(capabilities=changed | ({capability: support} if support else {}))


def spoil(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; for a list, of its first item."""
    data = json.loads(path.read_text())
    (data[0] if isinstance(data, list) else data).update(changes)
    path.write_text(json.dumps(data))
