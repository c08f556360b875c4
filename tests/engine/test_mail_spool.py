"""Cases 162 and 164 to 166, mode spool: on disk before 250, handed on as owed work."""

from __future__ import annotations

import email
from collections.abc import Iterator
from contextlib import contextmanager
from email.policy import default
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from careerrelay.engine.doctor_relays import relay_findings
from careerrelay.engine.ingest import Ingest
from careerrelay.engine.mail_onward import give_up_dead
from careerrelay.engine.mail_relay import MailDesk
from careerrelay.engine.mail_relays import remove_relay
from careerrelay.engine.mail_spool import MailSpool, purge_orphans
from careerrelay.engine.metrics import gauges
from careerrelay.engine.queue import InlineQueue
from careerrelay.engine.replay import found_work, replay, work_lines
from careerrelay.engine.retention import purge
from careerrelay.engine.service import sweep
from careerrelay.mail.relay import RelayServer
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.errors import OverloadedError, RefusedError
from careerrelay.models.tables import Connection, SpooledContent, SpooledMail
from tests.engine.relaying import CONNECTION, SENDER, Relaying, message, relaying
from tests.mail.relay.hop import DOT, DROP, Hop, running_hop
from tests.mail.relay.relays import Client, settings
from tests.support.world import World

REJECTED = ApplicationState.REJECTED
PLAIN = message(text="一次面接のご案内です。")


class Spooling:
    """A relay that spools, over real sockets, and its next hop."""

    def __init__(self, relaying: Relaying, server: RelayServer, hop: Hop) -> None:
        self.relaying = relaying
        self.world = relaying.world
        self.hop = hop
        self._server = server

    def send(self, content: bytes = PLAIN, *, to: tuple[str, ...] = ("taro@example.com",)) -> str:
        with Client(self._server.port) as client:
            client.say("EHLO ats.example")
            for command in (f"MAIL FROM:<{SENDER}>", *(f"RCPT TO:<{each}>" for each in to)):
                reply = client.say(command)
                if not reply.startswith("250"):
                    return reply
            client.say("DATA")
            return client.content(content)

    def rows(self, kind: Any = SpooledMail) -> list[Any]:
        with self.world.runtime.database.read() as session:
            return list(session.scalars(select(kind)))

    def state(self) -> tuple[str, str | None]:
        (row,) = self.rows()
        return row.state, row.error_code

    def later(self, **parts: float) -> None:
        self.world.clock.forward(**parts)
        self.world.runtime.away.clear()
        self.world.work()


@contextmanager
def spooling(world: World, hop: Hop, **values: Any) -> Iterator[Spooling]:
    made = relaying(
        world,
        **{
            "mode": "spool",
            "networks": ["127.0.0.1/32"],
            "next_hop_host": "127.0.0.1",
            "next_hop_port": hop.port,
            "next_hop_security": "none",
            **values,
        },
    )
    spool = MailSpool(world.runtime)
    desk = MailDesk(world.runtime, spool=spool)
    server = RelayServer(desk, settings(clock=world.clock), host="127.0.0.1", port=0)
    server.start()
    try:
        yield Spooling(made, server, hop)
    finally:
        server.stop()
        spool.stop()


@pytest.fixture
def hop() -> Iterator[Hop]:
    with running_hop() as made:
        yield made


@pytest.fixture
def spool(world: World, hop: Hop) -> Iterator[Spooling]:
    with spooling(world, hop) as made:
        yield made


def test_mail_is_acknowledged_once_it_is_on_disk_and_then_handed_on(spool: Spooling) -> None:
    assert spool.send() == "250 2.0.0 Ok: kept, and on its way"
    assert spool.hop.seen == [], "not yet"
    assert spool.state() == ("due", None)
    spool.world.work()
    assert spool.hop.only().below_trace == PLAIN
    assert spool.hop.only().sender == f"MAIL FROM:<{SENDER}> BODY=8BITMIME"
    assert spool.state() == ("done", None)


def test_kept_mail_is_sealed_and_forgotten_once_it_is_through(spool: Spooling) -> None:
    spool.send()
    (mail,), (content,) = spool.rows(), spool.rows(SpooledContent)
    stored = f"{vars(mail)} {content.content_sealed!r}"
    for secret in ("taro", SENDER, "面接", "ats.example"):
        assert secret not in stored
    spool.world.work()
    (mail,) = spool.rows()
    assert (mail.sender_sealed, mail.recipient_sealed, mail.content_id) == (None, None, None)
    assert spool.rows(SpooledContent) == []


def test_case_162_each_of_several_recipients_gets_a_copy_with_a_link_of_their_own(
    spool: Spooling,
) -> None:
    people = range(1, 4)
    for number in people:
        spool.relaying.tell(number, REJECTED)
    to = tuple(f"person{number}@example.com" for number in people)
    assert spool.send(message(), to=to).startswith("250")
    assert len(spool.rows(SpooledContent)) == 1, "one message, however many they are"
    spool.world.work()
    assert {taken.recipient for taken in spool.hop.taken} == {f"RCPT TO:<{each}>" for each in to}
    links = [taken.content.partition(b"https://")[2].split()[0] for taken in spool.hop.taken]
    assert len(set(links)) == 3
    assert spool.rows(SpooledContent) == []
    assert [delivery.state for delivery in spool.relaying.deliveries()] == ["done"] * 3


def test_case_162_a_hundred_recipients_are_taken_at_a_time(spool: Spooling) -> None:
    to = [f"p{number}@example.com" for number in range(101)]
    assert spool.send(to=tuple(to)).startswith("452 4.5.3 100 recipients")
    assert spool.send(to=tuple(to[:100])).startswith("250")
    assert len(spool.rows()) == 100


def test_mail_quicker_than_its_web_hook_waits_here_and_gets_its_link(spool: Spooling) -> None:
    spool.relaying.tell(1, ApplicationState.ACTIVE)
    spool.send(message(), to=("person1@example.com",))
    spool.world.work()
    assert spool.hop.seen == []
    spool.relaying.tell(1, REJECTED)
    spool.later(minutes=2)
    assert b"{{career_relay_link}}" not in spool.hop.only().content
    assert b"https://" in spool.hop.only().content


# Case 164: what a kill may cut off. The real ones are in tests/disaster.


def test_case_164_same_mail_again_after_a_lost_answer_is_known(spool: Spooling) -> None:
    assert spool.send().startswith("250")
    assert spool.send().startswith("250")
    spool.world.work()
    assert spool.send().startswith("250"), "and while it has just gone out"
    spool.world.work()
    assert len(spool.hop.taken) == 1
    assert spool.send(PLAIN.replace(b"<1@", b"<2@")).startswith("250")
    spool.later(hours=2)
    assert spool.send().startswith("250"), "much later it is meant"
    spool.world.work()
    assert len(spool.hop.taken) == 3


def test_case_164_queue_that_forgets_everything_loses_no_mail(spool: Spooling) -> None:
    spool.send()
    assert isinstance(spool.world.queue, InlineQueue)
    spool.world.queue.lose_everything()
    spool.later(minutes=5)
    assert spool.hop.taken == []
    assert sweep(spool.world.runtime) == 1
    spool.world.work()
    assert len(spool.hop.taken) == 1


# Case 165.


def test_case_165_store_that_cannot_commit_is_no_250(
    spool: Spooling, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def failing() -> Iterator[Any]:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))
        yield

    with monkeypatch.context() as broken:
        broken.setattr(spool.world.runtime.database, "begin", failing)
        assert spool.send().startswith("452 4.3.1")
    assert spool.rows() == []
    assert spool.send().startswith("250"), "and goes on when the store is back"


def test_case_165_process_without_a_spool_takes_none(world: World, hop: Hop) -> None:
    with spooling(world, hop) as made:
        bare = MailDesk(world.runtime)
        with pytest.raises(OverloadedError):
            bare.keep([made.relaying.passing(1)])


# What the next hop says.


def test_next_hop_that_is_away_is_tried_again_until_it_is_back(spool: Spooling) -> None:
    spool.hop.answers["MAIL"] = "451 4.3.0 later"
    spool.send()
    spool.world.work()
    assert spool.state() == ("due", "smtp_unavailable")
    for _ in range(3):
        spool.later(hours=1)
    del spool.hop.answers["MAIL"]
    spool.later(hours=3)
    assert spool.state() == ("done", None)
    assert len(spool.hop.taken) == 1


def test_other_mails_need_not_find_out_that_a_next_hop_is_away(spool: Spooling) -> None:
    spool.hop.answers["BANNER"] = "554 not now"
    for number in range(5):
        spool.send(PLAIN.replace(b"<1@", b"<%d@" % number))
    spool.world.work()
    assert spool.hop.seen == []
    tried = [row for row in spool.rows() if row.failures]
    assert len(tried) == 1
    del spool.hop.answers["BANNER"]
    spool.later(minutes=10)
    assert len(spool.hop.taken) == 5


def notice_of(spool: Spooling) -> Any:
    content = spool.hop.only().content
    return email.message_from_bytes(content, policy=default)


@pytest.mark.parametrize("notices_to", ["", "it@acme.example.jp"])
def test_refused_mail_makes_one_notice_to_the_company(
    world: World, hop: Hop, notices_to: str
) -> None:
    with spooling(world, hop, notices_to=notices_to) as spool:
        hop.answers["RCPT"] = "550 5.1.1 unknown"
        spool.send()
        _work_once(spool)
        del hop.answers["RCPT"]
        world.work()
        assert hop.only().sender == "MAIL FROM:<>"
        assert hop.only().recipient == f"RCPT TO:<{notices_to or SENDER}>"
        told = notice_of(spool)
        assert told.get_content_type() == "multipart/report"
        assert told["Auto-Submitted"] == "auto-replied"
        parts = list(told.iter_parts())
        assert "taro@example.com" in parts[0].get_content()
        assert "転送先" in parts[0].get_content()
        assert "Action: failed" in parts[1].as_string()
        assert "Message-ID: <1@ats.example>" in parts[2].as_string()
        assert "面接" not in told.as_string()
        states = {row.is_notice: (row.state, row.error_code) for row in spool.rows()}
        assert states == {False: ("skipped", "next_hop_refused"), True: ("done", None)}


def _work_once(spool: Spooling) -> None:
    """The first attempt alone; what it owes is left."""
    queue = spool.world.queue
    (key, (_, job)) = next(iter(queue._waiting.items()))
    del queue._waiting[key]
    assert queue._run is not None
    queue._run(job)


def test_notice_that_cannot_be_delivered_tells_nobody(spool: Spooling) -> None:
    spool.hop.answers["RCPT"] = "550 5.1.1 unknown"
    spool.send()
    spool.world.work()
    assert sorted(row.state for row in spool.rows()) == ["skipped", "skipped"]
    assert spool.rows(SpooledContent) == []


def test_mail_that_nobody_takes_for_two_days_makes_one_notice(spool: Spooling) -> None:
    spool.hop.answers["DATA"] = "451 4.3.0 later"
    spool.send()
    spool.world.work()
    for _ in range(47):
        spool.later(hours=1)
    assert [row.state for row in spool.rows()] == ["due"]
    spool.later(hours=2)
    assert sorted((row.state, row.error_code) for row in spool.rows() if not row.is_notice) == [
        ("skipped", "expired")
    ]
    del spool.hop.answers["DATA"]
    spool.later(hours=1)
    assert notice_of(spool)["To"] == SENDER


def test_answer_that_is_lost_again_and_again_ends_after_three_copies(spool: Spooling) -> None:
    spool.hop.answers[DOT] = DROP
    spool.send()
    for _ in range(12):
        spool.later(hours=2)
    copies = [taken for taken in spool.hop.taken if taken.recipient == "RCPT TO:<taro@example.com>"]
    assert len(copies) == 3
    (mail,) = (row for row in spool.rows() if not row.is_notice)
    assert (mail.state, mail.error_code) == ("skipped", "uncertain")


def test_empty_sender_is_never_answered(spool: Spooling) -> None:
    spool.hop.answers["RCPT"] = "550 5.1.1 unknown"
    with Client(spool._server.port) as client:
        client.say("EHLO ats.example")
        assert client.send(PLAIN, sender="").startswith("250")
    spool.world.work()
    assert [row.state for row in spool.rows()] == ["skipped"]


def test_removed_relay_sends_nothing_more(spool: Spooling) -> None:
    spool.send()
    remove_relay(spool.world.runtime, "ats", actor="test")
    spool.world.work()
    assert spool.hop.seen == []
    assert spool.state() == ("skipped", "relay_removed")


def test_defect_leaves_the_mail_to_be_done_again_and_its_company_hears_of_it_in_time(
    spool: Spooling, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("careerrelay.engine.mail_onward.Passage.run", lambda *_: 1 / 0)
        spool.send()
        spool.world.work()
    assert spool.state()[0] == "dead"
    runtime = spool.world.runtime
    (line,) = work_lines(runtime, kind="relayed")
    spool.world.clock.forward(days=3)
    assert give_up_dead(runtime) == 1
    spool.world.work()
    assert notice_of(spool)["To"] == SENDER
    with pytest.raises(RefusedError, match="not kept any more"):
        replay(runtime, found_work(runtime, [line.id])[0], actor="test")


def test_dead_mail_can_be_done_again(spool: Spooling, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("careerrelay.engine.mail_onward.Passage.run", lambda *_: 1 / 0)
        spool.send()
        spool.world.work()
    (line,) = work_lines(spool.world.runtime, kind="relayed")
    assert replay(spool.world.runtime, line, actor="test")
    spool.world.work()
    assert spool.hop.only().below_trace == PLAIN


def test_traces_of_spooled_mails_go_with_the_others(spool: Spooling) -> None:
    spool.send()
    spool.world.work()
    spool.world.clock.forward(days=31)
    purge(spool.world.runtime)
    purge_orphans(spool.world.runtime)
    assert spool.rows() == []
    assert spool.rows(SpooledContent) == []


def test_doctor_and_metrics_tell_of_mails_that_wait_long(spool: Spooling) -> None:
    runtime = spool.world.runtime
    spool.hop.answers["MAIL"] = "451 4.3.0 later"
    spool.relaying.tell(1, REJECTED)
    spool.send(message(), to=("person1@example.com",))
    spool.world.work()
    with runtime.database.read() as session:
        connection = session.get_one(Connection, CONNECTION)
    assert "spool" not in {found.name for found in relay_findings(runtime, connection)}
    spool.world.clock.forward(minutes=61)
    found = {found.name: found for found in relay_findings(runtime, connection)}
    assert "1 mail has waited" in found["spool"].detail
    ingest = Ingest(runtime)
    try:
        told = {gauge.name: gauge.values for gauge in gauges(runtime, ingest)}
    finally:
        ingest.stop()
    assert told["careerrelay_work_due"]["spooled_mails", CONNECTION] == 1.0
    spool.later(minutes=1)
    told = {gauge.name: gauge.values for gauge in gauges(runtime, ingest)}
    key = (CONNECTION, "personal", "replaced", "marker")
    assert told["careerrelay_relayed_mails_last_hour"][key] == 1.0
