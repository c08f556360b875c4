"""Greenhouse Recruiting: Harvest API v3 and web hooks."""

from .connector import GreenhouseConnector

CONNECTOR = GreenhouseConnector

__all__ = ["CONNECTOR"]
