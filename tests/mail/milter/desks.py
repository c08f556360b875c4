"""A house for the milter's tests that decides as it is told, and the milter in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from careerrelay.mail.injection import Paragraph, Policy, Result
from careerrelay.mail.milter import MilterServer, MilterSettings, read_place
from careerrelay.mail.milter.place import Place
from careerrelay.mail.relay.desk import Account, NextHop, Passing, Reply, Treatment

URL = "https://relay.example.jp/r/AAAAAAAAAAAAAAAAAAAAAA.BBBBBBBBBBB"
TEXT = f"今後のご案内（任意）\n{URL}\n株式会社見本紹介"
PARAGRAPH = Paragraph(
    text=TEXT, url=URL, link_id="link1", ascii_text=f"An offer for you:\n{URL}\nMihon"
)
POLICY = Policy(mark_key=b"key", url_prefix="https://relay.example.jp/r/")
ACCOUNT = Account(id="mta", next_hop=NextHop(host="", port=25), senders=frozenset({"example.jp"}))
LINK = Treatment(PARAGRAPH, POLICY, "delivery1")
NOTHING = Treatment(None, POLICY)


@dataclass(frozen=True)
class Told:
    """One call of ``sent``."""

    recipient: str
    delivery: str
    result: Result
    reply: Reply


@dataclass
class FakeDesk:
    """``treatment``: for every mail, or by recipient. Exceptions are raised."""

    treatment: Treatment | Exception | dict[str, Treatment] = LINK
    account: Account | Exception | None = ACCOUNT
    telling: Exception | None = None
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    treated: list[Passing] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)

    def account_of_sender(self, sender: str, *, client: str, signed_in: bool) -> Account | None:
        self.asked.append((sender, client, signed_in))
        if isinstance(self.account, Exception):
            raise self.account
        return self.account

    def treat(self, passing: Passing) -> Treatment:
        self.treated.append(passing)
        if isinstance(self.treatment, Exception):
            raise self.treatment
        if isinstance(self.treatment, dict):
            return self.treatment[passing.recipient]
        return self.treatment

    def sent(self, passing: Passing, treatment: Treatment, result: Result, *, reply: Reply) -> None:
        if self.telling is not None:
            raise self.telling
        self.told.append(Told(passing.recipient, treatment.delivery, result, reply))


def demanding(**values: Any) -> Account:
    """The account of a company that wants no rejection mail without its link."""
    return replace(ACCOUNT, demand=True, **values)


@contextmanager
def running_milter(
    desk: FakeDesk, place: str = "inet:0@127.0.0.1", **settings: Any
) -> Iterator[Place]:
    """Where it listens."""
    server = MilterServer(desk, MilterSettings(**settings), place=read_place(place))
    try:
        yield server.start()
    finally:
        server.stop()
