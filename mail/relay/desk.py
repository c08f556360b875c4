"""What the relay asks of the house: who may send, what a mail is to get, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ..dkim import DkimKey
from ..injection import MARKER, Paragraph, Policy, Result
from ..smtp import Security

LOOP = "loop"
"""Why a mail is refused that comes by again with the link of somebody else."""


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

    ``senders``: domains and addresses that may stand in the envelope and in From. ``marker``: for
    when the desk is away. ``bare_line_ends``: ``reject`` or ``normalise``. ``unsigned``: a key is
    set and cannot be used, so nothing may be changed. ``spooled``: mails are taken once the house
    has them on disk, not once the next hop has. ``demand``: a rejection mail that cannot
    carry its link is refused. ``keyed``: its network is shared, so who does not sign in proves
    itself by a header with the password.
    """

    id: str
    next_hop: NextHop
    senders: frozenset[str]
    marker: str = MARKER
    bare_line_ends: str = "reject"
    signing: DkimKey | None = None
    unsigned: bool = False
    spooled: bool = False
    max_bytes: int = 30 << 20
    per_hour: int = 2000
    people_per_hour: int = 1000
    demand: bool = False
    keyed: bool = False


@dataclass(frozen=True, slots=True)
class Passing:
    """One mail for one recipient, as it came (CRLF line ends).

    ``trace``: our Received header, which every mail gets. ``eight_bit``, ``utf8``: the client
    announced 8BITMIME, SMTPUTF8.
    """

    account: Account
    sender: str
    recipient: str
    message: bytes = field(repr=False)
    trace: bytes = field(default=b"", repr=False)
    eight_bit: bool = False
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a mail is to get. ``paragraph`` None: nothing; ``erase``: its marker goes.

    ``delivery``: the house's id for ``sent``, "" when it wants to hear nothing. ``retry_later``,
    ``refuse``: a reason to answer 451, 550; ``LOOP`` 554. ``mail``: what stands in logs for its
    Message-ID.
    """

    paragraph: Paragraph | None
    policy: Policy
    delivery: str = ""
    retry_later: str = ""
    refuse: str = ""
    erase: bool = False
    mail: str = ""


class Cause(StrEnum):
    """Whose word a reply is."""

    NEXT_HOP = "next_hop"
    NEXT_HOP_ACCOUNT = "next_hop_account"
    """It was not asked about this mail: no connection, no TLS, no sign-in."""
    UNCERTAIN = "uncertain"
    """It has the mail, perhaps: its answer was lost."""
    UNUSABLE = "unusable"
    """Our settings for it cannot work."""
    WAITING = "waiting"
    """Ours: nobody knows yet what the mail is to get."""
    RULE = "rule"
    """Ours, for good: the company's rule, or a marker that cannot be replaced."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An SMTP reply, as the next hop gave it or as we do."""

    code: int
    text: str = field(repr=False)
    cause: Cause = Cause.NEXT_HOP

    def __str__(self) -> str:
        return f"{self.code} {self.text}"

    @property
    def is_taken(self) -> bool:
        return 200 <= self.code < 300


class Desk(Protocol):
    """Implemented by the engine. All of it may block: it is called in a thread. What it raises
    never costs a mail."""

    def account(self, login: str, password: str) -> Account | None:
        """The account of a sign-in; None where name or password are wrong."""
        ...

    def accounts_of_address(self, peer: str) -> Sequence[Account]:
        """The accounts of a peer that need not sign in: several where companies share a mail
        provider, told apart by their senders."""
        ...

    def treat(self, passing: Passing) -> Treatment:
        """What this mail is to get."""
        ...

    def keep(self, passings: Sequence[Passing]) -> None:
        """One message for these recipients is on disk when this returns, and is handed on by the
        house. Raises where it is not."""
        ...

    def sent(self, passing: Passing, treatment: Treatment, result: Result, *, reply: Reply) -> None:
        """The answer to a mail that ``treat`` has linked or judged is known."""
        ...
