"""Whose mail the milter's is, and relays that mails come to by the milter."""

from __future__ import annotations

import pytest

from careerrelay.engine.doctor_relays import relay_findings
from careerrelay.engine.mail_relays import RelayPlan, add_relay, change_relay, shown_relay
from careerrelay.engine.milter_desk import MilterMailDesk
from careerrelay.models.errors import ConfigurationError
from careerrelay.models.tables import Connection
from tests.support.world import World, open_runtime

CONNECTION = "relayed"


@pytest.fixture
def desk(world: World) -> MilterMailDesk:
    world.connect(CONNECTION, strategies=("mail_relay",))
    add(world, "mta", senders=["acme.example.jp", "hr@acme.example"], networks=["192.0.2.0/24"])
    return MilterMailDesk(world.runtime)


def add(world: World, id_: str, **values: object) -> str:
    plan = RelayPlan({"milter": True, **values})
    _, password = add_relay(world.runtime, id_, connection=CONNECTION, plan=plan, actor="test")
    return password


def account(
    desk: MilterMailDesk, sender: str, *, client: str = "203.0.113.5", signed_in: bool = True
) -> str:
    found = desk.account_of_sender(sender, client=client, signed_in=signed_in)
    return found.id if found else ""


@pytest.mark.parametrize(
    ("sender", "id_"),
    [
        ("saiyo@acme.example.jp", "mta"),
        ("SAIYO@ACME.example.jp", "mta"),
        ("hr@acme.example", "mta"),
        ("other@acme.example", ""),
        ("saiyo@sub.acme.example.jp", ""),
        ("", ""),
    ],
)
def test_account_is_that_of_the_sender(desk: MilterMailDesk, sender: str, id_: str) -> None:
    assert account(desk, sender) == id_


@pytest.mark.parametrize(
    ("client", "trusted"),
    [
        ("", True), ("127.0.0.1", True), ("::1", True), ("192.0.2.9", True),
        ("::ffff:192.0.2.9", True), ("203.0.113.5", False), ("unknown", False),
    ],
)  # fmt: skip
def test_without_a_sign_in_at_the_mta_the_client_must_be_known(
    desk: MilterMailDesk, client: str, trusted: bool
) -> None:
    found = account(desk, "saiyo@acme.example.jp", client=client, signed_in=False)
    assert bool(found) is trusted


def test_relay_of_the_smtp_listener_is_none_of_the_milters(
    desk: MilterMailDesk, world: World
) -> None:
    plan = RelayPlan({"senders": ["smtp.example.jp"], "next_hop_host": "smtp.example.jp"})
    add_relay(world.runtime, "smtp", connection=CONNECTION, plan=plan, actor="test")
    assert account(desk, "a@smtp.example.jp") == ""
    # And the other way round: networks of a milter relay are clients of the MTA, not ours.
    assert desk.accounts_of_address("192.0.2.9") == []


def test_relay_by_the_milter_has_no_password_and_no_next_hop(
    desk: MilterMailDesk, world: World
) -> None:
    assert add(world, "mta2", senders=["two.example.jp"]) == ""
    changed = change_relay(world.runtime, "mta2", plan=RelayPlan({"demand": True}), actor="test")
    assert shown_relay(changed)["password"] == "missing"
    found = desk.account_of_sender("a@two.example.jp", client="", signed_in=False)
    assert found is not None
    assert (found.demand, found.next_hop.host) == (True, "")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"senders": ["two.example.jp"], "next_hop_host": "smtp.example.jp"}, "mta2: milter: the"),
        ({"senders": ["two.example.jp"], "dkim_domain": "two.example.jp"}, "mta2: milter: the"),
        ({"senders": ["acme.example.jp"]}, "mta2: senders: mail relay 'mta' has the same"),
        ({}, "mta2: senders: is missing"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_values_that_do_not_go_with_the_milter_are_named(
    world: World, values: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        add(world, "mta2", **values)
    assert caught.value.message.startswith(f"mail relay {told}")


def test_doctor_says_where_the_mail_server_asks(desk: MilterMailDesk, world: World) -> None:
    del desk
    settings = world.runtime.settings
    with world.runtime.database.read() as session:
        connection = session.get_one(Connection, CONNECTION)
    (missing, *_) = relay_findings(world.runtime, connection)
    assert missing.remedy.startswith("set [mail_relay] milter")
    runtime = open_runtime(
        settings.database_url, settings.folder, clock=world.clock, queue=world.queue,
        mail_relay={"milter": "inet:8894@127.0.0.1"},
    )  # fmt: skip
    (there, *_) = relay_findings(runtime, connection)
    runtime.close()
    assert there.detail == "its mail server asks us at inet:8894@127.0.0.1"
