"""A pretended HERP Hire tenant over HTTP, and what people do in it."""

from .server import HerpStandIn, scene
from .stories import story

__all__ = ["HerpStandIn", "scene", "story"]
