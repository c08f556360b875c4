"""One mail's way through: treated, changed, signed, handed to the next hop, told.

Whatever goes wrong on our side, the company's mail goes on as it came; only a mail in which a
person would see the raw marker is asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from ...models.errors import (
    ConfigurationError,
    SmtpError,
    SmtpRejectedError,
    SmtpUncertainError,
)
from .. import smtp
from ..dkim import resign
from ..injection import Policy, Result, Status, erase_marker, inject, marker_in
from .desk import Desk, NextHop, Passing, Reply, Treatment

log = structlog.get_logger(__name__)

LATER = 451
REFUSED = 550
_CLASS_TEXT = {
    4: "4.4.1 The next server does not take it now",
    5: "5.0.0 The next server refused it",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How mails go on. ``timeout`` in seconds, for each step with the next hop."""

    clock: Callable[[], datetime]
    allow_private: bool = True
    timeout: float = 60.0


class Passage:
    """Hands mails on; holds nothing of any of them."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings

    def run(self, passing: Passing, *, trace: bytes, eight_bit: bool) -> Reply:
        """The answer to the client: the next hop's own, or ours where it was never asked.

        ``trace``: our Received header, which every mail gets. ``eight_bit``: the client announced
        8BITMIME.
        """
        began = time.monotonic()
        treatment = self._treat(passing)
        result = _changed(passing, treatment)
        reply = _withheld(passing, treatment, result)
        if reply is None:
            message = self._finished(passing, result, trace)
            reply = self._forward(passing, message, eight_bit=eight_bit)
        self._tell(passing, treatment, result, reply)
        log.info(
            "mail_passed", relay=passing.account.id, mail=treatment.delivery,
            status=result.status.value, code=result.code, notes=list(result.notes),
            size=len(passing.message), reply=reply.code,
            milliseconds=round((time.monotonic() - began) * 1000),
        )  # fmt: skip
        return reply

    def _treat(self, passing: Passing) -> Treatment:
        try:
            return self._desk.treat(passing)
        except Exception as error:
            # The desk's trouble is not the company's: without a marker its mail goes on.
            log.error("mail_desk_failed", relay=passing.account.id, kind=type(error).__name__)
            policy = Policy(append=False)
            retry = "desk" if marker_in(passing.message, policy) else ""
            return Treatment(None, policy, retry_later=retry)

    def _finished(self, passing: Passing, result: Result, trace: bytes) -> bytes:
        message = result.assemble(passing.message)
        key = passing.account.signing
        if key is not None and result.edits:
            edits = resign(message, key=key, at=self._settings.clock())
            message = Result(result.status, edits=edits).assemble(message)
        return trace + message

    def _forward(self, passing: Passing, message: bytes, *, eight_bit: bool) -> Reply:
        try:
            receipt = smtp.send(
                message,
                account=self._account(passing.account.next_hop),
                envelope_from=passing.sender,
                to=passing.recipient,
                before_data=lambda: None,
                eight_bit=eight_bit or not message.isascii(),
            )
        except SmtpError as error:
            return _reply_of(error)
        except ConfigurationError as error:
            log.error("mail_next_hop_unusable", relay=passing.account.id, cause=error.message)
            return Reply(LATER, "4.3.5 The relay's next server is not set up right")
        said = receipt.enhanced_status or "2.0.0"
        queued = f" queued as {receipt.queue_id}" if receipt.queue_id else ""
        return Reply(receipt.status, f"{said} Ok:{queued or ' taken by the next server'}")

    def _account(self, hop: NextHop) -> smtp.SmtpAccount:
        return smtp.SmtpAccount(
            host=hop.host,
            port=hop.port,
            security=hop.security,
            username=hop.username,
            password=hop.password,
            timeout=self._settings.timeout,
            allow_private=self._settings.allow_private,
        )

    def _tell(self, passing: Passing, treatment: Treatment, result: Result, reply: Reply) -> None:
        try:
            self._desk.sent(passing, treatment, result, reply=reply)
        except Exception as error:
            # The mail is out; that it is not told is found by the desk's own upkeep.
            log.error("mail_not_told", relay=passing.account.id, kind=type(error).__name__)


def _changed(passing: Passing, treatment: Treatment) -> Result:
    if treatment.retry_later or treatment.refuse:
        return Result(Status.SKIPPED, "held")
    if treatment.erase:
        return erase_marker(passing.message, treatment.policy)
    if treatment.paragraph is None:
        return Result(Status.SKIPPED, "not_ours")
    return inject(passing.message, treatment.paragraph, treatment.policy)


def _withheld(passing: Passing, treatment: Treatment, result: Result) -> Reply | None:
    """The answer to a mail that does not go on; None for one that does."""
    if treatment.retry_later:
        return Reply(LATER, f"4.7.0 Not decided yet, please try again: {treatment.retry_later}")
    if treatment.refuse:
        return Reply(REFUSED, f"5.7.1 Refused by the company's rule: {treatment.refuse}")
    if result.hold:
        return Reply(REFUSED, "5.6.0 The marker in this mail cannot be replaced: token_left")
    failed = treatment.paragraph is not None and result.status in (Status.REFUSED, Status.FAILED)
    if failed and passing.account.demand:
        return Reply(REFUSED, f"5.6.0 This mail cannot carry its link: {result.code}")
    return None


def _reply_of(error: SmtpError) -> Reply:
    """The next hop's class and code; ours where it gave none."""
    if isinstance(error, SmtpUncertainError):
        # It may have it: a second copy is possible, a lost mail is not.
        return Reply(LATER, "4.4.2 The next server's answer was lost")
    permanent = isinstance(error, SmtpRejectedError) and error.phase in ("mail", "rcpt", "content")
    code = error.status if error.status and 400 <= error.status < 600 else 0
    if permanent:
        code = code or 554
    elif not 400 <= code < 500:
        # That the next hop does not want us is for its administrator to mend, not a bounce.
        code = LATER
    return Reply(code, _CLASS_TEXT[code // 100])
