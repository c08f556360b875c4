"""Ashby; see ``README.md`` for how a company sets it up."""

from .connector import AshbyConnector

CONNECTOR = AshbyConnector

__all__ = ["CONNECTOR", "AshbyConnector"]
