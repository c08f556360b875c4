"""A relay on loopback without a house: its desk says what the test says."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from careerrelay.mail.injection import Paragraph, Policy, Result
from careerrelay.mail.relay import RelayServer, RelaySettings
from careerrelay.mail.relay.desk import Account, NextHop, Passing, Reply, Treatment
from careerrelay.mail.smtp import Security

LOGIN, PASSWORD = "ats-smtp", "a-pass-word-of-chance"
SENDER = "saiyo@example.jp"
TO = "taro@example.com"
MARKER = "{{career_relay_link}}"
URL = "https://relay.example.jp/r/token"
PLAIN = (
    f"Message-ID: <1@ats.example>\r\nFrom: Saiyo <{SENDER}>\r\nTo: {TO}\r\nSubject: Interview\r\n"
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSee you on Monday.\r\n"
).encode()
REJECTION = PLAIN.replace(b"See you on Monday.", b"Thank you.\r\n\r\n" + MARKER.encode())
POLICY = Policy(url_prefix="https://relay.example.jp/r/", mark_key=b"k" * 32)
NOW = datetime(2026, 11, 4, 3, 0, tzinfo=UTC)


def paragraph(url: str = URL) -> Paragraph:
    return Paragraph(
        text=f"次の機会のご案内です。\n{url}",
        url=url,
        link_id=url.rpartition("/")[2],
        ascii_text=f"Another chance:\n{url}",
    )


def untouched(passing: Passing) -> Treatment:
    """What a mail gets that is none of ours."""
    del passing
    return Treatment(None, POLICY)


def linked(passing: Passing) -> Treatment:
    """What a rejection mail gets: each recipient a link of their own."""
    name = passing.recipient.partition("@")[0]
    return Treatment(paragraph(f"https://relay.example.jp/r/{name}"), POLICY, f"mail-{len(name)}")


@dataclass
class ToyDesk:
    """``trouble`` is raised by whatever is asked."""

    accounts: dict[str, Account] = field(default_factory=dict)
    listed: Sequence[Account] = ()
    treatment: Callable[[Passing], Treatment] = untouched
    trouble: Exception | None = None
    told: list[tuple[str, str, int]] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    kept: list[Sequence[Passing]] = field(default_factory=list)

    def account(self, login: str, password: str) -> Account | None:
        self._fail()
        return self.accounts.get(f"{login}:{password}")

    def accounts_of_address(self, peer: str) -> Sequence[Account]:
        self._fail()
        self.peers.append(peer)
        return self.listed

    def treat(self, passing: Passing) -> Treatment:
        self._fail()
        return self.treatment(passing)

    def keep(self, passings: Sequence[Passing]) -> None:
        self._fail()
        self.kept.append(passings)

    def sent(self, passing: Passing, treatment: Treatment, result: Result, *, reply: Reply) -> None:
        del passing
        self._fail()
        self.told.append((treatment.delivery, result.status.value, reply.code))

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble


@dataclass
class Relay:
    """One that listens."""

    desk: ToyDesk
    account: Account
    server: RelayServer

    @property
    def port(self) -> int:
        return self.server.port

    def client(self, *, hello: bool = True) -> Client:
        client = Client(self.port)
        if hello:
            assert client.say("EHLO ats.example").startswith("250")
        return client

    def send(self, message: bytes, **how: Any) -> str:
        """One whole dialogue; the answer to the message, or the first refusal before it."""
        with self.client() as client:
            return client.send(message, **how)


class Client:
    """A client that says exactly the bytes it is told to."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rb")
        self.greeting = self.reply()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def write(self, content: bytes) -> None:
        self._socket.sendall(content)

    def reply(self) -> str:
        """The next reply, its lines joined; "" once the relay has hung up."""
        lines: list[str] = []
        while True:
            try:
                line = self._file.readline()
            except ConnectionResetError:
                line = b""
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] != b"-":
                return "\n".join(lines)

    def say(self, command: str) -> str:
        self.write(command.encode() + b"\r\n")
        return self.reply()

    def hung_up(self) -> bool:
        return self.reply() == ""

    def begin(self, *, sender: str = SENDER, to: str = TO, options: str = "") -> str:
        """MAIL and RCPT; the first refusal, or the last answer."""
        for command in (f"MAIL FROM:<{sender}>{options}", f"RCPT TO:<{to}>"):
            reply = self.say(command)
            if not reply.startswith("250"):
                return reply
        return reply

    def send(self, message: bytes, **how: Any) -> str:
        """One mail with DATA; the answer to it, or the first refusal before."""
        reply = self.begin(**how)
        if not reply.startswith("250"):
            return reply
        reply = self.say("DATA")
        return self.content(message) if reply.startswith("354") else reply

    def content(self, message: bytes) -> str:
        """Dots doubled, end mark; the answer."""
        dotted = message.replace(b"\r\n.", b"\r\n..")
        self.write((b"." if dotted.startswith(b".") else b"") + dotted + b".\r\n")
        return self.reply()

    def start_tls(self, certificate: str) -> None:
        """STARTTLS, its certificate checked."""
        assert self.say("STARTTLS").startswith("220")
        context = ssl.create_default_context(cafile=certificate)
        self._file.close()
        self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._file = self._socket.makefile("rb")


def account(port: int, **values: Any) -> Account:
    """One whose mails go on to that port of this machine."""
    usual = Account(
        id=LOGIN,
        next_hop=NextHop("127.0.0.1", port, Security.NONE),
        senders=frozenset({"example.jp"}),
    )
    return replace(usual, **values)


def settings(**values: Any) -> RelaySettings:
    usual = RelaySettings(
        hostname="relay.example.jp", clock=lambda: NOW, refusal_seconds=0.0, next_hop_seconds=5.0
    )
    return replace(usual, **values)


def token(login: str = LOGIN, password: str = PASSWORD, *, authorised: str = "") -> str:
    return base64.b64encode(f"{authorised}\0{login}\0{password}".encode()).decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def two_companies(port: int) -> ToyDesk:
    first = account(port)
    other = account(port, id="other", senders=frozenset({"other.example", "one@shared.example"}))
    return ToyDesk(accounts={f"{LOGIN}:{PASSWORD}": first, "other:pass": other})


@contextmanager
def running_relay(
    made: Account,
    *,
    desk: ToyDesk | None = None,
    tls: ssl.SSLContext | None = None,
    listed: bool = True,
    **values: Any,
) -> Iterator[Relay]:
    """A relay for one account, by sign-in and (``listed``) without; ``values`` are settings."""
    desk = desk or ToyDesk()
    desk.accounts.setdefault(f"{LOGIN}:{PASSWORD}", made)
    if listed and not desk.listed:
        desk.listed = [made]
    server = RelayServer(desk, settings(**values), host="127.0.0.1", port=0, tls=tls)
    server.start()
    try:
        yield Relay(desk, made, server)
    finally:
        server.stop()
