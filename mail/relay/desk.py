"""What the relay asks of the house: who may send, what a mail is to get, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ..dkim import DkimKey
from ..injection import Paragraph, Policy, Result
from ..smtp import Security


@dataclass(frozen=True, slots=True)
class NextHop:
    """The one server that an account's mails go on to."""

    host: str
    port: int
    security: Security = Security.STARTTLS
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Account:
    """A company's way through the relay.

    ``senders``: domains and addresses that may stand in the envelope and in From.
    ``bare_line_ends``: ``reject`` or ``normalise``. ``demand``: a rejection mail that cannot carry
    its link is refused.
    """

    id: str
    next_hop: NextHop
    senders: frozenset[str]
    bare_line_ends: str = "reject"
    signing: DkimKey | None = None
    max_bytes: int = 30 << 20
    per_hour: int = 2000
    demand: bool = False


@dataclass(frozen=True, slots=True)
class Passing:
    """One mail for one recipient, as it came (CRLF line ends)."""

    account: Account
    sender: str
    recipient: str
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a mail is to get. ``paragraph`` None: nothing; ``erase``: its marker goes.

    ``delivery``: the house's id for ``sent``, "" when it wants to hear nothing. ``retry_later``,
    ``refuse``: a reason to answer 451, 550.
    """

    paragraph: Paragraph | None
    policy: Policy
    delivery: str = ""
    retry_later: str = ""
    refuse: str = ""
    erase: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply, as the next hop gave it or as we do."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"

    @property
    def is_taken(self) -> bool:
        return 200 <= self.code < 300


class Desk(Protocol):
    """Implemented by the engine. Everything but ``account_of_address`` may block: it is called in
    a thread. What it raises never costs a mail."""

    def account(self, login: str, password: str) -> Account | None:
        """The account of a sign-in; None where name or password are wrong."""
        ...

    def account_of_address(self, peer: str) -> Account | None:
        """The account of a peer that need not sign in."""
        ...

    def treat(self, passing: Passing) -> Treatment:
        """What this mail is to get."""
        ...

    def sent(self, passing: Passing, treatment: Treatment, result: Result, *, reply: Reply) -> None:
        """The answer to a mail that ``treat`` has linked or judged is known."""
        ...
