"""Zoho Recruit: a field that the company's own mail shows, by names the company tells us."""

from .connector import ZohoRecruitConnector

CONNECTOR = ZohoRecruitConnector

__all__ = ["CONNECTOR"]
