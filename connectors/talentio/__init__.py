"""Talentio: polling for お見送り, told apart from 辞退, and a tag for who registered."""

from .connector import TalentioConnector

CONNECTOR = TalentioConnector

__all__ = ["CONNECTOR"]
