"""What one MTA connection has told us so far, and what each thing is answered with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...models.errors import MilterProtocolError
from .codec import CONTINUE, SKIP, Packet, Terms, address, header, macros, negotiated
from .gathering import Gathering


class Conversation:
    """Takes the MTA's packets in their order. Raises MilterProtocolError for one out of order.

    Everything but the end of a message (``finish``) and the end of the connection is heard here.
    ``max_bytes``: of a body that are kept.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._terms: Terms | None = None
        self._gathering: Gathering | None = None
        self._queue_id = ""
        self._hearers: Mapping[bytes, Callable[[bytes], None]] = {
            b"D": self._macros,
            b"M": self._sender,
            b"R": self._recipient,
            b"L": self._header,
            b"B": self._body,
            b"A": self._reset,
            b"K": self._reset,
        }

    @property
    def terms(self) -> Terms:
        """What was agreed on. Raises MilterProtocolError before that."""
        if self._terms is None:
            raise MilterProtocolError("the milter's client did not begin with an offer")
        return self._terms

    def hear(self, packet: Packet) -> Packet | None:
        """The answer to ``packet``; None where the MTA expects none.

        Commands that we do not know, or asked not to be sent, are answered with "continue".
        """
        if packet.command == b"O":
            self._terms, answer = negotiated(packet.data)
            return answer
        terms = self.terms
        self._hearers.get(packet.command, _nothing)(packet.data)
        if packet.command in b"DAK":
            return None
        if packet.command == b"B" and self._message().overflowed and terms.may_skip:
            return SKIP
        return CONTINUE if terms.answered(packet.command) else None

    def finish(self, data: bytes) -> Gathering:
        """The whole message; ``data`` is its last piece of body, which may come with the end."""
        whole = self._message()
        whole.add_body(data)
        whole.queue_id = self._queue_id
        self._reset()
        return whole

    def _message(self) -> Gathering:
        if self._gathering is None:
            raise MilterProtocolError("the milter's client sent content before MAIL")
        return self._gathering

    def _macros(self, data: bytes) -> None:
        self._queue_id = macros(data).get("i", self._queue_id)

    def _sender(self, data: bytes) -> None:
        blank = self.terms.leading_blank
        self._gathering = Gathering(leading_blank=blank, max_bytes=self._max_bytes)
        self._gathering.sender = address(data)

    def _recipient(self, data: bytes) -> None:
        self._message().recipients.append(address(data))

    def _header(self, data: bytes) -> None:
        self._message().headers.append(header(data))

    def _body(self, data: bytes) -> None:
        self._message().add_body(data)

    def _reset(self, data: bytes = b"") -> None:
        del data  # heard with every command
        self._gathering = None
        self._queue_id = ""


def _nothing(data: bytes) -> None:
    """For what is of no use to us."""
