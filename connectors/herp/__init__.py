"""HERP Hire: no webhook, so careful polling; mails by the company's own SMTP."""

from .connector import HerpConnector

CONNECTOR = HerpConnector

__all__ = ["CONNECTOR"]
