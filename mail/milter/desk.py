"""What the milter asks of the house, beside what every way in asks."""

from __future__ import annotations

from typing import Protocol

from ..injection import Result
from ..relay.desk import Account, Passing, Reply, Treatment


class MilterDesk(Protocol):
    """Implemented by the engine. All of it may block: it is called in a thread. What it raises
    never costs a mail."""

    def account_of_sender(self, sender: str, *, client: str, signed_in: bool) -> Account | None:
        """The account a mail belongs to; None for mail that is none of ours.

        ``sender``: of the envelope. The MTA vouches for it: somebody who signed in there, or a
        ``client`` address that may send; "" is a program on its machine.
        """
        ...

    def treat(self, passing: Passing) -> Treatment:
        """What this mail is to get."""
        ...

    def sent(self, passing: Passing, treatment: Treatment, result: Result, *, reply: Reply) -> None:
        """The answer to a mail that ``treat`` has linked or judged is known."""
        ...
