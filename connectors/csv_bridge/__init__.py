"""ATSs without an API, by the CSV files that a recruiter exports."""

from .connector import CONNECTOR

__all__ = ["CONNECTOR"]
