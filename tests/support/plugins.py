"""Make a connector class an installed plug-in of real processes: an entry point on their path."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def install(folder: Path, *, name: str, target: str) -> str:
    """A PYTHONPATH with which ``target`` (``module:Class``) is the connector ``name``."""
    info = folder / f"{name}_ats-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-ats\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[careerrelay.connectors]\n{name} = {target}\n")
    return os.pathsep.join((str(folder), str(PROJECT)))
