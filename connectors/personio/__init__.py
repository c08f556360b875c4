"""Personio: polled by API v2, which reads recruiting and writes nothing."""

from .connector import PersonioConnector

CONNECTOR = PersonioConnector

__all__ = ["CONNECTOR"]
