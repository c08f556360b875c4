"""What the milter makes of a mail, and what it tells the MTA and the house."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import structlog

from careerrelay.mail.injection import MARKER, Status
from careerrelay.mail.milter import passage
from careerrelay.mail.relay.desk import Passing, Treatment
from tests.mail.milter.desks import (
    ACCOUNT,
    LINK,
    NOTHING,
    POLICY,
    URL,
    FakeDesk,
    demanding,
    running_milter,
)
from tests.mail.milter.letters import COLLEAGUE, HANAKO, MARKED, PLAIN, SIGNED, TARO
from tests.mail.milter.mta import ACTIONS, applied, connected


def passed(desk: FakeDesk, message: bytes = MARKED, **how: object) -> str:
    """The answer that ends the message, as its command and reply."""
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        last = mta.pass_on(message, **how)[-1]  # type: ignore[arg-type] - keywords of pass_on
    return (last.command + b" " + last.data.rstrip(b"\0")).decode().strip()


def test_marker_becomes_the_link_and_the_house_is_told() -> None:
    desk = FakeDesk()
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        asked = mta.pass_on(MARKED)
    made = applied(MARKED, asked)
    assert asked[-1].command == b"a"
    assert made.count(URL.encode()) == 1
    assert b"{{career_relay_link}}" not in made
    assert made.startswith(b"X-CareerRelay: v=1; s=replaced;")
    (told,) = desk.told
    assert (told.recipient, told.delivery, told.result.status) == (TARO, "delivery1", "replaced")
    assert told.reply.code == 250
    assert desk.treated[0].message == MARKED


def test_log_line_tells_which_mail_it_was_and_where_it_was_changed() -> None:
    desk = FakeDesk(replace(LINK, mail="a keyed hash"))
    with structlog.testing.capture_logs() as told:
        assert passed(desk) == "a"
    (line,) = [line for line in told if line["event"] == "mail_passed"]
    assert (line["message"], line["size"]) == ("a keyed hash", len(MARKED))
    assert MARKER.encode() in b"".join(MARKED[start:end] for start, end, _ in line["spans"])
    assert line["milliseconds"] >= 0


def test_several_messages_and_clients_on_one_connection() -> None:
    desk = FakeDesk()
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        mta.say(b"C", b"ats\x004\0\x19192.0.2.7\0")
        mta.pass_on(MARKED, login="")
        mta.begin()
        mta.tell(PLAIN, to=[TARO])
        mta.say(b"A")
        mta.say(b"K")
        mta.pass_on(PLAIN)
        mta.say(b"Q")
        with pytest.raises(EOFError):
            mta.hear()
    assert desk.asked == [
        ("hr@example.jp", "192.0.2.7", False),
        ("hr@example.jp", "192.0.2.7", True),
        ("hr@example.jp", "unknown", True),
    ]
    assert [t.result.status for t in desk.told] == [Status.REPLACED, Status.INJECTED]


def test_of_mail_that_is_none_of_ours_no_more_than_the_sender_is_heard() -> None:
    desk = FakeDesk(account=None)
    assert passed(desk) == "a"
    assert (desk.treated, desk.told) == ([], [])


def test_null_sender_is_never_ours() -> None:
    desk = FakeDesk()
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        assert mta.begin("").command == b"a"
        mta.say(b"A")
    assert desk.asked == []


def test_author_outside_the_company_is_left_alone_but_for_a_raw_marker() -> None:
    desk = FakeDesk()
    assert passed(desk, PLAIN.replace(b"hr@example.jp>", b"x@other.example>")) == "a"
    assert passed(desk, MARKED.replace(b"From: HR <hr@example.jp>\r\n", b"")) == (
        "y 550 5.6.0 The marker in this mail cannot be replaced: other_author"
    )
    two = PLAIN.replace(b"Subject:", b"From: x@other.example\r\nSubject:")
    assert passed(desk, two) == "a"
    assert desk.treated == []


def test_author_may_be_written_with_the_domain_in_its_own_letters() -> None:
    domain = "採用.example.jp"
    account = replace(ACCOUNT, senders=frozenset({"xn--czu130b.example.jp"}))
    desk = FakeDesk(NOTHING, account=account)
    assert passed(desk, PLAIN.replace(b"example.jp>", f"{domain}>".encode())) == "a"
    assert len(desk.treated) == 1


def test_links_beyond_the_hours_limit_wait_and_other_mail_does_not() -> None:
    desk = FakeDesk(account=replace(ACCOUNT, per_hour=1))
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        assert mta.pass_on(PLAIN)[-1].command == b"a"
        asked = mta.pass_on(PLAIN)
        assert len(asked) == 1
        assert asked[0].data.startswith(b"451 4.7.1 More mails in this hour than per_hour")
        desk.treatment = NOTHING
        assert mta.pass_on(PLAIN)[-1].command == b"a"
    assert [told.reply.code for told in desk.told] == [250, 451, 250]


def test_links_for_more_people_than_the_hours_limit_wait() -> None:
    desk = FakeDesk(account=replace(ACCOUNT, people_per_hour=1))
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        assert [mta.pass_on(PLAIN, to=[to])[-1].command for to in (TARO, HANAKO, TARO)] == [
            b"a", b"y", b"a",
        ]  # fmt: skip


def test_mail_that_is_to_get_nothing_goes_on_as_it_is() -> None:
    desk = FakeDesk(NOTHING)
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        assert [p.command for p in mta.pass_on(PLAIN)] == [b"a"]
    assert desk.told[0].result.status is Status.SKIPPED


@pytest.mark.parametrize(
    ("treatment", "answer"),
    [
        (
            Treatment(None, POLICY, "d", retry_later="not_rejected"),
            "y 451 4.7.0 Not decided yet, please try again: not_rejected",
        ),
        (
            Treatment(None, POLICY, "d", refuse="not_rejected"),
            "y 550 5.7.1 Refused by the mail relay's without_link: not_rejected",
        ),
    ],
)
def test_mail_that_does_not_go_on_is_answered_so(treatment: Treatment, answer: str) -> None:
    desk = FakeDesk(treatment)
    assert passed(desk) == answer
    assert desk.told[0].result.code == "held"
    assert str(desk.told[0].reply.code) == answer[2:5]


def test_marker_goes_where_nobody_is_to_be_linked() -> None:
    desk = FakeDesk(Treatment(None, POLICY, "d", erase=True))
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        made = applied(MARKED, mta.pass_on(MARKED))
    assert b"career_relay" not in made
    assert desk.told[0].result.code == "erased"


def test_marker_that_cannot_be_replaced_is_not_let_through() -> None:
    message = MARKED.replace(b"text/plain;", b"multipart/signed; boundary=x;")
    assert passed(FakeDesk(), message).startswith("y 550 5.6.0 The marker")


def test_refused_mail_goes_on_unless_the_link_is_demanded() -> None:
    assert passed(FakeDesk(), SIGNED) == "a"
    answer = passed(FakeDesk(account=demanding()), SIGNED)
    assert answer.startswith("y 550 5.6.0 This mail cannot carry its link, which the relay demands")


def test_copy_for_a_colleague_does_not_make_it_several_people() -> None:
    desk = FakeDesk()
    assert passed(desk, to=[COLLEAGUE, TARO]) == "a"
    assert [t.recipient for t in desk.told] == [TARO]


def test_mail_within_the_company_is_treated_as_one() -> None:
    desk = FakeDesk()
    assert passed(desk, to=[COLLEAGUE, "hr2@example.jp"]) == "a"
    assert [t.recipient for t in desk.told] == [COLLEAGUE]


def test_address_that_is_named_twice_is_one_person() -> None:
    desk = FakeDesk()
    assert passed(desk, to=[TARO, TARO.upper()]) == "a"
    assert desk.told[0].result.status is Status.REPLACED


def test_several_people_get_the_mail_unchanged_and_each_is_told() -> None:
    desk = FakeDesk({TARO: LINK, HANAKO: NOTHING})
    assert passed(desk, PLAIN, to=[TARO, HANAKO]) == "a"
    assert [(t.recipient, t.result.code, t.reply.code) for t in desk.told] == [
        (TARO, "multi_rcpt", 250), (HANAKO, "multi_rcpt", 250),
    ]  # fmt: skip


def test_several_people_and_a_marker_or_a_demand_are_refused() -> None:
    both = [TARO, HANAKO]
    assert passed(FakeDesk(), to=both) == (
        "y 550 5.6.0 The marker in this mail cannot be replaced: multi_rcpt"
    )
    assert passed(FakeDesk(account=demanding()), PLAIN, to=both) == (
        "y 550 5.6.0 This mail cannot carry its link, which the relay demands: multi_rcpt"
    )
    assert passed(FakeDesk(NOTHING, account=demanding()), PLAIN, to=both) == "a"


def test_mailing_to_many_asks_about_a_few_only() -> None:
    desk = FakeDesk(NOTHING)
    assert passed(desk, PLAIN, to=[f"person{n}@example.com" for n in range(40)]) == "a"
    assert len(desk.treated) == passage.MOST_TOLD


LATER = "y 451 4.3.0 The link cannot be put in now, please try again"


def test_failure_of_ours_lets_mail_go_on_but_for_a_marker_or_a_demand() -> None:
    broken = RuntimeError("store")
    assert passed(FakeDesk(broken), PLAIN) == "a"
    assert passed(FakeDesk(broken), MARKED) == LATER
    assert passed(FakeDesk(broken, account=demanding()), PLAIN) == LATER


def test_own_marker_of_a_company_is_known_without_the_store() -> None:
    account = replace(ACCOUNT, marker="[[our_link]]")
    message = MARKED.replace(b"{{career_relay_link}}", b"[[our_link]]")
    assert passed(FakeDesk(RuntimeError(), account=account), message) == LATER


def test_sender_that_the_store_told_of_before_is_known_while_it_is_away() -> None:
    desk = FakeDesk(account=demanding())
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        mta.pass_on(PLAIN)
        desk.account = RuntimeError("store")
        desk.treatment = RuntimeError("store")
        assert mta.pass_on(PLAIN)[-1].data.startswith(b"451 4.3.0")


def test_sender_that_nobody_knows_while_the_store_is_away() -> None:
    desk = FakeDesk(account=RuntimeError("store"))
    assert passed(desk, PLAIN) == "a"
    assert passed(desk, MARKED) == LATER


def test_senders_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("careerrelay.mail.milter.house.MOST_KNOWN", 1)
    desk = FakeDesk()
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer()
        for sender in ("a@example.jp", "b@example.jp"):
            mta.begin(sender)
            mta.say(b"A")
        desk.account = RuntimeError("store")
        desk.treatment = RuntimeError("store")
        mta.begin("a@example.jp")
        mta.tell(PLAIN, to=[TARO])
        assert mta.end()[-1].command == b"a"
        mta.begin("b@example.jp")
        mta.say(b"A")


def test_house_that_takes_too_long_is_waited_for_no_more() -> None:
    may_end = threading.Event()

    class Slow(FakeDesk):
        def treat(self, passing: Passing) -> Treatment:
            may_end.wait(60)
            return super().treat(passing)

    desk = Slow()
    with running_milter(desk, answer_seconds=0.2) as place, connected(place) as mta:
        mta.offer()
        assert mta.pass_on(PLAIN)[-1].command == b"a"
        assert desk.told == []
        may_end.set()


def test_mail_goes_out_although_its_end_cannot_be_told() -> None:
    assert passed(FakeDesk(telling=RuntimeError("store"))) == "a"


def test_mta_that_forbids_changes_gets_none() -> None:
    desk = FakeDesk()
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer(actions=ACTIONS & ~0x02)
        assert mta.pass_on(PLAIN)[-1].command == b"a"
        assert mta.pass_on(MARKED)[-1].data.startswith(b"451 ")
    assert [t.result.code for t in desk.told] == ["mta_forbids", "mta_forbids"]


def test_change_that_header_requests_cannot_say_is_not_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passage, "requests", lambda *_args, **_more: None)
    desk = FakeDesk()
    assert passed(desk, PLAIN) == "a"
    assert desk.told[0].result.code == "self_check"


def test_old_mta_with_an_answer_to_everything() -> None:
    """Version 2: no steps may be left out, so each is answered."""
    desk = FakeDesk()
    with running_milter(desk) as place, connected(place) as mta:
        mta.offer(version=2, actions=0x3F, steps=0)
        assert mta.ask(b"C", b"ats\x004\0\x19192.0.2.7\0").command == b"c"
        assert mta.ask(b"H", b"ats\0").command == b"c"
        assert mta.begin().command == b"c"
        assert mta.ask(b"R", b"<taro@example.com>\0").command == b"c"
        for name, value in ((b"From", b"hr@example.jp"), (b"Subject", b"x")):
            assert mta.ask(b"L", name + b"\0" + value + b"\0").command == b"c"
        assert mta.ask(b"N").command == b"c"
        assert mta.ask(b"B", b"Hello\r\n").command == b"c"
        asked = mta.end()
    assert [p.command for p in asked[-2:]] == [b"b", b"a"]
    assert URL.encode() in asked[-2].data
