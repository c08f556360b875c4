"""BambooHR: polled, because nothing at all is sent about applicants."""

from .connector import BambooHrConnector

CONNECTOR = BambooHrConnector

__all__ = ["CONNECTOR"]
