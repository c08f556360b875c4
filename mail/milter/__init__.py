"""The mail relay for MTAs that ask filters: the same engine behind the milter protocol."""

from __future__ import annotations
