"""Bullhorn in miniature, and what happens at a company that uses it."""

from .server import BullhornStandIn, scene
from .stories import story

__all__ = ["BullhornStandIn", "scene", "story"]
