"""A pretended Lever over real HTTP: ``server`` answers, ``account`` remembers."""

from .server import LeverStandIn, scene

__all__ = ["LeverStandIn", "scene"]
