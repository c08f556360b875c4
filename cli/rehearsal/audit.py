"""At the end of the story: is everything exactly right, and nothing there twice?"""

from __future__ import annotations

from ...connectors.spec import Capability
from ...connectors.testing.subject import require
from ...engine import rehearsal
from ...engine.rehearsal import Outcome
from ...engine.reporting import TAG
from .play import Case, Play

WRITTEN_AT_VENDOR = ("field_token", "ats_message")


def audit(play: Play) -> None:
    """AssertionError for the first thing that is wrong."""
    _nothing_left(play)
    found = rehearsal.outcomes(play.house.runtime)
    for case in (play.alone, *play.bulk):
        _rejected(play, case, found[case.id])
    _withdrawn(play, found.get(play.withdrawn.id))
    _reopened(play, found[play.reopened.id])
    _erased(play, found[play.erased.id])
    _reports(play, found)
    slots = divmod(len(play.registered), 3)[0]
    seen = rehearsal.credits_and_slots(play.house.runtime)
    require(seen == (len(play.registered), slots), f"the ledger holds {seen} credits and slots")
    _faults_met(play)


def _nothing_left(play: Play) -> None:
    dead = rehearsal.dead(play.house.runtime)
    require(not dead, f"given up: {dead}")


def _faults_met(play: Play) -> None:
    """A connector that never writes may make too few calls to meet them all."""
    left = play.story.stand_in.faults_left
    fine = not left or not play.spec.can(Capability.REPORT)
    require(fine, f"{left} faults were never met: too few calls were made")


def _rejected(play: Play, case: Case, outcome: Outcome) -> None:
    require(outcome.state == "rejected", f"a rejected case is {outcome.state}")
    require(outcome.decision == "link", f"a rejected case was decided '{outcome.decision}'")
    require(outcome.deliveries == 1, f"{outcome.deliveries} deliveries for one rejected case")
    links = play.record(case).links
    if play.strategy in WRITTEN_AT_VENDOR:
        require(links == outcome.links, f"the vendor shows {len(links)} links, not its own one")
    else:
        require(not links, "a link stands at the vendor, but the strategy writes none there")
    _recorded(play, case, outcome)
    notices = play.notices(case)
    wanted = int(play.strategy == "own_mail")
    require(notices == wanted, f"{notices} notices for a rejected person, not {wanted}")


def _recorded(play: Play, case: Case, outcome: Outcome) -> None:
    """Each notice of ours stands once at an ATS that keeps them, with the person's own link."""
    mails = play.record(case).mails
    keeps = play.spec.can(Capability.MAIL_RECORD) and play.strategy == "own_mail"
    require(len(mails) == outcome.recorded, f"{len(mails)} mails stand at the vendor")
    # Where a person had to find out whether a mail went out, that is all that is known.
    wanted = int(keeps and case.person.email not in play.looked_after)
    require(outcome.recorded == wanted, f"{outcome.recorded} mails were recorded, not {wanted}")
    require(all(outcome.links[0] in mail for mail in mails), "another mail is recorded")


def _withdrawn(play: Play, outcome: Outcome | None) -> None:
    """Nothing is known of them where an ATS is asked for rejections only."""
    if "withdraw" in play.story.missing:
        return
    linked = outcome is not None and outcome.decision == "link"
    require(not linked, "a person who withdrew was decided a link")
    require(play.notices(play.withdrawn) == 0, "a person who withdrew got a notice")
    if play.strategy != "field_token":
        require(not play.record(play.withdrawn).links, "a person who withdrew got a link")


def _reopened(play: Play, outcome: Outcome) -> None:
    """What had gone out before stays out, once; but nothing stands any more."""
    if "unreject" not in play.story.missing:
        require(outcome.state == "active", f"a case taken back is {outcome.state}")
        require(not outcome.decision, f"a case taken back was decided '{outcome.decision}'")
    require(play.notices(play.reopened) <= 1, "a person who was taken back got two notices")
    require(len(play.record(play.reopened).links) <= 1, "a case taken back has two links")


def _erased(play: Play, outcome: Outcome) -> None:
    if "erase" not in play.story.missing:
        require(outcome.state == "erased", f"an erased case is {outcome.state}")
        require(not outcome.decision, f"an erased case was decided '{outcome.decision}'")


def _reports(play: Play, found: dict[str, Outcome]) -> None:
    """Each who registered stands once on their record, nobody else at all."""
    if not play.spec.can(Capability.REPORT):
        return
    for case in play.registered:
        reports = found[case.id].reports
        require(len(reports) == 1, f"{len(reports)} reports for one registration")
        marker = f"CR-{reports[0][:12]}"
        record = play.record(case)
        noted = sum(marker in note for note in record.notes)
        tagged = sum(tag in TAG.values() for tag in record.tags)
        require(noted or tagged, "a registration stands nowhere on its record")
        require(noted <= 1, f"a registration is noted {noted} times")
        require(tagged <= 1, f"a registration is tagged {tagged} times")
    silent = (case for case in play.bulk if case not in play.registered)
    for case in (play.withdrawn, play.reopened, *silent):
        record = play.record(case)
        require(
            not any("CR-" in note for note in record.notes)
            and not any(tag in TAG.values() for tag in record.tags),
            "somebody who did not register is reported",
        )
