"""iCIMS: thin events signed by its own scheme, statuses by the company's ids, one field back."""

from .connector import IcimsConnector

CONNECTOR = IcimsConnector

__all__ = ["CONNECTOR"]
