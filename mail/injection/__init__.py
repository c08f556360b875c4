"""One paragraph with a link into a message, and nothing else changed."""

from __future__ import annotations

from .engine import erase_marker, inject, marker_in
from .values import MARKER, Edit, Paragraph, Policy, Result, Status

__all__ = (
    "MARKER", "Edit", "Paragraph", "Policy", "Result", "Status", "erase_marker", "inject",
    "marker_in",
)  # fmt: skip
