"""The mail relay: takes a company's outgoing mail, puts the link in, and hands it on."""

from __future__ import annotations

from .house import RelaySettings
from .server import RelayServer

__all__ = ("RelayServer", "RelaySettings")
