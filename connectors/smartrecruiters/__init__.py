"""SmartRecruiters: thin web hooks, the truth by API, one link for the rejection templates."""

from .connector import SmartrecruitersConnector

CONNECTOR = SmartrecruitersConnector

__all__ = ["CONNECTOR"]
