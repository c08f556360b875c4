"""One mail's way through the milter: treated, changed, answered, told.

The same decisions as in the SMTP relay. What differs: an MTA gives one answer for all recipients,
so only a mail with one of them outside the company is changed; and the MTA has the mail, so our
word is only what it may do with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from ..injection import MARKER, Policy, Result, Status, marker_in
from ..relay.decisions import LATER, changed, held_back, marker_stays, no_link
from ..relay.desk import Account, Cause, Passing, Reply, Treatment
from ..relay.limits import HourLimits, TooManyError
from ..relay.senders import is_sender, may_write_as
from .changes import requests
from .codec import ACCEPT, Packet, reply
from .desk import MilterDesk
from .gathering import Gathering

log = structlog.get_logger(__name__)

SEVERAL = "multi_rcpt"
TOO_LARGE = "too_large"
NO_CHANGES = "mta_forbids"
"""The MTA did not offer to change headers and body."""
MOST_TOLD = 10
"""Recipients of one mail that are asked about; a mailing list is no rejection."""

TAKEN = Reply(250, "2.0.0 The mail server may have it")
_NOT_OURS = Result(Status.SKIPPED, "not_ours")
_HELD = Result(Status.SKIPPED, "held")
_LATER = Reply(LATER, "4.3.0 The link cannot be put in now, please try again", Cause.WAITING)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the MTA is asked for, and what there is to tell of it."""

    answer: Reply
    changes: Sequence[Packet] = ()
    result: Result = _NOT_OURS
    treated: Sequence[tuple[Passing, Treatment]] = ()

    def packets(self) -> Iterator[Packet]:
        """Changes come before the answer, which ends the message."""
        if self.answer.is_taken:
            yield from self.changes
            yield ACCEPT
            return
        enhanced, _, text = self.answer.text.partition(" ")
        yield reply(self.answer.code, enhanced, text)


class MilterPassage:
    """``plan`` changes nothing anywhere; ``tell`` follows once the plan is what will happen."""

    def __init__(self, desk: MilterDesk) -> None:
        self._desk = desk
        self._limits = HourLimits()

    def plan(self, gathering: Gathering, *, account: Account, may_change: bool) -> Plan:
        """Raises what the desk raises."""
        message = gathering.message()
        policy = policy_of(account)
        if gathering.overflowed:
            return _left(message, policy, Result(Status.REFUSED, TOO_LARGE))
        if not may_write_as(message, account):
            return _left(message, policy, Result(Status.SKIPPED, "other_author"))
        outside = _outside(gathering.recipients, account)
        if len(outside) != 1:
            return self._for_several(gathering, message, account, outside)
        passing = Passing(account, gathering.sender, outside[0], message)
        treatment = self._desk.treat(passing)
        if treatment.paragraph is not None and (reply := self._too_many(passing)):
            return Plan(reply, (), _HELD, [(passing, treatment)])
        result, changes = _changed(passing, treatment, gathering, may_change=may_change)
        answer = _withheld(passing, treatment, result) or TAKEN
        return Plan(answer, changes, result, [(passing, treatment)])

    def _too_many(self, passing: Passing) -> Reply | None:
        """Mails with a link alone are counted: the server's other mail is none of our business."""
        try:
            self._limits.take(passing.account, passing.recipient)
        except TooManyError as error:
            return Reply(LATER, f"4.7.1 {error}", Cause.WAITING)
        return None

    def _for_several(
        self, gathering: Gathering, message: bytes, account: Account, recipients: Sequence[str]
    ) -> Plan:
        """One body for people with a link each: it is left alone, and each is told of."""
        result = Result(Status.SKIPPED, SEVERAL)
        passings = [
            Passing(account, gathering.sender, address, message)
            for address in recipients[:MOST_TOLD]
        ]
        treated = [(passing, self._desk.treat(passing)) for passing in passings]
        linked = any(treatment.paragraph is not None for _, treatment in treated)
        answer = TAKEN
        if marker_in(message, treated[0][1].policy if treated else policy_of(account)):
            answer = marker_stays(SEVERAL)
        elif linked and account.demand:
            answer = no_link(SEVERAL)
        return Plan(answer, (), result, treated)

    def tell(self, plan: Plan, *, queue_id: str, milliseconds: int = 0) -> None:
        """The house hears what became of it. Never raises."""
        for passing, treatment in plan.treated:
            try:
                self._desk.sent(passing, treatment, plan.result, reply=plan.answer)
            except Exception as error:
                # The mail is out; that it is not told is found by the desk's own upkeep.
                log.error("mail_not_told", relay=passing.account.id, kind=type(error).__name__)
            log.info(
                "mail_passed", relay=passing.account.id, mail=treatment.delivery, by="milter",
                message=treatment.mail, queue_id=queue_id, status=plan.result.status.value,
                code=plan.result.code, notes=list(plan.result.notes), size=len(passing.message),
                spans=plan.result.spans(), reply=plan.answer.code,
                milliseconds=milliseconds,
            )  # fmt: skip


def policy_of(account: Account | None) -> Policy:
    """What is looked for where the desk cannot say; the account's own marker, where known."""
    return Policy(append=False, marker=account.marker if account is not None else MARKER)


def without_desk(gathering: Gathering, account: Account | None) -> Plan:
    """Our fault: the mail goes on as it is, unless a marker would be seen or the link is demanded.

    ``account`` None: nobody can say whose mail it is.
    """
    demanded = account is not None and account.demand
    marked = marker_in(gathering.message(), policy_of(account))
    return Plan(_LATER if demanded or marked else TAKEN)


def _left(message: bytes, policy: Policy, result: Result) -> Plan:
    """Nobody is asked about it; a marker keeps it back all the same."""
    return Plan(marker_stays(result.code) if marker_in(message, policy) else TAKEN, (), result)


def _outside(recipients: Sequence[str], account: Account) -> list[str]:
    """Recipients beyond the company, each once. A colleague's copy shows the applicant's link,
    which opens nothing personal; where there is nobody else, the copy is the mail."""
    outside = {r.lower(): r for r in recipients if not is_sender(r, account)}
    return list(outside.values()) or list(recipients[:1])


def _changed(
    passing: Passing, treatment: Treatment, gathering: Gathering, *, may_change: bool
) -> tuple[Result, Sequence[Packet]]:
    """What was done, and how the MTA is asked to do it."""
    result = changed(passing, treatment)
    if not result.edits:
        return result, ()
    asked = requests(gathering, message=passing.message, edits=result.edits)
    if asked is not None and may_change:
        return result, asked
    return Result(Status.FAILED, NO_CHANGES if asked is not None else "self_check"), ()


def _withheld(passing: Passing, treatment: Treatment, result: Result) -> Reply | None:
    """The answer to a mail that does not go on; None for one that does."""
    if (held := held_back(treatment)) is not None:
        return held
    wanted = treatment.paragraph is not None
    if result.status is Status.FAILED:
        marked = marker_in(passing.message, treatment.policy)
        return _LATER if marked or (wanted and passing.account.demand) else None
    if result.hold:
        return marker_stays(result.code)
    if wanted and result.status is Status.REFUSED and passing.account.demand:
        return no_link(result.code)
    return None
