"""A roll call: who is on the list now, compared with who was on it the last time.

For lists that know no time of change. One round is all pages; whoever was known and did not
answer is in doubt, and has to be looked at alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Roll:
    """Where the call stands; as JSON it is the poll's cursor."""

    since: str = ""
    """Whom the round asks for: the moment that the vendor's list begins at."""
    page: str = ""
    known: dict[str, list[str]] = field(default_factory=dict)
    """Case -> status and person, as last seen."""
    seen: list[str] = field(default_factory=list)
    """Who answered in this round."""
    doubts: list[str] = field(default_factory=list)

    @classmethod
    def resume(cls, cursor: Mapping[str, Any], *, since: str) -> Roll:
        """Go on; a round that begins now asks from ``since`` on."""
        roll = cls(**deepcopy(dict(cursor)))
        if not roll.page and not roll.doubts:
            roll.since = since
        return roll

    def answers(self, case: str, status: str, person: str) -> bool:
        """Note who answered. True: not there the last time, or with another status."""
        self.seen.append(case)
        news = self.known.get(case, [""])[0] != status
        self.known[case] = [status, person]
        return news

    def turn(self, page: str) -> None:
        """On to the next page; after the last one come those in doubt."""
        self.page = page
        if not page:
            self.doubts = sorted(set(self.known) - set(self.seen))
            self.seen = []

    @property
    def more(self) -> bool:
        return bool(self.page or self.doubts)

    def cursor(self) -> dict[str, Any]:
        return asdict(self)
