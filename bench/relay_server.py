"""``python -m bench.relay_server SINK [PORT]``: a mail relay on loopback, injecting into each mail.

Its desk links every mail at once: what is measured is SMTP, injection and the way on, without a
database. Prints its port, and runs until it is terminated.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from bench.corpus import paragraphs
from careerrelay.mail.injection import Policy, Result
from careerrelay.mail.relay import RelayServer, RelaySettings
from careerrelay.mail.relay.desk import Account, NextHop, Passing, Reply, Treatment
from careerrelay.mail.smtp import Security

UNLIMITED = 1_000_000_000
MEMORY = 120 << 20
"""As is usual: of mails as they come."""


class LinkingDesk:
    """Every mail of this machine is a rejection."""

    def __init__(self, port: int) -> None:
        hop = NextHop("127.0.0.1", port, Security.NONE)
        self._account = Account(
            "bench", hop, frozenset({"example.com"}), per_hour=UNLIMITED, people_per_hour=UNLIMITED
        )
        self._treatment = Treatment(paragraphs()["Japanese"], Policy(mark_key=b"k" * 32), "bench")

    def account(self, login: str, password: str) -> Account | None:
        """Nobody signs in."""

    def accounts_of_address(self, peer: str) -> Sequence[Account]:
        del peer
        return (self._account,)

    def treat(self, passing: Passing) -> Treatment:
        del passing
        return self._treatment

    def keep(self, passings: Sequence[Passing]) -> None:
        """Nothing is kept: the answer is the next server's."""

    def sent(self, passing: Passing, treatment: Treatment, result: Result, *, reply: Reply) -> None:
        """What was not injected into, or not taken, would make the measurement worthless."""
        del passing, treatment
        if not result.edits or not reply.is_taken:
            sys.exit(f"not passed as it should be: {result.code} {reply.code}")


def main() -> None:
    """Serve."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    settings = RelaySettings(
        hostname="relay.example.jp", clock=lambda: datetime.now(UTC), memory_bytes=MEMORY
    )
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = RelayServer(
        LinkingDesk(int(sys.argv[1])), settings, host="127.0.0.1", port=port, share_port=True
    )
    print(server.start(), flush=True)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
