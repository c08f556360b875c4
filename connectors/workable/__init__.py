"""Workable: polled, because nothing is sent when somebody is disqualified."""

from .connector import WorkableConnector

CONNECTOR = WorkableConnector

__all__ = ["CONNECTOR"]
