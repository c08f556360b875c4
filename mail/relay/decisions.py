"""What a treatment makes of a mail, and the words for one that does not go on: the same for every
way in."""

from __future__ import annotations

from ..injection import Result, Status, erase_marker, inject
from ..second_opinion import agreed
from .desk import LOOP, Cause, Passing, Reply, Treatment

LATER = 451
REFUSED = 550
CIRCLING = 554


def changed(passing: Passing, treatment: Treatment) -> Result:
    """What is to be done to the message."""
    if treatment.retry_later or treatment.refuse:
        return Result(Status.SKIPPED, "held")
    message, paragraph, policy = passing.message, treatment.paragraph, treatment.policy
    if paragraph is not None:
        return agreed(message, inject(message, paragraph, policy), policy, url=paragraph.url)
    if treatment.erase:
        return agreed(message, erase_marker(message, policy), policy)
    return Result(Status.SKIPPED, "not_ours")


def held_back(treatment: Treatment) -> Reply | None:
    """By the house's word; None for a mail that may go on."""
    if treatment.retry_later:
        text = f"4.7.0 Not decided yet, please try again: {treatment.retry_later}"
        return Reply(LATER, text, Cause.WAITING)
    if treatment.refuse == LOOP:
        text = "5.4.6 This mail comes by again, with another person's link: check the route"
        return Reply(CIRCLING, text, Cause.RULE)
    if treatment.refuse:
        text = f"5.7.1 Refused by the mail relay's without_link: {treatment.refuse}"
        return Reply(REFUSED, text, Cause.RULE)
    return None


def marker_stays(code: str) -> Reply:
    """It would be seen."""
    return Reply(REFUSED, f"5.6.0 The marker in this mail cannot be replaced: {code}", Cause.RULE)


def no_link(code: str) -> Reply:
    """The company wants no rejection mail without one."""
    text = f"5.6.0 This mail cannot carry its link, which the relay demands: {code}"
    return Reply(REFUSED, text, Cause.RULE)
