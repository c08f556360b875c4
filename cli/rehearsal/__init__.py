"""The conformance run: one story, played on any connector's stand-in with the real engine."""

from .play import Rehearsed, rehearse

__all__ = ["Rehearsed", "rehearse"]
