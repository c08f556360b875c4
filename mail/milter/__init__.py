"""The mail relay for MTAs that ask filters: the same engine behind the milter protocol."""

from __future__ import annotations

from .house import MilterSettings
from .place import read_networks, read_place
from .server import MilterServer

__all__ = ("MilterServer", "MilterSettings", "read_networks", "read_place")
