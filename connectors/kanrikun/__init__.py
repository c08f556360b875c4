"""採用一括かんりくん: polling for 不採用 in the new-graduate edition."""

from .connector import KanrikunConnector

CONNECTOR = KanrikunConnector

__all__ = ["CONNECTOR"]
