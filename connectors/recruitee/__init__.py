"""Recruitee: signed web hooks, a search for the disqualified, a reason map that is needed."""

from .connector import RecruiteeConnector

CONNECTOR = RecruiteeConnector

__all__ = ["CONNECTOR"]
