"""A report that the company's own HR system pushes to us or lets us fetch: Workday and others."""

from .connector import ReportFeedConnector

CONNECTOR = ReportFeedConnector

__all__ = ["CONNECTOR"]
