"""Bullhorn: a queue of events that is read once, and a link field for Bullhorn Automation."""

from .connector import BullhornConnector

CONNECTOR = BullhornConnector

__all__ = ["CONNECTOR"]
