"""What one MTA connection has told us so far, and what each thing is answered with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...models.errors import MilterProtocolError
from .codec import (
    CONTINUE,
    SKIP,
    UNKNOWN,
    Packet,
    Terms,
    address,
    client,
    header,
    macros,
    negotiated,
)
from .gathering import Gathering


class Conversation:
    """Takes the MTA's packets in their order. Raises MilterProtocolError for one out of order.

    Everything but the end of a message (``finish``) and the end of the connection is heard here.
    ``max_bytes``: of a message that are kept.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._terms: Terms | None = None
        self.gathering: Gathering | None = None
        self.client = UNKNOWN
        """The address of whoever talks to the MTA, "" for a program on its machine."""
        self.signed_in = False
        """The MTA knows who sends this message: ``{auth_authen}`` is set."""
        self._queue_id = ""
        self._hearers: Mapping[bytes, Callable[[bytes], None]] = {
            b"C": self._connect,
            b"D": self._macros,
            b"M": self._sender,
            b"R": self._recipient,
            b"L": self._header,
            b"B": self._body,
            b"A": self._reset,
            b"K": self._leave,
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
        if packet.command == b"B" and terms.may_skip and self._is_full():
            return SKIP
        return CONTINUE if terms.answered(packet.command) else None

    def finish(self, data: bytes) -> Gathering:
        """The whole message; ``data`` is its last piece of body, which may come with the end."""
        whole = self._message()
        whole.add_body(data)
        whole.queue_id = self._queue_id
        self._reset()
        return whole

    def let_go(self) -> None:
        """This message is of no interest to us; what still comes of it is not kept."""
        self.gathering = None

    def _message(self) -> Gathering:
        if self.gathering is None:
            raise MilterProtocolError("the milter's client sent content before MAIL")
        return self.gathering

    def _is_full(self) -> bool:
        return self.gathering is not None and self.gathering.overflowed

    def _connect(self, data: bytes) -> None:
        self.client = client(data)

    def _macros(self, data: bytes) -> None:
        told = macros(data)
        self._queue_id = told.get("i", self._queue_id)
        if data.startswith(b"M"):
            self.signed_in = bool(told.get("auth_authen"))

    def _sender(self, data: bytes) -> None:
        blank = self.terms.leading_blank
        self.gathering = Gathering(leading_blank=blank, max_bytes=self._max_bytes)
        self.gathering.sender = address(data)

    def _recipient(self, data: bytes) -> None:
        self._message().add_recipient(address(data))

    def _header(self, data: bytes) -> None:
        self._message().add_header(*header(data))

    def _body(self, data: bytes) -> None:
        self._message().add_body(data)

    def _reset(self, data: bytes = b"") -> None:
        del data  # heard with every command
        self.gathering = None
        self.signed_in = False
        self._queue_id = ""

    def _leave(self, data: bytes) -> None:
        self._reset(data)
        self.client = UNKNOWN


def _nothing(data: bytes) -> None:
    """For what is of no use to us."""
