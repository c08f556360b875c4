"""Connections to the next server that stay open between mails.

Half of a relay's time would go into a new connection for each mail. One is kept only while it is
beyond doubt: after a 2xx for the whole message, or after a refusal and a RSET that was answered.
"""

from __future__ import annotations

import contextlib
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..models.errors import SmtpError, SmtpRejectedError, SmtpUnavailableError
from .smtp import FAREWELL_SECONDS, Opened, SendReceipt, SmtpAccount, signed_in, take_leave

IDLE_SECONDS = 30.0
"""Less than any server waits for a command: RFC 5321 section 4.5.3.2.7 asks for five minutes."""
MOST_MAILS = 100
"""By one connection: a next server that has moved to another address is followed."""
MOST_KEPT = 20
"""Idle ones of one account; servers count a client's connections."""
_CLOSING = 421  # RFC 5321 section 3.8: the server may say so at any time, and hangs up


@dataclass(slots=True)
class _Line:
    server: smtplib.SMTP
    mails: int = 0
    since: float = 0.0


class SmtpPool:
    """Used from any thread. A connection serves one account alone: who signs in otherwise, or
    whose server or TLS is another, has connections of their own."""

    def __init__(
        self, *, idle_seconds: float = IDLE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[SmtpAccount, list[_Line]] = {}
        self._closed = threading.Event()
        self._keeper: threading.Thread | None = None

    def send(self, attempt: Callable[[Opened], SendReceipt]) -> SendReceipt:
        """``attempt`` calls ``smtp.send`` with the ``opened`` that it is given; raises as it does.

        Where a kept connection turns out dead before any content was sent, it is called a second
        time, with a new connection: nothing was handed over, so nothing can double.
        """
        use = _Use(self)
        try:
            return attempt(use.opened)
        except (SmtpUnavailableError, SmtpRejectedError) as error:
            if not (use.was_kept and _may_be_stale(error)):
                raise
        return attempt(_Use(self, anew=True).opened)

    def close(self) -> None:
        """Those under way are closed when their mail is through."""
        self._closed.set()
        self._leave(lambda _: True)

    def drop_idle(self) -> None:
        """What has waited for too long; done by itself every few seconds."""
        oldest = self._clock() - self._idle_seconds
        self._leave(lambda line: line.since <= oldest)

    def take(self, account: SmtpAccount) -> _Line | None:
        """The one used last, ready for a mail; None where there is none."""
        self.drop_idle()
        while True:
            with self._lock:
                lines = self._kept.get(account)
                line = lines.pop() if lines else None
            if line is None or _is_ready(line.server, account):
                return line
            line.server.close()

    def keep(self, account: SmtpAccount, line: _Line) -> bool:
        """False where it is not wanted any more."""
        line.since = self._clock()
        with self._lock:
            lines = self._kept.setdefault(account, [])
            full = len(lines) >= MOST_KEPT or line.mails >= MOST_MAILS
            if full or self._closed.is_set():
                return False
            lines.append(line)
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._run, name="smtp-pool", daemon=True)
                self._keeper.start()
        return True

    def _run(self) -> None:
        while not self._closed.wait(self._idle_seconds / 4):
            self.drop_idle()

    def _leave(self, unwanted: Callable[[_Line], bool]) -> None:
        gone: list[_Line] = []
        with self._lock:
            for account, lines in list(self._kept.items()):
                gone += filter(unwanted, lines)
                left = [line for line in lines if not unwanted(line)]
                if left:
                    self._kept[account] = left
                else:
                    del self._kept[account]
        for line in gone:
            _hang_up(line.server)


class _Use:
    """One connection for one mail, from the pool where there is one."""

    def __init__(self, pool: SmtpPool, *, anew: bool = False) -> None:
        self._pool = pool
        self._anew = anew
        self.was_kept = False

    @contextlib.contextmanager
    def opened(self, account: SmtpAccount) -> Iterator[smtplib.SMTP]:
        """Kept after a mail whose outcome is beyond doubt, closed after any other."""
        line = None if self._anew else self._pool.take(account)
        self.was_kept = line is not None
        line = line or _Line(signed_in(account))
        kept = False
        try:
            try:
                yield line.server
            except SmtpError as error:
                if not (_is_clean(error) and _is_reset(line.server, account)):
                    raise
                kept = self._give_back(account, line)
                raise
            kept = self._give_back(account, line)
            if not kept:
                take_leave(line.server, account=account)
        finally:
            if not kept:
                line.server.close()

    def _give_back(self, account: SmtpAccount, line: _Line) -> bool:
        line.mails += 1
        return self._pool.keep(account, line)


def _may_be_stale(error: SmtpError) -> bool:
    """Without an answer, or closing; or not taking one more mail, which some servers refuse by
    MAIL when one connection has brought many."""
    if error.phase == "mail":
        return True
    return error.phase in ("rcpt", "data") and error.status in (None, _CLOSING)


def _is_clean(error: SmtpError) -> bool:
    """Refused in words, and the connection stands."""
    status = error.status or 0
    refused = isinstance(error, SmtpRejectedError | SmtpUnavailableError)
    return refused and 400 <= status < 600 and status != _CLOSING


def _is_reset(server: smtplib.SMTP, account: SmtpAccount) -> bool:
    try:
        if server.sock is not None:
            server.sock.settimeout(min(account.timeout, FAREWELL_SECONDS))
        return server.rset()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _is_ready(server: smtplib.SMTP, account: SmtpAccount) -> bool:
    """Nothing has come since the last answer: no end, and no words that nobody asked for."""
    if server.sock is None or server.file is None:
        return False
    server.command_encoding = "ascii"  # a mail before it may have had international addresses
    try:
        server.sock.settimeout(0)
        try:
            if not server.file.peek(1):
                server.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            server.sock.settimeout(account.timeout)
            return True
    except OSError:
        return False
    return False


def _hang_up(server: smtplib.SMTP) -> None:
    """QUIT without waiting for its answer: nothing is under way."""
    with contextlib.suppress(smtplib.SMTPException, OSError):
        if server.sock is not None:
            server.sock.settimeout(0)
        server.putcmd("QUIT")
    with contextlib.suppress(OSError):
        server.close()
