"""Pinpoint: web hooks with ids only, and a rejection that is a stage of the workflow."""

from .connector import PinpointConnector

CONNECTOR = PinpointConnector

__all__ = ["CONNECTOR"]
