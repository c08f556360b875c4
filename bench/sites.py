"""A fresh installation to measure: folder, keys, database, one company, one connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.webhooks import SECRETS, SETTINGS
from careerrelay.engine.config import Settings, load
from careerrelay.engine.installation import prepare
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.runtime import Runtime, utcnow
from tests.support.toy import ToyVendor
from tests.support.world import Clock, World

CONNECTION = "bench"
SERVED = {"connector": "greenhouse", "settings": SETTINGS, "secrets": SECRETS}


def settings(folder: Path, *, url: str = "", **work: Any) -> Settings:
    """SQLite in the folder, or the database at ``url``."""
    return load(
        environ={},
        overrides={
            "store": {"folder": str(folder), "url": url},
            "server": {"allow_private_hosts": True},
            "work": work,
        },
    )


def found(made: Settings, *, connection: Mapping[str, Any] = SERVED) -> None:
    """Prepare it, and enter a company whose link stands in its template already."""
    prepare(made)
    runtime = Runtime(made, queue=InlineQueue(utcnow))
    try:
        world = World(runtime, Clock(utcnow()), ToyVendor())
        world.add_company()
        world.connect(CONNECTION, strategies=("static_link",), **connection)
    finally:
        runtime.close()
