"""JazzHR: a sweep over everybody's step, because nothing tells what changed, and one note."""

from .connector import JazzHrConnector

CONNECTOR = JazzHrConnector

__all__ = ["CONNECTOR"]
