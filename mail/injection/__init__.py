"""One paragraph with a link into a message, and nothing else changed."""

from __future__ import annotations

from types import FunctionType

from .engine import erase_marker, inject, marked_link, marker_in, nearly_marked
from .values import MARKER, Edit, Paragraph, Policy, Result, Status

__all__ = (
    "BUILD", "MARKER", "Edit", "Paragraph", "Policy", "Result", "Status", "erase_marker", "inject",
    "marked_link", "marker_in", "nearly_marked",
)  # fmt: skip

BUILD = "pure Python" if isinstance(inject, FunctionType) else "compiled"
"""What runs here: the source, or what mypyc made of it (CAREERRELAY_COMPILE in setup.py)."""
