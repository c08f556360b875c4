"""What to enter in the ATS for a connection: its webhook, and the connector's own guide."""

from __future__ import annotations

import importlib
from importlib.resources import files
from typing import Any

from ..connectors.registry import connector_class
from ..connectors.spec import Capability, ConnectorSpec
from ..engine.connections import webhook_url
from ..engine.runtime import Runtime
from ..models.tables import Connection

IN_THE_ATS = 3
"""The third heading of every connector's guide: Can do, Before you start, In the ATS, ..."""


def webhook_entry(runtime: Runtime, connection: Connection) -> dict[str, Any] | None:
    """Address, events and secret of the webhook to make; None where the ATS sends none."""
    spec = connector_class(connection.connector).spec
    if spec.webhook is None or not spec.can(Capability.WEBHOOK):
        return None
    return {
        "url": webhook_url(runtime, connection.id),
        "events": list(spec.events),
        "secrets": [s.name for s in spec.settings if s.secret],
        "verification": spec.webhook.verification,
    }


def guide_section(connector: str, *, lang: str) -> str:
    """The part of the connector's guide about clicking through the ATS; "" without a guide."""
    name = "README.ja.md" if lang == "ja" else "README.md"
    package = importlib.import_module(connector_class(connector).__module__).__package__
    page = files(package or "").joinpath(name)
    if not page.is_file():
        return ""
    sections = page.read_text(encoding="utf-8").split("\n## ")
    return f"## {sections[IN_THE_ATS]}".strip() if len(sections) > IN_THE_ATS else ""


def polling_entry(spec: ConnectorSpec) -> str:
    """One sentence on how often the ATS is asked; "" where it is not."""
    if not spec.can(Capability.POLL):
        return ""
    return f"{spec.title} is asked every {spec.poll_seconds // 60 or 1} minutes; nothing to enter"
