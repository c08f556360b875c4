"""The milter before the real desk: the same links and the same ledger as by the SMTP relay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from careerrelay.engine.mail_relays import RelayPlan, add_relay, change_relay
from careerrelay.engine.milter_desk import MilterMailDesk
from careerrelay.mail.milter import MilterServer, MilterSettings, read_place
from careerrelay.models.candidates import ApplicationState
from tests.engine.relaying import CONNECTION, SENDER, Relaying, message
from tests.mail.milter.mta import Mta, applied, connected
from tests.support.world import World

TO = "person1@example.com"
LETTER = message()


@pytest.fixture
def relay(world: World) -> Relaying:
    """An account whose mails come by the milter."""
    world.connect(CONNECTION, strategies=("mail_relay",))
    plan = RelayPlan({"senders": ["acme.example.jp"], "milter": True})
    add_relay(world.runtime, "ats", connection=CONNECTION, plan=plan, actor="test")
    desk = MilterMailDesk(world.runtime)
    account = desk.account_of_sender(SENDER, client="", signed_in=False)
    assert account is not None
    return Relaying(world, desk, account, "")


@pytest.fixture
def mta(relay: Relaying) -> Iterator[Mta]:
    desk = MilterMailDesk(relay.world.runtime)
    server = MilterServer(desk, MilterSettings(), place=read_place("inet:0@127.0.0.1"))
    try:
        with connected(server.start()) as found:
            found.offer()
            yield found
    finally:
        server.stop()


def hand_in(mta: Mta, content: bytes = LETTER, *, to: str = TO) -> bytes:
    """The mail as the MTA would send it on; the answer's text where it does not."""
    if mta.begin(SENDER).command != b"c":
        return content
    mta.tell(content, to=[to])
    asked = mta.end()
    return applied(content, asked) if asked[-1].command == b"a" else asked[-1].data


def test_rejected_person_gets_their_link_and_the_delivery_is_done(
    relay: Relaying, mta: Mta
) -> None:
    relay.tell(1, ApplicationState.REJECTED)
    url = relay.world.runtime.signer.url_for(str(relay.delivery().link_id))
    sent = hand_in(mta)
    assert sent.count(url.encode()) == 1
    assert relay.delivery().state == "done"
    (mail,) = relay.mails()
    assert (mail.judgement, mail.status, mail.code, mail.reply) == (
        "personal", "replaced", "marker", 250,
    )  # fmt: skip
    # What the MTA was told and did not do, it asks again, and gets the same.
    assert hand_in(mta) == sent
    assert len(relay.mails()) == 1
    # And a mail that has passed is known by our mark.
    assert hand_in(mta, sent) == sent


def test_person_who_withdrew_gets_no_link_and_no_marker(relay: Relaying, mta: Mta) -> None:
    relay.tell(1, ApplicationState.WITHDRAWN)
    sent = hand_in(mta)
    assert b"career_relay" not in sent
    assert b"https://relay.example.jp" not in sent
    assert (relay.mails()[0].judgement, relay.mails()[0].code) == ("none", "erased")


def test_mail_that_is_quicker_than_the_ats_is_asked_for_again(relay: Relaying, mta: Mta) -> None:
    relay.tell(1, ApplicationState.ACTIVE)
    assert hand_in(mta).startswith(b"451 4.7.0 Not decided yet")
    relay.tell(1, ApplicationState.REJECTED, changed_at=relay.world.clock())
    assert b"https://relay.example.jp/r/" in hand_in(mta)


def test_other_mail_passes_and_nothing_of_it_is_kept(relay: Relaying, mta: Mta) -> None:
    relay.tell(1, ApplicationState.REJECTED)
    invitation = message(text="See you on Monday.")
    assert hand_in(mta, invitation) == invitation
    assert (relay.mails(), relay.delivery().state) == ([], "due")


def test_several_people_are_told_on_their_deliveries(relay: Relaying, mta: Mta) -> None:
    relay.tell(1, ApplicationState.REJECTED)
    relay.tell(2, ApplicationState.REJECTED)
    plan = RelayPlan({"subjects": ["選考結果"]})
    change_relay(relay.world.runtime, "ats", plan=plan, actor="test")
    letter = message(text="Thank you.")
    mta.begin(SENDER)
    mta.tell(letter, to=[TO, "person2@example.com"])
    assert [packet.command for packet in mta.end()] == [b"a"]
    assert {(d.state, d.error_code) for d in relay.deliveries()} == {("skipped", "multi_rcpt")}
