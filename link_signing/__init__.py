"""Ids to URLs and back: itsdangerous Signer, SHA-256, one salt per purpose, a list of keys."""

from .signer import LinkSigner, Purpose

__all__ = ["LinkSigner", "Purpose"]
