"""A connection whose mails pass the relay, and mails on their way, for the tests of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from careerrelay.engine.mail_relay import MailDesk
from careerrelay.engine.mail_relays import RelayPlan, add_relay
from careerrelay.mail.injection import Result, Status
from careerrelay.mail.relay.desk import Account, Passing, Reply, Treatment
from careerrelay.models.candidates import Application, ApplicationState
from careerrelay.models.tables import Delivery, RelayedMail
from tests.support.world import World

CONNECTION = "relayed"
MARKER = "{{career_relay_link}}"
SENDER = "saiyo@acme.example.jp"
TAKEN = Reply(250, "2.0.0 queued")
VALUES: Mapping[str, Any] = {
    "senders": ["acme.example.jp"],
    "next_hop_host": "smtp.acme.example.jp",
}


def message(
    *,
    subject: str = "選考結果のご連絡",
    text: str = MARKER,
    message_id: str = "<1@ats.example>",
    **fields: str,
) -> bytes:
    """A plain mail; ``fields`` are more header fields, with _ for -."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    first = f"Message-ID: {message_id}\r\n" if message_id else ""
    return (
        f"{first}From: {SENDER}\r\nSubject: {subject}\r\n{more}"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 8bit\r\n\r\nお世話になっております。\r\n\r\n{text}\r\n"
    ).encode()


@dataclass
class Relaying:
    """The desk of one installation, and one account at it."""

    world: World
    desk: MailDesk
    account: Account
    password: str

    def passing(self, number: int = 1, *, to: str = "", content: bytes | None = None) -> Passing:
        """A mail to person ``number``, or to that address."""
        recipient = to or f"person{number}@example.com"
        return Passing(self.account, SENDER, recipient, message() if content is None else content)

    def treat(self, number: int = 1, **values: Any) -> Treatment:
        return self.desk.treat(self.passing(number, **values))

    def send(
        self,
        number: int = 1,
        *,
        status: Status = Status.REPLACED,
        code: str = "",
        reply: Reply = TAKEN,
        **values: Any,
    ) -> Treatment:
        """A mail passes and the next hop answers."""
        passing = self.passing(number, **values)
        treatment = self.desk.treat(passing)
        self.desk.sent(passing, treatment, Result(status, code, (), ()), reply=reply)
        return treatment

    def hold(self, number: int, state: ApplicationState, **values: Any) -> Application:
        """The ATS has it so, and has not told yet."""
        return self.world.application(number, state, **values)

    def tell(self, number: int, state: ApplicationState, **values: Any) -> None:
        """The ATS has it so, and its web hook was read."""
        self.world.tell(self.hold(number, state, **values), connection=CONNECTION)
        self.world.work()

    def mails(self) -> list[RelayedMail]:
        with self.world.runtime.database.read() as session:
            return list(session.scalars(select(RelayedMail).order_by(RelayedMail.first_at)))

    def deliveries(self) -> list[Delivery]:
        with self.world.runtime.database.read() as session:
            return list(session.scalars(select(Delivery).order_by(Delivery.created_at)))

    def delivery(self) -> Delivery:
        (found,) = self.deliveries()
        return found


def relaying(world: World, **values: Any) -> Relaying:
    """A connection of its own by mail relay, with one account; ``values`` are the relay's."""
    world.connect(CONNECTION, strategies=("mail_relay",))
    plan = RelayPlan({**VALUES, **values})
    relay, password = add_relay(
        world.runtime, "ats", connection=CONNECTION, plan=plan, actor="test"
    )
    desk = MailDesk(world.runtime)
    account = desk.account(relay.id, password)
    assert account is not None
    return Relaying(world, desk, account, password)
