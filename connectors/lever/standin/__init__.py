"""A pretended Lever over real HTTP: ``server`` answers, ``account`` remembers."""

from .server import LeverStandIn, scene
from .stories import story

__all__ = ["LeverStandIn", "scene", "story"]
