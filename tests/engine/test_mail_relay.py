"""Which link a passing mail gets, in every state of the case behind its recipient."""

from __future__ import annotations

from datetime import timedelta

import pytest

from careerrelay.engine import registration
from careerrelay.engine.mail_relays import RelayPlan, change_relay
from careerrelay.engine.suppression import suppress
from careerrelay.link_signing import Purpose
from careerrelay.mail.injection import Status, inject
from careerrelay.mail.relay.desk import Reply
from careerrelay.models.candidates import ApplicationState, Flag
from careerrelay.models.errors import ApiUnavailableError
from careerrelay.models.tables import Connection, RelayLink
from tests.engine.relaying import CONNECTION, MARKER, TAKEN, Relaying, message, relaying
from tests.support.world import World

REJECTED, ACTIVE = ApplicationState.REJECTED, ApplicationState.ACTIVE


@pytest.fixture
def relay(world: World) -> Relaying:
    return relaying(world)


def link_kind(relay: Relaying, link_id: str | None) -> str:
    with relay.world.runtime.database.read() as session:
        return session.get_one(RelayLink, link_id).kind


def test_rejected_person_gets_the_link_of_their_case(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    owed = relay.delivery()
    assert (owed.strategy, owed.state) == ("mail_relay", "due")
    treatment = relay.send(1)
    assert treatment.paragraph is not None
    assert treatment.paragraph.link_id == owed.link_id
    assert treatment.paragraph.url == relay.world.runtime.signer.url_for(str(owed.link_id))
    assert treatment.paragraph.text.splitlines().count(treatment.paragraph.url) == 1
    assert relay.delivery().state == "done"


def test_delivery_is_done_only_when_the_next_hop_has_taken_the_mail(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.treat(1)
    assert relay.delivery().state == "due"
    relay.send(1, reply=Reply(451, "4.3.0 later"))
    assert (relay.delivery().state, relay.delivery().error_code) == ("due", None)
    relay.send(1)
    assert relay.delivery().state == "done"


def test_mail_that_is_quicker_than_the_web_hook_makes_us_ask_the_ats(relay: Relaying) -> None:
    relay.tell(1, ACTIVE)
    relay.hold(1, REJECTED, changed_at=relay.world.clock() + timedelta(seconds=1))
    treatment = relay.treat(1)
    assert treatment.paragraph is not None
    assert link_kind(relay, treatment.paragraph.link_id) == "personal"
    assert relay.delivery().state == "due"


def test_web_hook_that_comes_after_the_mail_owes_nothing_more(relay: Relaying) -> None:
    relay.tell(1, ACTIVE)
    rejected = relay.hold(1, REJECTED, changed_at=relay.world.clock() + timedelta(seconds=1))
    relay.send(1)
    relay.world.tell(rejected, connection=CONNECTION)
    relay.world.work()
    assert [d.state for d in relay.deliveries()] == ["done"]


def test_person_in_the_middle_of_a_selection_is_asked_for_later(relay: Relaying) -> None:
    relay.tell(1, ACTIVE)
    treatment = relay.treat(1)
    assert (treatment.paragraph, treatment.retry_later) == (None, "not_rejected")


def test_mail_waits_for_a_decision_no_longer_than_the_company_has_set(relay: Relaying) -> None:
    relay.tell(1, ACTIVE)
    relay.treat(1)
    relay.world.clock.forward(minutes=14)
    assert relay.treat(1).retry_later
    relay.world.clock.forward(minutes=2)
    treatment = relay.treat(1)
    assert treatment.retry_later == ""
    assert treatment.paragraph is not None
    assert link_kind(relay, treatment.paragraph.link_id) == "static"


@pytest.mark.parametrize(
    ("choice", "erased", "refused"), [("erase", True, ""), ("refuse", False, "not_rejected")]
)
def test_company_chooses_what_becomes_of_a_marker_nobody_knows_a_link_for(
    world: World, choice: str, erased: bool, refused: str
) -> None:
    relay = relaying(world, without_link=choice, wait_minutes=0)
    relay.tell(1, ACTIVE)
    treatment = relay.treat(1)
    assert (treatment.paragraph, treatment.retry_later) == (None, "")
    assert (treatment.erase, treatment.refuse) == (erased, refused)


def test_marker_to_a_stranger_waits_makes_a_poll_due_and_then_gets_the_static_link(
    relay: Relaying,
) -> None:
    with relay.world.runtime.database.begin() as session:
        session.get_one(Connection, CONNECTION).next_poll_at = None
    assert relay.treat(7).retry_later == "unknown_recipient"
    with relay.world.runtime.database.read() as session:
        assert session.get_one(Connection, CONNECTION).next_poll_at == relay.world.clock()
    relay.world.clock.forward(minutes=15)
    treatment = relay.treat(7)
    assert treatment.paragraph is not None
    assert link_kind(relay, treatment.paragraph.link_id) == "static"


def test_copy_for_the_company_itself_waits_for_nothing(relay: Relaying) -> None:
    treatment = relay.treat(to="recruiter@acme.example.jp")
    assert (treatment.retry_later, treatment.refuse) == ("", "")
    assert treatment.paragraph is not None


@pytest.mark.parametrize("state", [ApplicationState.WITHDRAWN, ApplicationState.HIRED])
def test_person_who_was_not_rejected_gets_no_link_and_no_marker(
    relay: Relaying, state: ApplicationState
) -> None:
    relay.tell(1, state)
    treatment = relay.send(1)
    assert (treatment.paragraph, treatment.erase, treatment.retry_later) == (None, True, "")
    assert relay.deliveries() == []
    assert (relay.mails()[0].judgement, relay.mails()[0].reason) == ("none", state.value)


def test_ineligible_person_gets_no_link_and_the_code_says_why(relay: Relaying) -> None:
    relay.tell(1, REJECTED, flags=frozenset({Flag.MINOR}))
    assert relay.treat(1).erase
    assert relay.mails()[0].reason == "under_18"


def test_suppressed_address_gets_no_link_whatever_was_decided(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    runtime = relay.world.runtime
    with runtime.database.begin() as session:
        hashes = [runtime.vault.match("person1@example.com")]
        suppress(session, hashes, scope="acme", cause="stop_link", at=relay.world.clock())
    treatment = relay.treat(1)
    assert (treatment.paragraph, treatment.erase) == (None, True)
    assert relay.mails()[0].reason == "suppressed"


def register(relay: Relaying, link_id: str, email: str) -> None:
    runtime = relay.world.runtime
    form = registration.Application("応募 太郎", email, True, "ja")
    started = registration.start(runtime, runtime.signer.token_for(link_id), form)
    proof = runtime.signer.token_for(started, purpose=Purpose.PROOF)
    assert registration.confirm_link(runtime, proof).counted


def test_who_registered_since_gets_no_link_but_in_the_same_mail_sent_once_more(
    relay: Relaying,
) -> None:
    relay.tell(1, REJECTED)
    first = relay.treat(1)
    assert first.paragraph is not None
    register(relay, first.paragraph.link_id, "person1@example.com")
    assert relay.treat(1) == first
    later = relay.send(1, content=message(message_id="<2@ats.example>"))
    assert (later.paragraph, later.erase) == (None, True)
    assert [mail.reason for mail in relay.mails()] == ["link", "already_counted"]


def test_case_151_same_mail_sent_again_carries_the_same_link_and_is_one_mail(
    relay: Relaying,
) -> None:
    relay.tell(1, REJECTED)
    first, second = relay.treat(1), relay.send(1)
    assert first == second
    (mail,) = relay.mails()
    assert (mail.tries, mail.status, mail.reply) == (2, "replaced", 250)


def test_another_mail_about_the_same_rejection_carries_the_same_link(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    first = relay.send(1)
    again = relay.send(1, content=message(message_id="<2@ats.example>"))
    assert again.paragraph == first.paragraph
    assert len(relay.mails()) == 2
    assert relay.delivery().state == "done"


def test_mail_without_message_id_is_known_by_its_content(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    for text in (MARKER, MARKER, f"{MARKER}\r\n."):
        relay.treat(1, content=message(message_id="", text=text))
    assert sorted(mail.tries for mail in relay.mails()) == [1, 2]


def test_two_people_with_one_message_id_get_links_of_their_own(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.tell(2, REJECTED)
    links = {t.paragraph.url for t in (relay.treat(1), relay.treat(2)) if t.paragraph}
    assert len(links) == 2


def test_case_of_another_connection_is_nobodys(relay: Relaying) -> None:
    relay.world.reject(1)
    relay.world.work()
    assert relay.treat(1).retry_later == "unknown_recipient"


def test_rejection_that_waits_for_its_mail_comes_before_an_open_case(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    other = relay.hold(2, ACTIVE)
    same_person = type(other.candidate)("c2", ("person1@example.com",))
    relay.world.tell(
        type(other)("a2", same_person, ACTIVE, other.changed_at), connection=CONNECTION
    )
    relay.world.work()
    assert relay.treat(1).paragraph is not None
    relay.send(1)
    relay.world.vendor.applications["a2"] = type(other)("a2", same_person, ACTIVE, other.changed_at)
    another = relay.treat(1, content=message(message_id="<2@ats.example>"))
    assert another.retry_later == "not_rejected", "a second mail is about the second case"
    assert relay.treat(1).paragraph is not None, "the first one, sent again, keeps its link"


def test_taken_back_rejection_gets_no_link_any_more(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.tell(1, ACTIVE, changed_at=relay.world.clock() + timedelta(seconds=1))
    assert relay.treat(1).paragraph is None


def test_ats_that_does_not_answer_only_makes_the_mail_wait(relay: Relaying) -> None:
    relay.tell(1, ACTIVE)

    def trouble(operation: str) -> None:
        raise ApiUnavailableError("away", connector="toy", operation=operation)

    relay.world.vendor.trouble = trouble
    assert relay.treat(1).retry_later == "not_rejected"


def test_paused_account_is_not_asked(relay: Relaying) -> None:
    relay.tell(1, ACTIVE)
    with relay.world.runtime.database.begin() as session:
        paused = session.get_one(Connection, CONNECTION)
        paused.paused_until = relay.world.clock() + timedelta(minutes=5)
    relay.world.vendor.calls.clear()
    assert relay.treat(1).retry_later == "not_rejected"
    assert relay.world.vendor.calls == []


def test_marker_vanishes_where_another_strategy_was_chosen_since(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    with relay.world.runtime.database.begin() as session:
        session.get_one(Connection, CONNECTION).strategies = ["own_mail", "mail_relay"]
    treatment = relay.treat(1)
    assert (treatment.paragraph, treatment.erase) == (None, True)


def test_own_mail_is_never_owed_in_addition(world: World) -> None:
    relay = relaying(world)
    with world.runtime.database.begin() as session:
        session.get_one(Connection, CONNECTION).strategies = ["mail_relay", "own_mail"]
    relay.tell(1, REJECTED)
    assert [d.strategy for d in relay.deliveries()] == ["mail_relay"]


def test_nothing_of_a_person_is_kept(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.send(1)
    (mail,) = relay.mails()
    kept = " ".join(str(getattr(mail, column.key)) for column in mail.__table__.columns)
    assert "person1" not in kept
    assert "ats.example" not in kept


def test_changed_rules_count_from_the_next_mail_on(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    plan = RelayPlan({"marker": "[[link_here]]"})
    change_relay(relay.world.runtime, "ats", plan=plan, actor="test")
    assert relay.treat(1).delivery == ""
    treatment = relay.treat(1, content=message(text="[[link_here]]"))
    assert treatment.policy.marker == "[[link_here]]"
    assert treatment.paragraph is not None


def test_message_that_could_not_be_changed_ends_the_delivery_with_what_to_do(
    relay: Relaying,
) -> None:
    relay.tell(1, REJECTED)
    relay.send(1, status=Status.REFUSED, code="smime")
    ended = relay.delivery()
    assert (ended.state, ended.error_code) == ("skipped", "smime")
    assert "S/MIME" in str(ended.error)
    relay.send(1, content=message(message_id="<2@ats.example>"))
    assert relay.delivery().state == "done", "a later mail brought the link after all"


def test_mail_the_next_hop_refuses_is_still_waited_for_and_says_so(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.send(1, reply=Reply(550, "5.1.1 no such user"))
    told = relay.delivery()
    assert (told.state, told.error_code) == ("due", "next_hop_refused")
    assert "send the mail again" in str(told.error)


def test_rejection_whose_mail_never_passes_ends_visibly(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.world.clock.forward(days=13)
    relay.world.work()
    assert relay.delivery().state == "due"
    relay.world.clock.forward(days=2)
    relay.world.work()
    assert (relay.delivery().state, relay.delivery().error_code) == ("skipped", "no_mail")


def test_mail_that_passes_late_still_gets_its_link(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.world.clock.forward(days=15)
    relay.world.work()
    assert relay.send(1).paragraph is not None
    assert relay.delivery().state == "done"


# A mail that comes by again, and one whose marker is misspelt.


def linked_copy(relay: Relaying, number: int) -> bytes:
    """The mail to that person as it went out."""
    treatment = relay.send(number)
    assert treatment.paragraph is not None
    return inject(message(), treatment.paragraph, treatment.policy).assemble(message())


def test_mail_that_comes_by_again_with_the_link_of_somebody_else_is_a_loop(
    relay: Relaying,
) -> None:
    for number in (1, 2):
        relay.tell(number, REJECTED)
    copy = linked_copy(relay, 1)
    other = relay.treat(2, content=copy)
    assert (other.paragraph, other.refuse) == (None, "loop")
    assert {(mail.judgement, mail.reason) for mail in relay.mails()} == {
        ("personal", "link"), ("refused", "loop"),
    }  # fmt: skip
    assert relay.treat(1, content=copy).refuse == "", "to the same person it may come by"
    assert relay.treat(to="recruiter@acme.example.jp", content=copy).refuse == "", "and to us"
    forged = copy.replace(b" m=", b" m=0")
    assert relay.treat(2, content=forged).refuse == "", "nobody else writes our header"


def test_mail_with_the_static_link_may_come_by_again_to_anybody(relay: Relaying) -> None:
    relay.tell(1, ACTIVE)
    relay.treat(1)
    relay.world.clock.forward(minutes=15)
    copy = linked_copy(relay, 1)
    relay.tell(2, REJECTED)
    assert relay.treat(2, content=copy).refuse == ""


MISTAKEN = message(text="{{career_relay_lnk}}")


def test_case_129_misspelt_marker_brings_the_paragraph_to_whom_it_is_due_and_is_told(
    relay: Relaying,
) -> None:
    relay.tell(1, REJECTED)
    treatment = relay.treat(1, content=MISTAKEN)
    assert treatment.paragraph is not None
    result = inject(MISTAKEN, treatment.paragraph, treatment.policy)
    assert (result.code, result.notes) == ("append", ("token_misspelt",))
    relay.desk.sent(relay.passing(1, content=MISTAKEN), treatment, result, reply=TAKEN)
    assert relay.delivery().state == "done"
    assert relay.treat(1, content=MISTAKEN).paragraph is not None, "sent again it is the same"
    later = message(text="{{career_relay_lnk}}", message_id="<2@ats.example>")
    assert relay.treat(1, content=later).paragraph is None, "one mail is the notice"


@pytest.mark.parametrize("state", [ACTIVE, ApplicationState.WITHDRAWN])
def test_case_129_misspelt_marker_makes_no_mail_wait_and_is_told(
    relay: Relaying, state: ApplicationState
) -> None:
    relay.tell(1, state)
    treatment = relay.send(1, content=MISTAKEN)
    assert (treatment.paragraph, treatment.retry_later, treatment.erase) == (None, "", False)
    assert [mail.reason for mail in relay.mails()] == ["token_misspelt"]
