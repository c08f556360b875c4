"""What is told of the relay: by doctor, and in the report with what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from careerrelay.engine.doctor_relays import relay_findings
from careerrelay.engine.findings import Finding, Status
from careerrelay.engine.mail_relay_report import ReportLine, mail_lines, mail_report
from careerrelay.engine.mail_relay_words import REMEDIES, remedy
from careerrelay.engine.mail_relays import RelayPlan, change_relay, remove_relay, rotate_password
from careerrelay.engine.retention import purge
from careerrelay.mail.injection import Result
from careerrelay.mail.injection import Status as Done
from careerrelay.models.candidates import ApplicationState
from careerrelay.models.tables import Connection
from tests.engine.relaying import CONNECTION, TAKEN, Relaying, message, relaying
from tests.support.mailbox import running_mailbox
from tests.support.world import World

REJECTED = ApplicationState.REJECTED


@pytest.fixture
def relay(world: World) -> Relaying:
    return relaying(world)


def report(relay: Relaying, *, locale: str = "en") -> list[ReportLine]:
    since = relay.world.clock() - timedelta(days=7)
    return mail_report(relay.world.runtime, CONNECTION, since=since, locale=locale)


def findings(relay: Relaying, connection: str = CONNECTION) -> dict[str, Finding]:
    with relay.world.runtime.database.read() as session:
        row = session.get_one(Connection, connection)
    return {found.name: found for found in relay_findings(relay.world.runtime, row)}


def point(relay: Relaying, port: int) -> None:
    values = {"next_hop_host": "127.0.0.1", "next_hop_port": port, "next_hop_security": "none"}
    change_relay(relay.world.runtime, "ats", plan=RelayPlan(values), actor="test")


def test_report_counts_by_what_became_of_the_mails_and_says_what_to_do(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.tell(2, REJECTED)
    relay.tell(3, ApplicationState.WITHDRAWN)
    for number in (1, 1, 2):
        content = message(message_id=f"<{number}-{len(relay.mails())}@ats.example>")
        relay.send(number, content=content)
    relay.send(2, status=Done.REFUSED, code="tnef", content=message(message_id="<t@ats.example>"))
    relay.send(3)
    told = {(line.mails, line.status, line.code): line.remedy for line in report(relay)}
    assert told[3, "replaced", ""] == ""
    assert "winmail.dat" in told[1, "refused", "tnef"]
    assert told[1, "none", "withdrawn"] == "The applicant withdrew."
    assert "winmail.dat" in str(report(relay, locale="ja"))


def test_report_names_rejections_whose_mail_never_came(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.world.clock.forward(days=15)
    relay.world.work()
    since = relay.world.clock() - timedelta(days=30)
    (line,) = mail_report(relay.world.runtime, CONNECTION, since=since, locale="en")
    assert (line.mails, line.code) == (1, "no_mail")


def test_lines_are_the_latest_first_and_of_one_connection(relay: Relaying) -> None:
    for number in (1, 2):
        relay.tell(number, REJECTED)
        relay.send(number)
        relay.world.clock.forward(minutes=1)
    lines = mail_lines(relay.world.runtime, CONNECTION)
    assert [line.reply for line in lines] == [250, 250]
    assert lines[0].last_at > lines[1].last_at
    assert mail_lines(relay.world.runtime, "toy") == []


def test_every_remedy_is_said_in_both_languages() -> None:
    assert all(set(words) == {"en", "ja"} for words in REMEDIES.values())
    assert remedy("never heard of", locale="ja") != remedy("never heard of", locale="en")


def test_traces_of_mails_go_with_those_of_signals(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    relay.send(1)
    relay.world.clock.forward(days=31)
    purge(relay.world.runtime)
    assert relay.mails() == []
    assert relay.delivery().state == "done"


def test_end_of_a_mail_that_is_forgotten_meanwhile_is_no_error(relay: Relaying) -> None:
    relay.tell(1, REJECTED)
    passing = relay.passing(1)
    treatment = relay.desk.treat(passing)
    relay.world.clock.forward(days=31)
    purge(relay.world.runtime)
    relay.send(1)
    assert treatment.paragraph is not None


def test_doctor_connects_to_the_next_hop_and_sends_nothing(relay: Relaying) -> None:
    with running_mailbox() as mailbox:
        point(relay, mailbox.port)
        found = findings(relay)
    assert found["next hop"].status is Status.OK
    assert found["mails"].status is Status.HINT
    assert mailbox.messages == []


def test_doctor_says_which_step_of_the_next_hop_failed(relay: Relaying) -> None:
    point(relay, 1)
    found = findings(relay)["next hop"]
    assert found.status is Status.FAIL
    assert "connect" in found.detail
    assert "mail-relay set ats" in found.remedy


def test_doctor_misses_the_relay_of_a_connection_that_chose_it(relay: Relaying) -> None:
    remove_relay(relay.world.runtime, "ats", actor="test")
    assert findings(relay)["mail relay"].status is Status.FAIL


def test_doctor_says_when_a_relay_is_there_and_not_chosen(relay: Relaying) -> None:
    with relay.world.runtime.database.begin() as session:
        session.get_one(Connection, CONNECTION).strategies = ["static_link"]
    assert findings(relay)["mail relay"].status is Status.HINT


def test_doctor_says_nothing_to_a_connection_without_a_relay(relay: Relaying) -> None:
    assert findings(relay, "toy") == {}


def test_doctor_groups_what_stood_in_the_way_and_counts_what_waits(relay: Relaying) -> None:
    for number in (1, 2, 3):
        relay.tell(number, REJECTED)
    relay.send(1, status=Done.REFUSED, code="smime")
    relay.send(2)
    rotate_password(relay.world.runtime, "ats", actor="test")
    with running_mailbox() as mailbox:
        point(relay, mailbox.port)
        found = findings(relay)
    assert "1 smime" in found["mails"].detail
    assert found["waiting"].detail.startswith("1 ")
    assert "--drop-old" in found["password"].remedy


@pytest.mark.parametrize("note", ["token_misspelt", "token_in_subject"])
def test_what_a_template_is_to_be_rid_of_is_told_though_the_mail_had_its_link(
    relay: Relaying, note: str
) -> None:
    relay.tell(1, REJECTED)
    passing = relay.passing(1)
    result = Result(Done.REPLACED, "marker", notes=("multi_text", note))
    relay.desk.sent(passing, relay.desk.treat(passing), result, reply=TAKEN)
    told = {line.code: line for line in report(relay)}
    assert told["marker"].remedy == ""
    assert (told[note].mails, told[note].status) == (1, "noted")
    assert "template" in told[note].remedy or "subject" in told[note].remedy
    assert mail_lines(relay.world.runtime, CONNECTION)[0].notes == ("multi_text", note)
    found = findings(relay)
    assert found["templates"].detail.endswith(f"1 {note}")
    assert found["mails"].status is Status.OK


def test_misspelt_marker_is_reported_with_what_to_do(relay: Relaying) -> None:
    relay.tell(1, ApplicationState.WITHDRAWN)
    relay.send(1, content=message(text="{{career_relay_lnk}}"))
    (line,) = report(relay, locale="ja")
    assert (line.mails, line.code) == (1, "token_misspelt")
    assert "つづり" in line.remedy


@pytest.mark.parametrize(
    ("values", "is_hinted"),
    [
        ({"networks": ["192.0.2.0/24"]}, False),
        ({"networks": ["198.18.0.0/15"]}, True),
        ({"networks": ["198.18.0.0/15"], "network_key": True}, False),
    ],
)
def test_doctor_says_when_a_network_may_be_shared(
    world: World, values: dict[str, Any], is_hinted: bool
) -> None:
    relay = relaying(world, **values)
    with running_mailbox() as mailbox:
        point(relay, mailbox.port)
        found = findings(relay)
    assert ("networks" in found) is is_hinted
    if is_hinted:
        assert found["networks"].remedy == "careerrelay mail-relay set ats --network-key yes"


@pytest.mark.parametrize(
    ("name", "is_hinted"), [("株式会社髙橋ﾘﾚｰ", False), ("株式会社𠮷野", True)]
)
def test_case_078_doctor_says_when_the_operators_name_cannot_be_written_in_old_charsets(
    relay: Relaying, monkeypatch: pytest.MonkeyPatch, name: str, is_hinted: bool
) -> None:
    settings = relay.world.runtime.settings
    operator = {**settings.operator, "name": name}
    monkeypatch.setattr(relay.world.runtime, "settings", replace(settings, operator=operator))
    with running_mailbox() as mailbox:
        point(relay, mailbox.port)
        assert ("operator" in findings(relay)) is is_hinted
