"""The sealed columns of a registration."""

from __future__ import annotations

from ..models.tables import Registration
from .runtime import Runtime


def seal(runtime: Runtime, id_: str, field: str, text: str) -> str:
    return runtime.vault.seal(text, place=f"registrations:{id_}:{field}")


def unseal(runtime: Runtime, registration: Registration, field: str) -> str:
    """A sealed column of a registration (``name``, ``email`` or ``code``), "" when emptied."""
    sealed = getattr(registration, f"{field}_sealed")
    if sealed is None:
        return ""
    return runtime.vault.open(sealed, place=f"registrations:{registration.id}:{field}")
