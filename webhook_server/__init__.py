"""The HTTP side: webhooks of the ATSs, and the few pages an applicant sees."""

from .app import create_app

__all__ = ["create_app"]
