"""Lever (LeverTRM): API v1 and web hooks."""

from .connector import LeverConnector

CONNECTOR = LeverConnector

__all__ = ["CONNECTOR"]
