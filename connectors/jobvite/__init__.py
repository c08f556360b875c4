"""Jobvite: read only, from what public clients saw; an error may come as a success."""

from .connector import JobviteConnector

CONNECTOR = JobviteConnector

__all__ = ["CONNECTOR"]
