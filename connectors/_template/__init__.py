"""Template ATS: signed webhooks, one case by its id, a note after a registration."""

from .connector import TemplateConnector

CONNECTOR = TemplateConnector

__all__ = ["CONNECTOR"]
