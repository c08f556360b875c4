"""Breezy HR: web hooks that say where to look, and notices in the candidate's thread."""

from .connector import BreezyhrConnector

CONNECTOR = BreezyhrConnector

__all__ = ["CONNECTOR"]
