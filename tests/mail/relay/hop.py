"""A next hop that says what the test says, at each step, and keeps what it takes to the byte."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

STALL = "<stall>"
DROP = "<drop>"
BANNER, CONTENT, DOT = "BANNER", "CONTENT", "."
_USUAL = {
    BANNER: "220 next.example.jp ESMTP",
    "EHLO": "250-next.example.jp\r\n250-8BITMIME\r\n250 SIZE 0",
    "DATA": "354 go ahead",
    DOT: "250 2.0.0 Ok: queued as NEXT1",
    "QUIT": "221 2.0.0 Bye",
}


@dataclass(frozen=True)
class Taken:
    """One message as it came over the wire, its dots undone."""

    sender: str
    recipient: str
    content: bytes = field(repr=False)

    @property
    def below_trace(self) -> bytes:
        """Without the relay's own field, which has three lines."""
        lines = self.content.split(b"\r\n", 3)
        assert lines[0].startswith(b"Received: ")
        assert lines[1].startswith(b"\tby relay.example.jp (CareerRelay) with ")
        return lines[3]


@dataclass
class Hop:
    """``answers`` by command, "BANNER" and "."; STALL says nothing more, DROP hangs up.
    CONTENT: DROP hangs up in the middle of a message. ``once``: before that, and a single time.

    ``delays``: seconds before the answer to a message.
    """

    answers: dict[str, str] = field(default_factory=dict)
    once: dict[str, str] = field(default_factory=dict)
    open: list[socket.socket] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    delay: float = 0.0
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def answer(self, command: str) -> str:
        if command in self.once:
            return self.once.pop(command)
        return self.answers.get(command, _USUAL.get(command, "250 2.0.0 Ok"))

    def count(self, command: str) -> int:
        return sum(line.upper().startswith(command) for line in self.seen)

    def hang_up(self) -> None:
        """On everybody, as a server does that has heard nothing for long."""
        for connection in self.open:
            connection.shutdown(socket.SHUT_RDWR)

    def only(self) -> Taken:
        (taken,) = self.taken
        return taken


class _Session(socketserver.StreamRequestHandler):
    hop: Hop
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Until somebody hangs up."""
        self.sender = self.recipient = ""
        self.hop.open.append(self.connection)
        goes_on = self._say(self.hop.answer(BANNER))
        while goes_on and (line := self.rfile.readline()):
            goes_on = self._heard(line.decode("utf-8", "surrogateescape").rstrip("\r\n"))
        self.hop.open.remove(self.connection)

    def _heard(self, line: str) -> bool:
        self.hop.seen.append(line)
        command = line[:4].upper()
        if command == "MAIL":
            self.sender = line
        if command == "RCPT":
            self.recipient = line
        answer = self.hop.answer(command)
        goes_on = self._say(answer) and command != "QUIT"
        if goes_on and command == "DATA" and answer.startswith("3"):
            return self._take()
        return goes_on

    def _take(self) -> bool:
        if self.hop.answer(CONTENT) == DROP:
            self.rfile.readline()
            return False
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        self.hop.ended.wait(self.hop.delay)
        answer = self.hop.answer(DOT)
        if answer == DROP or answer.startswith("2"):
            self.hop.taken.append(Taken(self.sender, self.recipient, b"".join(lines)))
        return self._say(answer)

    def _say(self, answer: str) -> bool:
        if answer == STALL:
            self.hop.ended.wait(60)
        if answer in (STALL, DROP):
            return False
        self.wfile.write(answer.encode() + b"\r\n")
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def running_hop(answers: Mapping[str, str] | None = None) -> Iterator[Hop]:
    """Listens on loopback until the block ends."""
    hop = Hop(dict(answers or {}))
    session = type("Session", (_Session,), {"hop": hop})
    with _Server(("127.0.0.1", 0), session) as server:
        hop.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield hop
        finally:
            hop.ended.set()
            server.shutdown()
            thread.join(10)
