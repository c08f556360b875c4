"""Teamtailor: web hooks that are sent once, and polling that covers the rest."""

from .connector import TeamtailorConnector

CONNECTOR = TeamtailorConnector

__all__ = ["CONNECTOR"]
