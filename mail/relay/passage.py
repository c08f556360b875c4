"""One mail's way through: treated, changed, signed, handed to the next hop, told.

Whatever goes wrong on our side, the company's mail goes on as it came; only a mail in which a
person would see the raw marker is asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from ...models.errors import (
    ConfigurationError,
    SmtpError,
    SmtpRejectedError,
    SmtpUncertainError,
)
from .. import smtp
from ..dkim import is_signed, resign
from ..injection import Policy, Result, Status, marker_in
from ..smtp_pool import SmtpPool
from .decisions import LATER, changed, held_back, marker_stays, no_link
from .desk import Cause, Desk, NextHop, Passing, Reply, Treatment

log = structlog.get_logger(__name__)

OURS = "signing_key", "internal"
"""Codes of a change that was dropped because of us."""
FOREIGN = "dkim_foreign"
PERMANENT = ("connect", "mail", "rcpt", "data", "content")
"""Steps whose 5xx is about mail. That the next hop does not want our user or our TLS is for its
administrator to mend, not a bounce."""
_CLASS_TEXT = {
    4: "4.4.1 The next server does not take it now",
    5: "5.0.0 The next server refused it",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How mails go on. ``timeout`` in seconds, for each step with the next hop;
    ``answer_timeout`` for its answer to a whole mail."""

    clock: Callable[[], datetime]
    allow_private: bool = True
    timeout: float = 60.0
    answer_timeout: float = 600.0


class Passage:
    """Hands mails on; holds nothing of any of them. ``pool``: connections that outlive a mail."""

    def __init__(self, desk: Desk, settings: Settings, *, pool: SmtpPool | None = None) -> None:
        self._desk = desk
        self._settings = settings
        self._pool = pool

    def run(self, passing: Passing) -> Reply:
        """The answer to the client: the next hop's own, or ours where it was never asked."""
        began = time.monotonic()
        treatment = self._treat(passing)
        result, message = self._made(passing, treatment)
        reply = _withheld(passing, treatment, result)
        if reply is None:
            reply = self._forward(passing, message)
        self._tell(passing, treatment, result, reply)
        log.info(
            "mail_passed", relay=passing.account.id, mail=treatment.delivery,
            message=treatment.mail, status=result.status.value, code=result.code,
            notes=list(result.notes), size=len(passing.message), spans=result.spans(),
            reply=reply.code, cause=reply.cause.value,
            milliseconds=round((time.monotonic() - began) * 1000),
        )  # fmt: skip
        return reply

    def _treat(self, passing: Passing) -> Treatment:
        try:
            return self._desk.treat(passing)
        except Exception as error:
            # The desk's trouble is not the company's: without a marker its mail goes on.
            log.error("mail_desk_failed", relay=passing.account.id, kind=type(error).__name__)
            policy = Policy(append=False, marker=passing.account.marker)
            retry = "desk" if marker_in(passing.message, policy) else ""
            return Treatment(None, policy, retry_later=retry)

    def _made(self, passing: Passing, treatment: Treatment) -> tuple[Result, bytes]:
        """What was done, and the message without our trace."""
        try:
            result = _changed(passing, treatment)
            signed = self._signed(passing, treatment.policy, result)
            if signed is None:
                return _left(passing, treatment.policy, FOREIGN), passing.message
            return result, signed
        except Exception as error:
            # A change that cannot be finished, or signed, is none.
            log.error("mail_change_failed", relay=passing.account.id, kind=type(error).__name__)
            return _dropped(passing, treatment, "internal"), passing.message

    def _signed(self, passing: Passing, policy: Policy, result: Result) -> bytes | None:
        """None where a signature would be broken that neither we nor anybody else renews: our key
        is for another domain than the author's."""
        key, made = passing.account.signing, result.assemble(passing.message)
        if key is None or not result.edits:
            return made
        edits = resign(made, key=key, at=self._settings.clock())
        if not edits and not policy.next_hop_signs and is_signed(made):
            return None
        return Result(result.status, edits=edits).assemble(made)

    def _forward(self, passing: Passing, message: bytes) -> Reply:
        attempt = partial(
            smtp.send,
            passing.trace + message,
            envelope_from=passing.sender,
            to=passing.recipient,
            before_data=lambda: None,
            eight_bit=passing.eight_bit or not message.isascii(),
            utf8=passing.utf8,
        )
        try:
            account = self._account(passing.account.next_hop)
            receipt = self._sent(partial(attempt, account=account))
        except SmtpError as error:
            return _reply_of(error)
        except ConfigurationError as error:
            log.error("mail_next_hop_unusable", relay=passing.account.id, cause=error.message)
            text = "4.3.5 The relay's next server is not set up right: careerrelay doctor"
            return Reply(LATER, text, Cause.UNUSABLE)
        said = receipt.enhanced_status or "2.0.0"
        queued = f" queued as {receipt.queue_id}" if receipt.queue_id else ""
        return Reply(receipt.status, f"{said} Ok:{queued or ' taken by the next server'}")

    def _sent(self, attempt: Callable[..., smtp.SendReceipt]) -> smtp.SendReceipt:
        if self._pool is None:
            return attempt()
        return self._pool.send(lambda opened: attempt(opened=opened))

    def _account(self, hop: NextHop) -> smtp.SmtpAccount:
        return smtp.SmtpAccount(
            host=hop.host,
            port=hop.port,
            security=hop.security,
            username=hop.username,
            password=hop.password,
            timeout=self._settings.timeout,
            answer_timeout=self._settings.answer_timeout,
            allow_private=self._settings.allow_private,
        )

    def _tell(self, passing: Passing, treatment: Treatment, result: Result, reply: Reply) -> None:
        try:
            self._desk.sent(passing, treatment, result, reply=reply)
        except Exception as error:
            # The mail is out; that it is not told is found by the desk's own upkeep.
            log.error("mail_not_told", relay=passing.account.id, kind=type(error).__name__)


def _changed(passing: Passing, treatment: Treatment) -> Result:
    wants_change = treatment.paragraph is not None or treatment.erase
    if wants_change and passing.account.unsigned and held_back(treatment) is None:
        return _dropped(passing, treatment, "signing_key")
    return changed(passing, treatment)


def _dropped(passing: Passing, treatment: Treatment, code: str) -> Result:
    """Nothing is changed, for a reason of ours; ``_withheld`` sees to a marker."""
    marked = marker_in(passing.message, treatment.policy)
    return Result(Status.FAILED, code, notes=("marked",) if marked else ())


def _left(passing: Passing, policy: Policy, code: str) -> Result:
    """It must not be changed, as the engine would say it."""
    if marker_in(passing.message, policy):
        return Result(Status.REFUSED, "token_left", notes=(code,))
    return Result(Status.REFUSED, code)


def _withheld(passing: Passing, treatment: Treatment, result: Result) -> Reply | None:
    """The answer to a mail that does not go on; None for one that does."""
    if (held := held_back(treatment)) is not None:
        return held
    if result.code in OURS and "marked" in result.notes:
        text = f"4.3.0 The marker cannot be replaced now, please try again: {result.code}"
        return Reply(LATER, text, Cause.WAITING)
    if result.hold:
        return marker_stays(result.code)
    failed = treatment.paragraph is not None and result.status in (Status.REFUSED, Status.FAILED)
    return no_link(result.code) if failed and passing.account.demand else None


def _reply_of(error: SmtpError) -> Reply:
    """The next hop's class, code and words; ours where it gave none."""
    if isinstance(error, SmtpUncertainError):
        # It may have it: a second copy is possible, a lost mail is not.
        return Reply(LATER, "4.4.2 The next server's answer was lost", Cause.UNCERTAIN)
    cause = Cause.NEXT_HOP_ACCOUNT if error.concerns_account else Cause.NEXT_HOP
    code = error.status if error.status and 400 <= error.status < 600 else 0
    if isinstance(error, SmtpRejectedError) and error.phase in PERMANENT:
        code = code or 554
    elif not 400 <= code < 500:
        return Reply(LATER, _CLASS_TEXT[4], cause)
    return Reply(code, error.answer or _CLASS_TEXT[code // 100], cause)
