"""CareerRelay connector for Acme ATS."""

from .connector import AcmeConnector

__all__ = ["AcmeConnector"]
