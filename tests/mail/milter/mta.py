"""The MTA's side of the milter protocol, packet by packet, and what it makes of the answers."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from careerrelay.mail.milter.codec import Packet
from careerrelay.mail.milter.place import Place

ACTIONS = 0x1FF
STEPS = 0x1FFFFF
"""What Postfix offers (SMFIP_*), and more."""
PATIENCE = 30.0


class Mta:
    """One connection. ``headers`` and ``body`` of a message as libmilter has them."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.actions = 0
        self.steps = 0

    def offer(self, *, version: int = 6, actions: int = ACTIONS, steps: int = STEPS) -> Packet:
        """Negotiate; returns the answer."""
        self.say(b"O", struct.pack("!III", version, actions, steps))
        answer = self.hear()
        _, self.actions, self.steps = struct.unpack("!III", answer.data)
        return answer

    def say(self, command: bytes, data: bytes = b"") -> None:
        self._line.sendall(Packet(command, data).encode())

    def hear(self) -> Packet:
        """Raises EOFError where the milter hung up."""
        length = struct.unpack("!I", self._exactly(4))[0]
        data = self._exactly(length)
        return Packet(data[:1], data[1:])

    def ask(self, command: bytes, data: bytes = b"") -> Packet:
        self.say(command, data)
        return self.hear()

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._line.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def begin(self, sender: str = "hr@example.jp", *, login: str = "ats") -> Packet:
        """MAIL; the answer is ACCEPT for mail that is none of the milter's."""
        signed_in = f"{{auth_authen}}\0{login}\0".encode() if login else b""
        self.say(b"D", b"M" + b"{mail_addr}\0x\0" + signed_in)
        return self.ask(b"M", f"<{sender}>".encode() + b"\0SIZE=9\0")

    def tell(self, message: bytes, *, to: Sequence[str]) -> None:
        """Recipients, headers and body; no answers, as agreed on."""
        for address in to:
            self.say(b"R", f"<{address}>".encode() + b"\0")
        head, _, body = message.partition(b"\r\n\r\n")
        for name, value in fields(head):
            self.say(b"L", name + b"\0" + value + b"\0")
        self.say(b"N")
        for start in range(0, len(body), 65535):
            answer = self.ask(b"B", body[start : start + 65535])
            if answer.command == b"s":
                break

    def end(self) -> list[Packet]:
        """Everything up to the answer that ends the message."""
        self.say(b"D", b"Ei\x004ABC\0")
        self.say(b"E")
        found = [self.hear()]
        while found[-1].command in b"himbp":
            found.append(self.hear())
        return found

    def pass_on(
        self, message: bytes, *, to: Sequence[str] = ("taro@example.com",), login: str = "ats"
    ) -> list[Packet]:
        """A whole message; what the milter wants of it."""
        if (answer := self.begin(login=login)).command != b"c":
            return [answer]
        self.tell(message, to=to)
        return self.end()


def fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and value with its leading blank; folds are LF."""
    lines = head.replace(b"\r\n ", b"\n ").replace(b"\r\n\t", b"\n\t").split(b"\r\n")
    for line in lines:
        name, _, value = line.partition(b":")
        yield name, value


def applied(message: bytes, asked: Sequence[Packet]) -> bytes:
    """The message as an MTA makes it: header by header, in the order that it was asked."""
    head, _, body = message.partition(b"\r\n\r\n")
    headers = list(fields(head))
    pieces: list[bytes] = []
    for command, data in asked:
        if command == b"b":
            pieces.append(data)
        elif command in b"imh":
            _change(headers, command, data)
    lines = (n + b":" + v.replace(b"\n", b"\r\n") + b"\r\n" for n, v in headers)
    return b"".join(lines) + b"\r\n" + (b"".join(pieces) if pieces else body)


def _change(headers: list[tuple[bytes, bytes]], command: bytes, data: bytes) -> None:
    if command == b"h":
        name, value, _ = data.split(b"\0")
        headers.append((name, value))
        return
    number = struct.unpack("!I", data[:4])[0]
    name, value, _ = data[4:].split(b"\0")
    if command == b"i":
        headers.insert(number, (name, value))
        return
    same = [at for at, (n, _) in enumerate(headers) if n.lower() == name.lower()]
    if value:
        headers[same[number - 1]] = (name, value)
    else:
        del headers[same[number - 1]]


@contextmanager
def connected(place: Place) -> Iterator[Mta]:
    with socket.socket(socket.AF_UNIX if place.path else socket.AF_INET) as line:
        line.settimeout(PATIENCE)
        line.connect(place.path or (place.host, place.port))
        yield Mta(line)
